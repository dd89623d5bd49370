// Copies of small matrices between types and layouts: between a channels-first and a channels-last tensor, or either
// and a buffer of floats. Compiled once for each capability: see foreach_capability.h.

namespace ptus::PTUS_CAPABILITY {

// Asks for rows of numbers before they are read or written, in the second-level cache: the processor's own prefetching
// falls behind where they are many, each in a page of its own, and beside the scattered reads of sampling.
template <class T>
PTUS_INLINE void prefetch(const T* from, int64_t stride, int64_t rows, int64_t count) {
  constexpr int64_t line = 64 / sizeof(T);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t i = 0; i < count; i += line) __builtin_prefetch(from + r * stride + i, 0, 2);
  }
}

template <int step, int n, class V, int... lane>
PTUS_INLINE void swap_blocks(V& a, V& b, std::integer_sequence<int, lane...>) {
  const V low = __builtin_shufflevector(a, b, (lane & step ? n + (lane ^ step) : lane)...);
  b = __builtin_shufflevector(a, b, (lane & step ? n + lane : lane ^ step)...);
  a = low;
}

// Transposes the n×n matrix in `rows` by exchanging ever smaller off-diagonal blocks.
template <int n, int step, class V>
PTUS_INLINE void transpose(V (&rows)[n]) {
  if constexpr (step > 0) {
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) {
      if ((i & step) == 0) swap_blocks<step, n>(rows[i], rows[i | step], std::make_integer_sequence<int, n>{});
    }
    transpose<n, step / 2>(rows);
  }
}

// to[c * to_stride + r] = from[r * from_stride + c], in n×n blocks; the rest one by one.
template <int n, class To, class From>
PTUS_INLINE void transpose_blocks(To* to, int64_t to_stride, const From* from, int64_t from_stride, int64_t rows,
                                  int64_t columns) {
  const int64_t block_rows = rows / n * n, block_columns = columns / n * n;
  for (int64_t r = 0; r < block_rows; r += n) {
    for (int64_t c = 0; c < block_columns; c += n) {
      Vec<Real<From>, n> block[n];
#pragma GCC unroll 16
      for (int i = 0; i < n; ++i) block[i] = load<n>(from + (r + i) * from_stride + c);
      transpose<n, n / 2>(block);
#pragma GCC unroll 16
      for (int i = 0; i < n; ++i) store<n>(to + (c + i) * to_stride + r, block[i]);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = r < block_rows ? block_columns : 0; c < columns; ++c) {
      store<1>(to + c * to_stride + r, load<1>(from + r * from_stride + c));
    }
  }
}

// Of a matrix of n rows, dense in as many registers as it has columns: puts what registers 0 to `last` hold of a column
// where it belongs, first of all from 0 and 1.
template <int column, int last, int columns, int n, class V, int... row>
PTUS_INLINE V gather_column(const V (&matrix)[columns], std::integer_sequence<int, row...> rows) {
  constexpr auto at = [](int r) { return r * columns + column; };
  if constexpr (last == 1) {
    return __builtin_shufflevector(matrix[0], matrix[1], (at(row) < 2 * n ? at(row) : 0)...);
  } else {
    const V before = gather_column<column, last - 1, columns, n>(matrix, rows);
    return __builtin_shufflevector(before, matrix[last], (at(row) / n == last ? n + at(row) % n : row)...);
  }
}

// to[c * to_stride + r] = from[r * columns + c] for few columns, a register of rows at a time; the rest one by one.
template <int columns, class To, class From, int... column>
void separate_columns(To* to, int64_t to_stride, const From* from, int64_t rows,
                      std::integer_sequence<int, column...>) {
  constexpr int n = kLanes<Real<From>>;
  int64_t r = 0;
  for (; r + n <= rows; r += n) {
    Vec<Real<From>, n> matrix[columns];
#pragma GCC unroll 4
    for (int i = 0; i < columns; ++i) matrix[i] = load<n>(from + r * columns + i * n);
    (store<n>(to + column * to_stride + r,
              gather_column<column, columns - 1, columns, n>(matrix, std::make_integer_sequence<int, n>{})),
     ...);
  }
  for (; r < rows; ++r) (store<1>(to + column * to_stride + r, load<1>(from + r * columns + column)), ...);
}

template <int columns, class To, class From>
void separate_columns(To* to, int64_t to_stride, const From* from, int64_t rows) {
  separate_columns<columns>(to, to_stride, from, rows, std::make_integer_sequence<int, columns>{});
}

template <class To, class From>
void transpose_matrix(To* to, int64_t to_stride, const From* from, int64_t from_stride, int64_t rows, int64_t columns) {
  constexpr int n = kLanes<Real<From>>;
  if (from_stride == columns && columns >= 2 && columns <= 4) {
    if (columns == 2) separate_columns<2>(to, to_stride, from, rows);
    if (columns == 3) separate_columns<3>(to, to_stride, from, rows);
    if (columns == 4) separate_columns<4>(to, to_stride, from, rows);
  } else if (rows >= n && columns >= n) {
    transpose_blocks<n>(to, to_stride, from, from_stride, rows, columns);
  } else if (n > 4 && rows >= 4 && columns >= 4) {
    transpose_blocks<4>(to, to_stride, from, from_stride, rows, columns);
  } else {
    transpose_blocks<1>(to, to_stride, from, from_stride, rows, columns);
  }
}

template <int lanes, class To, class From>
PTUS_INLINE void copy_line(To* to, const From* from, int64_t count, int64_t i = 0) {
  for (; i + lanes <= count; i += lanes) store<lanes>(to + i, load<lanes>(from + i));
  if constexpr (lanes > 1) copy_line<lanes / 2>(to, from, count, i);
}

// Copies a matrix, converting its type, between any strides. At least one stride of each side should be 1: that is
// fast.
template <class To, class From>
void copy_matrix(To* to, int64_t to_row, int64_t to_column, const From* from, int64_t from_row, int64_t from_column,
                 int64_t rows, int64_t columns) {
  constexpr int lanes = kLanes<Real<From>>;
  if (to_column == 1 && from_column == 1) {
    for (int64_t r = 0; r < rows; ++r) copy_line<lanes>(to + r * to_row, from + r * from_row, columns);
  } else if (to_row == 1 && from_row == 1) {
    for (int64_t c = 0; c < columns; ++c) copy_line<lanes>(to + c * to_column, from + c * from_column, rows);
  } else if (to_column == 1 && from_row == 1) {
    transpose_matrix(to, to_row, from, from_column, columns, rows);
  } else if (to_row == 1 && from_column == 1) {
    transpose_matrix(to, to_column, from, from_row, rows, columns);
  } else {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        store<1>(to + r * to_row + c * to_column, load<1>(from + r * from_row + c * from_column));
      }
    }
  }
}

}  // namespace ptus::PTUS_CAPABILITY
