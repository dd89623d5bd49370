#pragma once

#include "cpu/resize_table.h"
#include "host/field_arguments.h"
#include "host/motions.h"
#include "host/tensor_view.h"

namespace ptus {

// One call of compose_motion or compose_splines, as its loops see it. Rows of the field are treated in units, whose
// small sums are added up in their own order whatever the number of threads.
template <class T, int field_rank>
struct ComposeMotion {
  using R = Real<T>;
  static constexpr int rank = field_rank;

  Volume<const T> logits;  // (B, K + 1, [d,] h, w)
  Motions<R, rank> motions;
  int64_t depth, height, width;
  bool resized;
  const ResizeTable<R>& resize_z;
  const ResizeTable<R>& resize_y;
  const ResizeTable<R>& resize_x;

  int64_t rows_of_unit() const { return resized ? height : std::min<int64_t>(height, 16); }
  int64_t units_of_plane() const { return (height + rows_of_unit() - 1) / rows_of_unit(); }
  int64_t units_of_sample() const { return depth * units_of_plane(); }
  int64_t units() const { return logits.batch * units_of_sample(); }

  // The bends of all motions, one after the other.
  int64_t all_bends() const { return (logits.channels - 1) * motions.points_of(1); }
};

// Rows y_begin to y_end of plane z of sample n.
struct ComposeUnit {
  int64_t n, z, y_begin, y_end;

  template <class Call>
  ComposeUnit(const Call& call, int64_t unit)
      : n(unit / call.units_of_plane() / call.depth),
        z(unit / call.units_of_plane() % call.depth),
        y_begin(unit % call.units_of_plane() * call.rows_of_unit()),
        y_end(std::min(y_begin + call.rows_of_unit(), call.height)) {}
};

// Where the gradients go.
template <class T, int rank>
struct ComposeMotionGradients {
  using R = Real<T>;

  Volume<const R> deformation;
  Volume<T> logits;           // data is null if not wanted
  Motion<R, rank>* of_units;  // (units, K + 1), the gradients of the motions' numbers
  Bend<R>* bends_of_units;    // (units, K, P), of splines
};

// Calls run(call) with the call that these arguments describe.
template <class T, int rank, class F>
void with_field(const Tensor& mask_logits, const Motions<Real<T>, rank>& motions, const std::vector<int64_t>& size,
                const F& run) {
  using R = Real<T>;
  const auto logits = volume_of<const T>(mask_logits);
  const int64_t depth = rank == 3 ? size[0] : 1, height = size[rank - 2], width = size[rank - 1];
  const ResizeTable<R> along_z(logits.depth, depth), along_y(logits.height, height), along_x(logits.width, width);
  const bool resized = logits.depth != depth || logits.height != height || logits.width != width;
  run(ComposeMotion<T, rank>{logits, motions, depth, height, width, resized, along_z, along_y, along_x});
}

template <class T, int rank>
void compose(const ComposeMotion<T, rank>& call, const Tensor& deformation);

template <class T, int rank>
void compose_backward(const ComposeMotion<T, rank>& call, const ComposeMotionGradients<T, rank>& gradients);

}  // namespace ptus
