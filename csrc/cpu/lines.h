// Visiting a feature volume in the order of its memory: a tile of it is a matrix of channels by points, cut into lines
// whose numbers lie side by side. With channels_last a line holds the channels of one point, otherwise the points of
// one channel. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Channels `c` to `c + channels` at `points` points, from `x` of row (n, z, y) on.
struct LineTile {
  int64_t n, z, y, x, points, c, channels;

  template <bool channels_last>
  PTUS_INLINE int64_t lines() const {
    return channels_last ? points : channels;
  }
  template <bool channels_last>
  PTUS_INLINE int64_t length() const {
    return channels_last ? channels : points;
  }
};

template <class T>
struct Lines {
  T* data = nullptr;
  int64_t stride = 0;  // from one line to the next

  PTUS_INLINE T* operator[](int64_t line) const { return data + line * stride; }
};

template <bool channels_last, class T>
PTUS_INLINE bool has_lines(const Volume<T>& volume) {
  return channels_last ? volume.stride_c == 1 : volume.stride_x == 1;
}

// The tiles of rows `y` to `y + rows` of sample n. Where every tensor has_lines they are as large as can be: whole
// rows, and without channels_last all rows at once if each follows on the one before. Otherwise they fit a buffer of
// kTile * kChannelBlock.
class LineTiles {
 public:
  template <class T>
  LineTiles(const Volume<T>& of, int64_t n, int64_t y, int64_t rows, bool in_place, bool joined)
      : n_(n),
        y_(y),
        row_width_(of.width),
        channels_(of.channels),
        rows_(joined ? 1 : rows),
        width_(joined ? rows * of.width : of.width),
        points_(in_place ? width_ : std::min<int64_t>(kTile, width_)),
        block_(in_place ? channels_ : std::min<int64_t>(kChannelBlock, channels_)),
        tiles_of_row_((width_ + points_ - 1) / points_),
        blocks_((channels_ + block_ - 1) / block_),
        count_(of.depth * rows_ * blocks_ * tiles_of_row_) {}

  int64_t count() const { return count_; }

  LineTile operator[](int64_t i) const {
    const int64_t x = i % tiles_of_row_ * points_, in_rows = i / tiles_of_row_;
    const int64_t c = in_rows % blocks_ * block_, in_blocks = in_rows / blocks_;
    return {n_,
            in_blocks / rows_,
            y_ + in_blocks % rows_,
            x,
            std::min(points_, width_ - x),
            c,
            std::min(block_, channels_ - c)};
  }

  // Where the tile's first point lies in a dense array of the rows.
  int64_t first_point(const LineTile& tile) const { return (tile.y - y_) * row_width_ + tile.x; }

 private:
  int64_t n_, y_, row_width_, channels_, rows_, width_, points_, block_, tiles_of_row_, blocks_, count_;
};

template <bool channels_last, class T>
PTUS_INLINE Lines<T> lines_in_place(const Volume<T>& volume, const LineTile& tile) {
  T* const data = volume.at(tile.n, tile.z, tile.y) + tile.x * volume.stride_x + tile.c * volume.stride_c;
  return {data, channels_last ? volume.stride_x : volume.stride_c};
}

// The lines of a tile, to be read: in place, or copied to the buffer.
template <bool channels_last, class T>
Lines<const T> read_lines(const Volume<const T>& volume, const LineTile& tile, T* buffer) {
  const Lines<const T> lines = lines_in_place<channels_last>(volume, tile);
  if (has_lines<channels_last>(volume)) return lines;
  const int64_t length = tile.template length<channels_last>();
  copy_matrix(buffer, length, 1, lines.data, lines.stride, channels_last ? volume.stride_c : volume.stride_x,
              tile.template lines<channels_last>(), length);
  return {buffer, length};
}

// Where to write the lines of a tile: in place, or in the buffer, which store_lines then copies to the volume.
template <bool channels_last, class T>
PTUS_INLINE Lines<T> lines_to_write(const Volume<T>& volume, const LineTile& tile, T* buffer) {
  if (has_lines<channels_last>(volume)) return lines_in_place<channels_last>(volume, tile);
  return {buffer, tile.template length<channels_last>()};
}

template <bool channels_last, class T>
void store_lines(const Lines<T>& written, const Volume<T>& volume, const LineTile& tile) {
  if (has_lines<channels_last>(volume)) return;
  const Lines<T> lines = lines_in_place<channels_last>(volume, tile);
  copy_matrix(lines.data, lines.stride, channels_last ? volume.stride_c : volume.stride_x,
              static_cast<const T*>(written.data), written.stride, 1, tile.template lines<channels_last>(),
              tile.template length<channels_last>());
}

}  // namespace ptus::PTUS_CAPABILITY
