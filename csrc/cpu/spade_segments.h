// spade_modulate of a channels-last x, in segments of rows. Compiled once for each capability: see
// foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Of segments `begin` to `end` of all samples: the mean of each channel, then the sums of its squares off the mean.
// Points go in blocks that are still in the cache when they are read again.
template <class T>
void spade_segment_moments(const SpadeModulate<T>& of, double* moments, int64_t begin, int64_t end) {
  using R = Real<T>;
  constexpr int64_t block = 32;
  const int64_t channels = of.x.channels;
  const Scratch scratch(2 * channels * static_cast<int64_t>(sizeof(R)));
  R* const mean = scratch.template as<R>();
  R* const squares = mean + channels;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t n = i / of.segments(), segment = i % of.segments();
    double* const all_mean = moments + i * 2 * channels;
    double* const all_squares = all_mean + channels;
    std::memset(all_mean, 0, 2 * channels * sizeof(double));
    double seen = 0;
    for (int64_t y = of.first_row(segment); y < of.first_row(segment + 1); ++y) {
      for (int64_t x = 0; x < of.x.width; x += block) {
        const T* const points = of.x.at(n, 0, y) + x * of.x.stride_x;
        const int64_t count = std::min(block, of.x.width - x);
        std::memset(mean, 0, 2 * channels * sizeof(R));
        for (int64_t p = 0; p < count; ++p) add_line<kLanes<R>>(mean, points + p * of.x.stride_x, channels);
        for (int64_t c = 0; c < channels; ++c) mean[c] /= static_cast<R>(count);
        for (int64_t p = 0; p < count; ++p) {
          add_squares_line<kLanes<R>>(squares, points + p * of.x.stride_x, mean, channels);
        }
        const double more = static_cast<double>(count);
        for (int64_t c = 0; c < channels; ++c) {
          const Moments<double> sum =
              merged(Moments<double>{seen, all_mean[c], all_squares[c]}, Moments<double>{more, mean[c], squares[c]});
          all_mean[c] = sum.mean;
          all_squares[c] = sum.squares;
        }
        seen += more;
      }
    }
  }
}

// Where a tile of x begins, and the tile of the output that its points become in row `step` of theirs.
template <class T>
struct PointTile {
  int64_t n, y, x, count, c, channels;

  PTUS_INLINE const T* point(const SpadeModulate<T>& of, int64_t p) const {
    return of.x.at(n, 0, y) + (x + p) * of.x.stride_x + c;
  }
  PTUS_INLINE LineTile enlarged(int64_t scale, int64_t step) const {
    return {n, 0, y * scale + step, x * scale, count * scale, c, channels};
  }
};

// Calls run(tile) for the tiles of row y of sample n.
template <class T, class F>
PTUS_INLINE void for_tiles(const SpadeModulate<T>& of, int64_t n, int64_t y, const F& run) {
  for (int64_t c = 0; c < of.x.channels; c += of.tile_channels()) {
    for (int64_t x = 0; x < of.x.width; x += of.tile_points()) {
      run(PointTile<T>{n, y, x, std::min(of.tile_points(), of.x.width - x), c,
                       std::min(of.tile_channels(), of.x.channels - c)});
    }
  }
}

// Rows `begin` to `end` of x, over batch and height.
template <class T>
void spade_rows(const SpadeModulate<T>& of, const Normalisation<const Real<T>>& by, const Volume<T>& output,
                int64_t begin, int64_t end) {
  using R = Real<T>;
  constexpr int lanes = kLanes<R>;
  const Scratch point_scratch(of.tile_channels() * static_cast<int64_t>(sizeof(R)));
  const Scratch copies(of.in_place ? 0 : 2 * of.tile_numbers() * static_cast<int64_t>(sizeof(T)));
  R* const normalised = point_scratch.template as<R>();
  T* const copy = copies.template as<T>();
  for (int64_t r = begin; r < end; ++r) {
    for_tiles(of, r / of.x.height, r % of.x.height, [&](const PointTile<T>& tile) {
      const int64_t at = tile.n * of.x.channels + tile.c;
      for (int64_t step = 0; step < of.scale; ++step) {
        const LineTile enlarged = tile.enlarged(of.scale, step);
        const Lines<const T> gamma = read_lines<true>(of.gamma, enlarged, copy);
        const Lines<const T> beta = read_lines<true>(of.beta, enlarged, copy + of.tile_numbers());
        const Lines<T> to = lines_in_place<true>(output, enlarged);
        for (int64_t p = 0; p < tile.count; ++p) {
          normalise_line<lanes>(normalised, tile.point(of, p), by.mean + at, by.inverse_deviation + at, tile.channels);
          for (int64_t l = p * of.scale; l < (p + 1) * of.scale; ++l) {
            modulate_line<lanes>(to[l], normalised, gamma[l], beta[l], of.negative_slope, tile.channels);
          }
        }
      }
    });
  }
}

// The gradients of γ and β in segments `begin` to `end` of all samples, and what passes to x: its numbers, and for each
// segment and channel their sum, then the sum of their products with the normalised x.
template <class T>
void spade_gradient_segments(const SpadeModulate<T>& of, const Normalisation<const Real<T>>& by,
                             const SpadeGradients<T>& to, double* sums, int64_t begin, int64_t end) {
  using R = Real<T>;
  constexpr int lanes = kLanes<R>;
  const int64_t channels = of.x.channels, numbers = of.tile_points() * of.tile_channels();
  const Scratch reals((2 * numbers + 2 * of.tile_channels()) * static_cast<int64_t>(sizeof(R)));
  const Scratch copies(of.in_place ? 0 : 5 * of.tile_numbers() * static_cast<int64_t>(sizeof(T)));
  R* const normalised = reals.template as<R>();
  R* const passed = normalised + numbers;
  R* const tile_sums = passed + numbers;
  const auto copy = [&](int64_t i) { return copies.template as<T>() + i * of.tile_numbers(); };
  for (int64_t i = begin; i < end; ++i) {
    const int64_t n = i / of.segments(), segment = i % of.segments();
    double* const plain = sums + i * 2 * channels;
    double* const products = plain + channels;
    if (to.wants_x()) std::memset(plain, 0, 2 * channels * sizeof(double));
    for (int64_t y = of.first_row(segment); y < of.first_row(segment + 1); ++y) {
      for_tiles(of, n, y, [&](const PointTile<T>& tile) {
        const int64_t at = n * channels + tile.c, count = tile.channels;
        for (int64_t p = 0; p < tile.count; ++p) {
          normalise_line<lanes>(normalised + p * count, tile.point(of, p), by.mean + at, by.inverse_deviation + at,
                                count);
        }
        for (int64_t step = 0; step < of.scale; ++step) {
          const LineTile enlarged = tile.enlarged(of.scale, step);
          const Lines<const T> gradient = read_lines<true>(to.output, enlarged, copy(0));
          const Lines<const T> gamma = read_lines<true>(of.gamma, enlarged, copy(1));
          const Lines<const T> beta = read_lines<true>(of.beta, enlarged, copy(2));
          Lines<T> grad_gamma, grad_beta;
          if (to.gamma.data != nullptr) grad_gamma = lines_to_write<true>(to.gamma, enlarged, copy(3));
          if (to.beta.data != nullptr) grad_beta = lines_to_write<true>(to.beta, enlarged, copy(4));
          for (int64_t l = 0; l < enlarged.points; ++l) {
            const int64_t p = l / of.scale * count;
            const ModulatedLine<T> line = {gradient[l], gamma[l], beta[l], grad_gamma[l], grad_beta[l]};
            const bool adds = step > 0 || l % of.scale > 0;
            modulate_gradient_line<lanes>(line, normalised + p, to.wants_x() ? passed + p : nullptr, adds,
                                          of.negative_slope, count);
          }
          if (to.gamma.data != nullptr) store_lines<true>(grad_gamma, to.gamma, enlarged);
          if (to.beta.data != nullptr) store_lines<true>(grad_beta, to.beta, enlarged);
        }
        if (!to.wants_x()) return;
        std::memset(tile_sums, 0, 2 * count * sizeof(R));
        for (int64_t p = 0; p < tile.count; ++p) {
          const R* const line = passed + p * count;
          add_line<lanes>(tile_sums, line, count);
          add_products_line<lanes>(tile_sums + count, line, normalised + p * count, count);
          copy_line<lanes>(to.passed + ((n * of.x.height + y) * of.x.width + tile.x + p) * channels + tile.c, line,
                           count);
        }
        for (int64_t c = 0; c < count; ++c) {
          plain[tile.c + c] += tile_sums[c];
          products[tile.c + c] += tile_sums[count + c];
        }
      });
    }
  }
}

// The gradient of rows `begin` to `end` of x, from what passes to it and the means of that over each channel: plain,
// and of its products with the normalised x.
template <class T>
void spade_gradient_rows(const SpadeModulate<T>& of, const Normalisation<const Real<T>>& by, const Real<T>* plain,
                         const Real<T>* products, const SpadeGradients<T>& to, int64_t begin, int64_t end) {
  const int64_t channels = of.x.channels;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t n = r / of.x.height, y = r % of.x.height, at = n * channels;
    for (int64_t x = 0; x < of.x.width; ++x) {
      normalise_gradient_line<kLanes<Real<T>>>(to.x.at(n, 0, y) + x * to.x.stride_x,
                                               to.passed + (r * of.x.width + x) * channels,
                                               of.x.at(n, 0, y) + x * of.x.stride_x, by.mean + at,
                                               by.inverse_deviation + at, plain + at, products + at, channels);
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
