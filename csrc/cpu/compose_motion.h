#pragma once

#include "common/motion.h"
#include "cpu/resize_table.h"
#include "cpu/tensor_view.h"

namespace ptus {

// One call of compose_motion, as its loops see it. Rows of the field are treated in units, whose small sums are added
// up in their own order whatever the number of threads.
template <class T>
struct ComposeMotion {
  using R = Real<T>;

  Volume<const T> logits;    // (B, K + 1, d, h, w)
  const Motion<R>* motions;  // (B, K + 1), the background first
  bool affine;               // otherwise every motion is a translation
  int64_t depth, height, width;
  bool resized;
  const ResizeTable<R>& resize_z;
  const ResizeTable<R>& resize_y;
  const ResizeTable<R>& resize_x;

  int64_t rows_of_unit() const { return resized ? height : std::min<int64_t>(height, 16); }
  int64_t units_of_plane() const { return (height + rows_of_unit() - 1) / rows_of_unit(); }
  int64_t units() const { return logits.batch * depth * units_of_plane(); }
};

// Rows y_begin to y_end of plane z of sample n.
template <class T>
struct ComposeUnit {
  int64_t n, z, y_begin, y_end;

  ComposeUnit(const ComposeMotion<T>& call, int64_t unit)
      : n(unit / call.units_of_plane() / call.depth),
        z(unit / call.units_of_plane() % call.depth),
        y_begin(unit % call.units_of_plane() * call.rows_of_unit()),
        y_end(std::min(y_begin + call.rows_of_unit(), call.height)) {}
};

// Where the gradients go.
template <class T>
struct ComposeMotionGradients {
  using R = Real<T>;

  Volume<const R> deformation;
  Volume<T> logits;     // data is null if not wanted
  Motion<R>* of_units;  // (units, K + 1), the gradients of the motions' numbers
};

}  // namespace ptus
