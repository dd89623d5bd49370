// spade_modulate of a contiguous x, plane by plane. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// The planes of a unit, to be read: in place, or copied to the buffer.
template <class T>
struct Planes {
  const T* data;
  int64_t stride_c, stride_y;

  Planes(const Volume<const T>& x, const PlaneUnit& unit, T* buffer)
      : data(x.at(unit.n, 0, 0) + unit.first * x.stride_c), stride_c(x.stride_c), stride_y(x.stride_y) {
    if (x.stride_x == 1) return;
    const int64_t plane = x.height * x.width;
    for (int64_t y = 0; y < x.height; ++y) {
      copy_matrix(buffer + y * x.width, plane, 1, data + y * x.stride_y, x.stride_c, x.stride_x, unit.count, x.width);
    }
    data = buffer;
    stride_c = plane;
    stride_y = x.width;
  }

  const T* row(int64_t k, int64_t y) const { return data + k * stride_c + y * stride_y; }
};

template <class R>
struct PlaneStatistics {
  R mean, inverse_deviation;
};

// Of one plane, each of whose numbers comes from memory once.
template <class T>
PlaneStatistics<Real<T>> statistics_of(const T* plane, int64_t stride_y, int64_t height, int64_t width, double eps) {
  using R = Real<T>;
  constexpr int64_t block = 2048;
  if (stride_y == width) {
    width *= height;
    height = 1;
  }
  Moments<double> all = {};
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; x += block) {
      all = merged(all, moments_of_line<R>(plane + y * stride_y + x, std::min(block, width - x)));
    }
  }
  return {static_cast<R>(all.mean), static_cast<R>(1 / std::sqrt(all.squares / all.count + eps))};
}

// Buffers of a thread: normalised numbers of a tile, once and repeated, of each plane of a unit.
template <class T>
class PlaneBuffers {
  using R = Real<T>;

 public:
  PlaneBuffers(const SpadeModulate<T>& of, int64_t copies)
      : planes(of.tile_channels() * of.points() * (of.x.stride_x == 1 ? 0 : static_cast<int64_t>(sizeof(T)))),
        statistics(of.tile_channels() * static_cast<int64_t>(sizeof(PlaneStatistics<R>))),
        once_(of.tile_points() * static_cast<int64_t>(sizeof(R))),
        repeated_(of.tile_numbers() * static_cast<int64_t>(sizeof(R))),
        copies_(of.in_place ? 0 : copies * of.tile_numbers() * static_cast<int64_t>(sizeof(T))),
        of_(of) {}

  // The statistics of all planes of a unit.
  PlaneStatistics<R>* find_statistics(const Planes<T>& from, const PlaneUnit& unit) const {
    auto* const found = statistics.template as<PlaneStatistics<R>>();
    for (int64_t k = 0; k < unit.count; ++k) {
      found[k] = statistics_of(from.row(k, 0), from.stride_y, of_.x.height, of_.x.width, of_.eps);
    }
    return found;
  }

  // Where the normalised numbers of plane k are, each repeated.
  const R* normalised(int64_t k) const { return repeated_.template as<R>() + k * of_.tile_points() * of_.scale; }

  void normalise(int64_t k, const T* x, const PlaneStatistics<R>& by, int64_t count) const {
    R* const to = repeated_.template as<R>() + k * of_.tile_points() * of_.scale;
    R* const once = of_.scale == 1 ? to : once_.template as<R>();
    normalise_line<kLanes<R>>(once, x, by.mean, by.inverse_deviation, count);
    if (of_.scale > 1) repeat_line(to, once, count, of_.scale);
  }

  // The i-th buffer for a tile that does not lie in place.
  T* copy(int64_t i) const { return copies_.template as<T>() + i * of_.tile_numbers(); }

  const Scratch planes, statistics;

 private:
  const Scratch once_, repeated_, copies_;
  const SpadeModulate<T>& of_;
};

// The tile of the output that points `x` to `x + count` of row y become in row `step` of theirs.
template <class T>
PTUS_INLINE LineTile enlarged_tile(const SpadeModulate<T>& of, const PlaneUnit& unit, int64_t y, int64_t step,
                                   int64_t x, int64_t count) {
  return {unit.n, 0, y * of.scale + step, x * of.scale, count * of.scale, unit.first, unit.count};
}

// Units `begin` to `end`.
template <class T>
void spade_planes(const SpadeModulate<T>& of, const Volume<T>& output, int64_t begin, int64_t end) {
  using R = Real<T>;
  const PlaneBuffers<T> buffers(of, 2);
  for (int64_t i = begin; i < end; ++i) {
    const PlaneUnit unit(of, i);
    const Planes<T> from(of.x, unit, buffers.planes.template as<T>());
    const PlaneStatistics<R>* const by = buffers.find_statistics(from, unit);
    for (int64_t y = 0; y < of.x.height; ++y) {
      for (int64_t x = 0; x < of.x.width; x += of.tile_points()) {
        const int64_t count = std::min(of.tile_points(), of.x.width - x);
        for (int64_t k = 0; k < unit.count; ++k) buffers.normalise(k, from.row(k, y) + x, by[k], count);
        for (int64_t step = 0; step < of.scale; ++step) {
          const LineTile tile = enlarged_tile(of, unit, y, step, x, count);
          const Lines<const T> gamma = read_lines<false>(of.gamma, tile, buffers.copy(0));
          const Lines<const T> beta = read_lines<false>(of.beta, tile, buffers.copy(1));
          const Lines<T> to = lines_in_place<false>(output, tile);
          for (int64_t k = 0; k < unit.count; ++k) {
            modulate_line<kLanes<R>>(to[k], buffers.normalised(k), gamma[k], beta[k], of.negative_slope, tile.points);
          }
        }
      }
    }
  }
}

// The gradients of γ and β in a tile, and what passes to the normalised x: written to `passed`, or added to it.
template <class T>
void spade_gradient_tile(const SpadeModulate<T>& of, const SpadeGradients<T>& to, const PlaneBuffers<T>& buffers,
                         const LineTile& tile, Real<T>* passed, int64_t passed_stride, bool adds,
                         PassedSums<double>* sums) {
  const Lines<const T> gradient = read_lines<false>(to.output, tile, buffers.copy(0));
  const Lines<const T> gamma = read_lines<false>(of.gamma, tile, buffers.copy(1));
  const Lines<const T> beta = read_lines<false>(of.beta, tile, buffers.copy(2));
  Lines<T> grad_gamma, grad_beta;
  if (to.gamma.data != nullptr) grad_gamma = lines_to_write<false>(to.gamma, tile, buffers.copy(3));
  if (to.beta.data != nullptr) grad_beta = lines_to_write<false>(to.beta, tile, buffers.copy(4));
  for (int64_t k = 0; k < tile.channels; ++k) {
    const ModulatedLine<T> line = {gradient[k], gamma[k], beta[k], grad_gamma[k], grad_beta[k]};
    Real<T>* const passed_line = passed == nullptr ? nullptr : passed + k * passed_stride;
    const auto more = modulate_gradient_line<kLanes<Real<T>>>(line, buffers.normalised(k), passed_line, adds,
                                                              of.negative_slope, tile.points);
    sums[k].plain += more.plain;
    sums[k].products += more.products;
  }
  if (to.gamma.data != nullptr) store_lines<false>(grad_gamma, to.gamma, tile);
  if (to.beta.data != nullptr) store_lines<false>(grad_beta, to.beta, tile);
}

// The gradients of units `begin` to `end`. What passes to x goes to the gradient of x, or to a buffer of float numbers,
// until the sums over the plane are known.
template <class T>
void spade_gradient_planes(const SpadeModulate<T>& of, const SpadeGradients<T>& to, int64_t begin, int64_t end) {
  using R = Real<T>;
  constexpr bool shares = std::is_same_v<T, R>;
  const int64_t plane = of.points(), planes = of.tile_channels(), line = of.tile_points() * of.scale;
  const double points = static_cast<double>(plane);
  const bool wants_x = to.wants_x(), enlarges = of.scale > 1;
  const PlaneBuffers<T> buffers(of, 5);
  const Scratch tile_scratch(wants_x && enlarges ? planes * line * static_cast<int64_t>(sizeof(R)) : 0);
  const Scratch plane_scratch(wants_x && !shares ? planes * plane * static_cast<int64_t>(sizeof(R)) : 0);
  const Scratch sums_scratch(planes * static_cast<int64_t>(sizeof(PassedSums<double>)));
  auto* const sums = sums_scratch.template as<PassedSums<double>>();
  for (int64_t i = begin; i < end; ++i) {
    const PlaneUnit unit(of, i);
    const Planes<T> from(of.x, unit, buffers.planes.template as<T>());
    const PlaneStatistics<R>* const by = buffers.find_statistics(from, unit);
    T* const grad_x = wants_x ? to.x.at(unit.n, 0, 0) + unit.first * plane : nullptr;
    R* passed = plane_scratch.template as<R>();
    if constexpr (shares) passed = grad_x;
    for (int64_t k = 0; k < unit.count; ++k) sums[k] = {};
    for (int64_t y = 0; y < of.x.height; ++y) {
      for (int64_t x = 0; x < of.x.width; x += of.tile_points()) {
        const int64_t count = std::min(of.tile_points(), of.x.width - x), at = y * of.x.width + x;
        for (int64_t k = 0; k < unit.count; ++k) buffers.normalise(k, from.row(k, y) + x, by[k], count);
        R* const of_tile = !wants_x ? nullptr : enlarges ? tile_scratch.template as<R>() : passed + at;
        for (int64_t step = 0; step < of.scale; ++step) {
          spade_gradient_tile(of, to, buffers, enlarged_tile(of, unit, y, step, x, count), of_tile,
                              enlarges ? line : plane, step > 0, sums);
        }
        if (!wants_x || !enlarges) continue;
        for (int64_t k = 0; k < unit.count; ++k) {
          fold_line(passed + k * plane + at, of_tile + k * line, count, of.scale);
        }
      }
    }
    if (!wants_x) continue;
    for (int64_t k = 0; k < unit.count; ++k) {
      const R mean_passed = static_cast<R>(sums[k].plain / points);
      const R mean_product = static_cast<R>(sums[k].products / points);
      for (int64_t y = 0; y < of.x.height; ++y) {
        const int64_t row = k * plane + y * of.x.width;
        normalise_gradient_line<kLanes<R>>(grad_x + row, passed + row, from.row(k, y), by[k].mean,
                                           by[k].inverse_deviation, mean_passed, mean_product, of.x.width);
      }
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
