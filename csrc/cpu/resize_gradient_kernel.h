// The adjoint of resizing an occlusion map. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Rows `begin` to `end` of the gradient, over batch and the map's height. `pixels` is the gradient of the resized map.
template <class R>
void resize_gradient_rows(const R* pixels, const OcclusionMap<R>& occlusion, const Volume<R>& grad_map, int64_t begin,
                          int64_t end) {
  const ResizeTable<R>&ys = occlusion.y, &xs = occlusion.x;
  const Scratch scratch(xs.to * static_cast<int64_t>(sizeof(R)));
  R* const sums = scratch.as<R>();
  for (int64_t r = begin; r < end; ++r) {
    const int64_t n = r / ys.from, j = r % ys.from;
    const int64_t y_begin = ys.begin.data()[j], y_count = ys.count.data()[j];
    const R* const y_weight = ys.adjoint_weight.data() + ys.adjoint_start.data()[j];
    std::memset(sums, 0, xs.to * sizeof(R));
    for (int64_t i = 0; i < y_count; ++i) {
      const R* const row = pixels + (n * ys.to + y_begin + i) * xs.to;
#pragma GCC ivdep
      for (int64_t x = 0; x < xs.to; ++x) sums[x] += y_weight[i] * row[x];
    }
    R* const to = grad_map.at(n, 0, j);
    for (int64_t k = 0; k < xs.from; ++k) {
      const R* const x_weight = xs.adjoint_weight.data() + xs.adjoint_start.data()[k];
      const R* const read = sums + xs.begin.data()[k];
      R sum = 0;
      for (int64_t i = 0; i < xs.count.data()[k]; ++i) sum += x_weight[i] * read[i];
      to[k] = sum;
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
