#pragma once

#include "cuda/fixed_point.cuh"
#include "cuda/motion_features_kernels.cuh"
#include "host/feature_arguments.h"

// What motion_features and spline_features have in common on the host.

namespace ptus::cuda {

// How many lanes share the channels of a point.
template <class T, class Moves>
int lanes_of(const MotionFeatures<T, Moves>& call) {
  return call.channels_last ? lanes_for(call.feature.channels) : 1;
}

template <class T, class Moves>
Sharing share_of(const MotionFeatures<T, Moves>& call) {
  return share_in_chunks(call.feature.batch * call.points() * call.motions(), call.feature.channels, lanes_of(call));
}

template <class T, class Moves>
void features(const Launcher& launcher, const MotionFeatures<T, Moves>& call, const Volume<T>& output) {
  const Sharing sharing = share_of(call);
  launcher.items(sharing.items(), motion_features_kernel<T, Moves>, call, output, sharing, sharing.items());
}

template <class T, class Moves, class Sums>
void scatter_features(const Launcher& launcher, const MotionFeatures<T, Moves>& call,
                      const Volume<const T>& grad_output, const Sums& sums) {
  const Sharing sharing = share_of(call);
  launcher.items(sharing.items(), scatter_features_kernel<T, Moves, Sums>, call, grad_output, sums, sharing,
                 sharing.items());
}

// The gradient of the feature, where motions are not all translations.
template <class T, class Moves>
void scatter_feature_gradient(const Launcher& launcher, MotionFeatures<T, Moves> call,
                              const Volume<const T>& grad_output, Tensor& grad_feature, bool deterministic) {
  call.feature = volume_of<const T>(grad_feature);
  if (deterministic) {
    const int64_t terms = call.points() * call.motions();
    const FixedPointAccumulator<T> accumulator(launcher, grad_feature, grad_output, {}, terms);
    scatter_features(launcher, call, grad_output, accumulator.sums());
    accumulator.finish(launcher);
  } else {
    const Accumulator<T> accumulator(grad_feature);
    scatter_features(launcher, call, grad_output, FloatingSums<Real<T>>{accumulator.sums()});
    accumulator.finish(launcher);
  }
}

template <class T>
bool lies_by_channels(const Volume<T>& output) {
  return output.stride_c == 1 && output.channels > 1;
}

}  // namespace ptus::cuda
