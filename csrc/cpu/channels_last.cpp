#include "cpu/channels_last.h"

#define PTUS_KERNEL_HEADER "cpu/channels_last_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {

template <class T>
void pack_sample(T* to, const Volume<const T>& from, int64_t n) {
  const auto rows = PTUS_FOR_THIS_CPU(pack_rows<T>);
  torch::stable::parallel_for(0, from.depth * from.height, grain_of(from.width * from.channels),
                              [&](int64_t begin, int64_t end) { rows(to, from, n, begin, end); });
}

template void pack_sample(float*, const Volume<const float>&, int64_t);
template void pack_sample(double*, const Volume<const double>&, int64_t);
template void pack_sample(Half*, const Volume<const Half>&, int64_t);
template void pack_sample(BFloat16*, const Volume<const BFloat16>&, int64_t);

}  // namespace ptus
