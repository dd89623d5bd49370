#include "cpu/resize_gradient.h"

#define PTUS_KERNEL_HEADER "cpu/resize_gradient_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {

template <class R>
void resize_gradient(const R* pixels, int64_t height, int64_t width, const Volume<R>& grad_map) {
  const auto rows = PTUS_FOR_THIS_CPU(resize_gradient_rows<R>);
  const int64_t reads_of_row = 2 * width * std::max<int64_t>(1, height / std::max<int64_t>(1, grad_map.height));
  torch::stable::parallel_for(0, grad_map.batch * grad_map.height, grain_of(reads_of_row),
                              [&](int64_t begin, int64_t end) { rows(pixels, height, width, grad_map, begin, end); });
}

template void resize_gradient(const float*, int64_t, int64_t, const Volume<float>&);
template void resize_gradient(const double*, int64_t, int64_t, const Volume<double>&);

}  // namespace ptus
