#include "cpu/resize_gradient.h"

#define PTUS_KERNEL_HEADER "cpu/resize_gradient_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {

template <class R>
void resize_gradient(const R* pixels, const OcclusionMap<R>& occlusion, const Volume<R>& grad_map) {
  const auto rows = PTUS_FOR_THIS_CPU(resize_gradient_rows<R>);
  const int64_t rows_read = 2 * (occlusion.height() / occlusion.map.height + 1);
  torch::stable::parallel_for(0, grad_map.batch * grad_map.height, grain_of(rows_read * occlusion.width()),
                              [&](int64_t begin, int64_t end) { rows(pixels, occlusion, grad_map, begin, end); });
}

template void resize_gradient(const float*, const OcclusionMap<float>&, const Volume<float>&);
template void resize_gradient(const double*, const OcclusionMap<double>&, const Volume<double>&);

}  // namespace ptus
