// The adjoint of resizing a map. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The adjoint of the resizing: rows `begin` to `end` of the gradient of a map, over batch and its height, each gathered
// from the rows of `pixels`, a dense (batch, height, width), that read it.
template <class R>
void resize_gradient_rows(const R* pixels, int64_t height, int64_t width, const Volume<R>& grad_map, int64_t begin,
                          int64_t end) {
  const RowTaps<R> taps(grad_map.width, width);
  const Scratch scratch(width * static_cast<int64_t>(sizeof(R)));
  R* const sums = scratch.as<R>();
  int64_t first = 0;  // the first row of pixels that reads row j
  for (int64_t r = begin; r < end; ++r) {
    const int64_t n = r / grad_map.height, j = r % grad_map.height;
    if (j == 0) first = 0;
    while (first < height && resize_taps<R>(first, grad_map.height, height).index[1] < j) ++first;
    std::memset(sums, 0, width * sizeof(R));
    for (int64_t y = first; y < height; ++y) {
      const ResizeTaps<R> y_taps = resize_taps<R>(y, grad_map.height, height);
      if (y_taps.index[0] > j) break;
      const R weight =
          (y_taps.index[0] == j ? y_taps.weight[0] : R(0)) + (y_taps.index[1] == j ? y_taps.weight[1] : R(0));
      const R* const row = pixels + (n * height + y) * width;
      for (int64_t x = 0; x < width; ++x) sums[x] += weight * row[x];
    }
    R* const to = grad_map.at(n, 0, j);
    std::memset(to, 0, grad_map.width * sizeof(R));
    for (int64_t x = 0; x < width; ++x) {
      to[taps.index[0][x]] += taps.weight[0][x] * sums[x];
      to[taps.index[1][x]] += taps.weight[1][x] * sums[x];
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
