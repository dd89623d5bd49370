#include "host/warp_arguments.h"

#include "host/occlusion_arguments.h"
#include "host/sampling_arguments.h"

namespace ptus {

std::vector<int64_t> size_of_output(const WarpArguments& of) {
  std::vector<int64_t> size = size_of(of.points);
  size.pop_back();
  size.insert(size.begin() + 1, of.input.size(1));
  return size;
}

void check_warp(int rank, const char* op, const WarpArguments& of) {
  const Tensor &input = of.input, &points = of.points;
  STD_TORCH_CHECK(input.dim() == rank + 2 && points.dim() == rank + 2 && points.size(rank + 1) == rank &&
                      points.size(0) == input.size(0),
                  op, ": input and points do not fit together");
  check_coordinates("points", points, input);
  check_sampled_volume(input, points);
  if (of.occlusion != nullptr) check_occlusion(*of.occlusion, input, input.size(1) > 0 && points.numel() > 0);
  if (of.background == nullptr) return;
  STD_TORCH_CHECK(of.occlusion != nullptr, op, ": a background needs an occlusion map");
  STD_TORCH_CHECK(of.background->scalar_type() == input.scalar_type() && size_of(*of.background) == size_of_output(of),
                  "background: expected the size and type of the output");
}

}  // namespace ptus
