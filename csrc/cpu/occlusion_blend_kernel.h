// Loops of occlusion_blend over rows of pixels. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

inline constexpr int64_t kBlendPixels = 8192;  // pixels whose o is held at a time
inline constexpr int64_t kSummedLines = 32;    // lines added up before their sum goes to the sum of all

// o at position i of a line: of each point of a channel, or one for all channels of a point.
template <int lanes, class R>
PTUS_INLINE Vec<R, lanes> occlusion_at(const R* o, int64_t i) {
  return load<lanes>(o + i);
}
template <int lanes, class R>
PTUS_INLINE Vec<R, lanes> occlusion_at(R o, int64_t) {
  return broadcast<R, lanes>(o);
}

template <bool channels_last, class R>
PTUS_INLINE auto occlusion_of_line(const R* o, int64_t line) {
  if constexpr (channels_last) {
    return o[line];
  } else {
    return o;
  }
}

template <int lanes, bool has_background, class O, class T>
PTUS_INLINE void blend_line(T* out, O o, const T* foreground, const T* background, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) {
    const auto factor = occlusion_at<lanes>(o, i);
    const auto shown = load<lanes>(foreground + i);
    if constexpr (has_background) {
      store<lanes>(out + i, blend(factor, shown, load<lanes>(background + i)));
    } else {
      store<lanes>(out + i, factor * shown);
    }
  }
  if constexpr (lanes > 1) blend_line<lanes / 2, has_background>(out, o, foreground, background, count, i);
}

// How many rows of a sample to hold o of, and whether they are one line: see LineTiles.
template <class T>
PTUS_INLINE int64_t rows_of_block(const Volume<T>& volume) {
  return std::max<int64_t>(1, kBlendPixels / std::max<int64_t>(1, volume.width));
}
template <class T>
PTUS_INLINE bool rows_follow(const Volume<T>& volume) {
  return volume.data == nullptr || (volume.stride_x == 1 && volume.stride_y == volume.width);
}

// Rows `begin` to `end` of the output, over batch and height. A background without data is 0.
template <bool channels_last, class T>
void occlusion_blend_rows(const Volume<const T>& foreground, const OcclusionMap<Real<T>>& map,
                          const Volume<const T>& background, const Volume<T>& output, int64_t begin, int64_t end) {
  using R = Real<T>;
  constexpr int lanes = kLanes<R>;
  const bool has_background = background.data != nullptr;
  const bool in_place =
      has_lines<channels_last>(foreground) && (!has_background || has_lines<channels_last>(background));
  const bool joined = !channels_last && rows_follow(foreground) && rows_follow(background) && rows_follow(output);
  const int64_t block = rows_of_block(output), width = output.width;
  const OcclusionRows<R> occlusion(&map);
  const Scratch o_scratch(block * width * static_cast<int64_t>(sizeof(R)));
  const Scratch buffers(in_place ? 0 : 2 * kTile * kChannelBlock * static_cast<int64_t>(sizeof(T)));
  R* const o = o_scratch.as<R>();
  T* const buffer = buffers.as<T>();
  for (int64_t r = begin; r < end;) {
    const int64_t n = r / output.height, y = r % output.height;
    const int64_t rows = std::min({block, end - r, output.height - y});
    for (int64_t i = 0; i < rows; ++i) occlusion.fill(o + i * width, n, y + i);
    const LineTiles tiles(output, n, y, rows, in_place, joined);
    for (int64_t i = 0; i < tiles.count(); ++i) {
      const LineTile tile = tiles[i];
      const int64_t lines = tile.template lines<channels_last>(), length = tile.template length<channels_last>();
      const R* const factors = o + tiles.first_point(tile);
      const Lines<const T> shown = read_lines<channels_last>(foreground, tile, buffer);
      const Lines<T> out = lines_in_place<channels_last>(output, tile);
      if (has_background) {
        const Lines<const T> behind = read_lines<channels_last>(background, tile, buffer + kTile * kChannelBlock);
        for (int64_t l = 0; l < lines; ++l) {
          blend_line<lanes, true>(out[l], occlusion_of_line<channels_last>(factors, l), shown[l], behind[l], length);
        }
      } else {
        for (int64_t l = 0; l < lines; ++l) {
          blend_line<lanes, false>(out[l], occlusion_of_line<channels_last>(factors, l), shown[l],
                                   static_cast<const T*>(nullptr), length);
        }
      }
    }
    r += rows;
  }
}

// One line of the gradients named. The gradient of o is added to sum[i] along x, and returned along the channels.
template <int lanes, bool foreground, bool background, bool occlusion, bool has_background, bool channels_last, class O,
          class T, class R>
PTUS_INLINE R blend_gradient_line(const T* gradient, O o, const T* shown, const T* behind, T* grad_foreground,
                                  T* grad_background, R* sum, int64_t count, int64_t i = 0) {
  Vec<R, lanes> line_sum = {};
  for (; i + lanes <= count; i += lanes) {
    const Vec<R, lanes> g = load<lanes>(gradient + i);
    const Vec<R, lanes> factor = occlusion_at<lanes>(o, i);
    if constexpr (foreground) store<lanes>(grad_foreground + i, factor * g);
    if constexpr (background) store<lanes>(grad_background + i, (1 - factor) * g);
    if constexpr (occlusion) {
      Vec<R, lanes> slope;
      if constexpr (has_background) {
        slope = blend_slope<Vec<R, lanes>>(g, load<lanes>(shown + i), load<lanes>(behind + i));
      } else {
        slope = g * load<lanes>(shown + i);
      }
      if constexpr (channels_last) {
        line_sum += slope;
      } else {
        store<lanes>(sum + i, load<lanes>(sum + i) + slope);
      }
    }
  }
  R total = sum_lanes<lanes, R>(line_sum);
  if constexpr (lanes > 1) {
    total += blend_gradient_line<lanes / 2, foreground, background, occlusion, has_background, channels_last>(
        gradient, o, shown, behind, grad_foreground, grad_background, sum, count, i);
  }
  return total;
}

template <class T>
struct BlendGradientLines {
  Lines<const T> gradient, shown, behind;
  Lines<T> grad_foreground, grad_background;
};

// The gradients named, of all lines of a tile. `sum` is the gradient of o at the tile's points, `part` as long a
// buffer.
template <bool foreground, bool background, bool occlusion, bool has_background, bool channels_last, class T, class R>
void blend_gradient_tile(const BlendGradientLines<T>& of, const LineTile& tile, const R* o, R* sum, R* part) {
  const int64_t lines = tile.template lines<channels_last>(), length = tile.template length<channels_last>();
  for (int64_t first = 0; first < lines; first += kSummedLines) {
    const int64_t last = std::min(lines, first + kSummedLines);
    if (occlusion && !channels_last) std::memset(part, 0, length * sizeof(R));
    for (int64_t l = first; l < last; ++l) {
      const R total = blend_gradient_line<kLanes<R>, foreground, background, occlusion, has_background, channels_last>(
          of.gradient[l], occlusion_of_line<channels_last>(o, l), of.shown[l], of.behind[l], of.grad_foreground[l],
          of.grad_background[l], part, length);
      if (occlusion && channels_last) sum[l] += total;
    }
    if (occlusion && !channels_last) {
#pragma GCC ivdep
      for (int64_t i = 0; i < length; ++i) sum[i] += part[i];
    }
  }
}

// All gradients asked for, in one pass where they are all that there are.
template <bool channels_last, class T, class R>
void blend_gradients_of_tile(const BlendGradientLines<T>& of, const LineTile& tile, const R* o, R* sum, R* part) {
  const bool foreground = of.grad_foreground.data != nullptr, background = of.grad_background.data != nullptr;
  const bool has_background = of.behind.data != nullptr;
  if (foreground && background && sum != nullptr) {
    blend_gradient_tile<true, true, true, true, channels_last>(of, tile, o, sum, part);
  } else if (foreground && sum != nullptr && !has_background) {
    blend_gradient_tile<true, false, true, false, channels_last>(of, tile, o, sum, part);
  } else {
    if (foreground) blend_gradient_tile<true, false, false, false, channels_last>(of, tile, o, sum, part);
    if (background) blend_gradient_tile<false, true, false, false, channels_last>(of, tile, o, sum, part);
    if (sum != nullptr && has_background) {
      blend_gradient_tile<false, false, true, true, channels_last>(of, tile, o, sum, part);
    } else if (sum != nullptr) {
      blend_gradient_tile<false, false, true, false, channels_last>(of, tile, o, sum, part);
    }
  }
}

// The gradients, for rows `begin` to `end` over batch and height.
template <bool channels_last, class T>
void occlusion_blend_gradient_rows(const BlendGradients<T>& of, const OcclusionMap<Real<T>>& map, int64_t begin,
                                   int64_t end) {
  using R = Real<T>;
  const Volume<const T>& like = of.grad_output;
  const bool wants_map = of.pixels != nullptr, has_background = of.background.data != nullptr;
  const bool wants_foreground = of.grad_foreground.data != nullptr;
  const bool wants_background = of.grad_background.data != nullptr;
  bool in_place = has_lines<channels_last>(like), joined = !channels_last && rows_follow(like);
  for (const Volume<const T>& volume :
       {wants_map ? of.foreground : Volume<const T>{}, wants_map ? of.background : Volume<const T>{},
        of.grad_foreground.as_const(), of.grad_background.as_const()}) {
    in_place &= volume.data == nullptr || has_lines<channels_last>(volume);
    joined &= rows_follow(volume);
  }
  const int64_t block = rows_of_block(like), width = like.width;
  const OcclusionRows<R> occlusion(&map);
  const Scratch scratch(3 * block * width * static_cast<int64_t>(sizeof(R)));
  const Scratch buffers(in_place ? 0 : 5 * kTile * kChannelBlock * static_cast<int64_t>(sizeof(T)));
  R* const o = scratch.as<R>();
  R* const part = o + block * width;
  R* const sums = wants_map ? part + block * width : nullptr;
  T* buffer[5];
  for (int i = 0; i < 5; ++i) buffer[i] = buffers.as<T>() + i * kTile * kChannelBlock;
  for (int64_t r = begin; r < end;) {
    const int64_t n = r / like.height, y = r % like.height;
    const int64_t rows = std::min({block, end - r, like.height - y});
    for (int64_t i = 0; i < rows; ++i) occlusion.fill(o + i * width, n, y + i);
    if (wants_map) std::memset(sums, 0, rows * width * sizeof(R));
    const LineTiles tiles(like, n, y, rows, in_place, joined);
    for (int64_t i = 0; i < tiles.count(); ++i) {
      const LineTile tile = tiles[i];
      const int64_t first = tiles.first_point(tile);
      BlendGradientLines<T> lines;
      lines.gradient = read_lines<channels_last>(like, tile, buffer[0]);
      if (wants_map) lines.shown = read_lines<channels_last>(of.foreground, tile, buffer[1]);
      if (wants_map && has_background) lines.behind = read_lines<channels_last>(of.background, tile, buffer[2]);
      if (wants_foreground) {
        lines.grad_foreground = lines_to_write<channels_last>(of.grad_foreground, tile, buffer[3]);
      }
      if (wants_background) {
        lines.grad_background = lines_to_write<channels_last>(of.grad_background, tile, buffer[4]);
      }
      blend_gradients_of_tile<channels_last>(lines, tile, o + first, wants_map ? sums + first : nullptr, part);
      if (wants_foreground) store_lines<channels_last>(lines.grad_foreground, of.grad_foreground, tile);
      if (wants_background) store_lines<channels_last>(lines.grad_background, of.grad_background, tile);
    }
    if (wants_map) {
      if (map.sigmoid) multiply_by_sigmoid_slope(sums, o, rows * width);
      std::memcpy(of.pixels + r * width, sums, rows * width * sizeof(R));
    }
    r += rows;
  }
}

}  // namespace ptus::PTUS_CAPABILITY
