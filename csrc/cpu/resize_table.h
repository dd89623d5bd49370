#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/resize.h"

namespace ptus {

// Linear resizing along one axis, both ways: the two taps that each element of the result reads, and for each element
// that is read, the run of results that read it, with their weights.
template <class R>
class ResizeTable {
 public:
  ResizeTable(int64_t from, int64_t to) : from(from), to(to), begin(from), count(from), adjoint_start(from) {
    for (int t = 0; t < 2; ++t) {
      index[t].resize(to);
      weight[t].resize(to);
    }
    for (int64_t i = 0; i < to; ++i) {
      const ResizeTaps<R> taps = resize_taps<R>(i, from, to);
      for (int t = 0; t < 2; ++t) {
        index[t][i] = taps.index[t];
        weight[t][i] = taps.weight[t];
      }
    }
    for (int64_t j = 0, i = 0; j < from; ++j) {
      while (i < to && index[1][i] < j) ++i;
      begin[j] = static_cast<int32_t>(i);
      adjoint_start[j] = static_cast<int64_t>(adjoint_weight.size());
      for (int64_t reader = i; reader < to && index[0][reader] <= j; ++reader) {
        const R first = index[0][reader] == j ? weight[0][reader] : R(0);
        const R second = index[1][reader] == j ? weight[1][reader] : R(0);
        adjoint_weight.push_back(first + second);
      }
      count[j] = static_cast<int32_t>(adjoint_weight.size() - adjoint_start[j]);
    }
  }

  int64_t from, to;
  std::vector<int32_t> index[2];
  std::vector<R> weight[2];
  std::vector<int32_t> begin, count;
  std::vector<int64_t> adjoint_start;
  std::vector<R> adjoint_weight;
};

}  // namespace ptus
