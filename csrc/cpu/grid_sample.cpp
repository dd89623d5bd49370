#include "cpu/channels_last.h"
#include "cpu/sampling_arguments.h"

#define PTUS_KERNEL_HEADER "cpu/grid_sample_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

template <int rank>
void check(const Tensor& input, const Tensor& grid) {
  STD_TORCH_CHECK(
      input.dim() == rank + 2 && grid.dim() == rank + 2 && grid.size(rank + 1) == rank && grid.size(0) == input.size(0),
      "grid_sample: input and grid do not fit together");
  check_coordinates("grid", grid, input);
  check_sampled_volume(input, grid);
}

template <int rank>
Tensor forward(const Tensor& input, const Tensor& grid, std::string mode, std::string padding_mode,
               bool align_corners) {
  check<rank>(input, grid);
  const Sampling sampling = sampling_of(mode, padding_mode, align_corners);
  std::vector<int64_t> size = size_of(grid);
  size.pop_back();
  size.insert(size.begin() + 1, input.size(1));
  Tensor output = empty_in_format_of(input, size);
  dispatch_type(input.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto points = grid_of<const Real<T>>(grid);
    const auto out = volume_of<T>(output);
    const auto rows = PTUS_FOR_THIS_CPU(grid_sample_rows<T, rank>);
    with_channels_last<T>(volume_of<const T>(input), [&](const Volume<const T>& volume, int64_t first, int64_t last) {
      const int64_t per_sample = out.depth * out.height;
      torch::stable::parallel_for(first * per_sample, last * per_sample, grain_of(out.width * out.channels),
                                  [&](int64_t begin, int64_t end) { rows(volume, points, sampling, out, begin, end); });
    });
  });
  return output;
}

template <class T, int rank>
void grid_gradient(const Tensor& grad_output, const Tensor& input, const Tensor& grid, const Sampling& sampling,
                   const Tensor& grad_grid) {
  const auto gradient = volume_of<const T>(grad_output);
  const auto points = grid_of<const Real<T>>(grid);
  const auto out = grid_of<Real<T>>(grad_grid);
  const auto rows = PTUS_FOR_THIS_CPU(grid_sample_grid_gradient_rows<T, rank>);
  with_channels_last<T>(volume_of<const T>(input), [&](const Volume<const T>& volume, int64_t first, int64_t last) {
    const int64_t per_sample = points.depth * points.height;
    torch::stable::parallel_for(
        first * per_sample, last * per_sample, grain_of(points.width * volume.channels),
        [&](int64_t begin, int64_t end) { rows(volume, points, sampling, gradient, out, begin, end); });
  });
}

template <class T, int rank>
void input_gradient(const Tensor& grad_output, const Tensor& grid, const Sampling& sampling, const Tensor& grad_input) {
  using R = Real<T>;
  const auto gradient = volume_of<const T>(grad_output);
  const auto points = grid_of<const R>(grid);
  const auto volume = volume_of<T>(grad_input);
  const int64_t tiles = tiles_of(points.width);
  std::vector<TileBounds> bounds(points.rows() * tiles);
  const auto bounds_rows = PTUS_FOR_THIS_CPU(grid_sample_bounds_rows<T, rank>);
  torch::stable::parallel_for(0, points.rows(), grain_of(points.width), [&](int64_t begin, int64_t end) {
    bounds_rows(volume.as_const(), points, sampling, bounds.data(), begin, end);
  });
  const Slabs slabs(volume.batch, volume.depth, volume.height, volume.width, volume.channels * sizeof(R));
  const auto slab = PTUS_FOR_THIS_CPU(grid_sample_input_gradient_slab<T, rank>);
  torch::stable::parallel_for(0, slabs.count(), 1, [&](int64_t begin, int64_t end) {
    const Scratch sums(slabs.bytes());
    for (int64_t i = begin; i < end; ++i) {
      slab(points, sampling, gradient, bounds.data(), sums.as<R>(), slabs[i], volume);
    }
  });
}

// The gradients asked for by output_mask, of (input, grid).
template <int rank>
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& input, const Tensor& grid, std::string mode,
                             std::string padding_mode, bool align_corners, std::vector<bool> output_mask) {
  check<rank>(input, grid);
  check_grad_output(grad_output, input, grid);
  const Sampling sampling = sampling_of(mode, padding_mode, align_corners);
  std::vector<Tensor> gradients;
  dispatch_type(input.scalar_type(), [&](auto type) {
    using T = decltype(type);
    if (output_mask[0]) {
      gradients.push_back(empty_in_format_of(input, size_of(input)));
      input_gradient<T, rank>(grad_output, grid, sampling, gradients.back());
    }
    if (output_mask[1]) {
      gradients.push_back(empty_contiguous(grid, size_of(grid), grid.scalar_type()));
      grid_gradient<T, rank>(grad_output, input, grid, sampling, gradients.back());
    }
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("grid_sample_2d", TORCH_BOX(&forward<2>));
  m.impl("grid_sample_2d_backward", TORCH_BOX(&backward<2>));
  m.impl("grid_sample_3d", TORCH_BOX(&forward<3>));
  m.impl("grid_sample_3d_backward", TORCH_BOX(&backward<3>));
}

}  // namespace ptus
