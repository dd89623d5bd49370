#include "cpu/spade_modulate.h"

#include <cmath>

#include "host/occlusion_arguments.h"
#include "host/output_mask.h"
#include "host/spade_arguments.h"

#define PTUS_KERNEL_HEADER "cpu/spade_modulate_kernel.h"
#include "cpu/foreach_capability.h"

namespace ptus {
namespace {

template <class T>
bool lies_in_place(const Volume<T>& volume, bool channels_last) {
  return volume.data == nullptr || (channels_last ? volume.stride_c : volume.stride_x) == 1;
}

// Whether each row follows on the one before, so that all of a plane is one row.
template <class T>
bool rows_follow(const Volume<T>& volume) {
  return volume.data == nullptr || (volume.stride_x == 1 && volume.stride_y == volume.width);
}

template <class T>
void join_rows(Volume<T>& volume) {
  volume.width *= volume.height;
  volume.height = 1;
}

// A call whose other volumes are these; rows are joined where all tensors allow it.
template <class T, class... Others>
SpadeModulate<T> call_of(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t scale, double negative_slope,
                         double eps, Others&... others) {
  const bool channels_last = is_channels_last(x);
  SpadeModulate<T> call = {volume_of<const T>(x),
                           volume_of<const T>(gamma),
                           volume_of<const T>(beta),
                           scale,
                           static_cast<Real<T>>(negative_slope),
                           eps,
                           channels_last,
                           false};
  const auto all = [&](const auto& has) {
    return has(call.x) && has(call.gamma) && has(call.beta) && (has(others) && ...);
  };
  call.in_place = all([&](const auto& volume) { return lies_in_place(volume, channels_last); });
  if (!channels_last && scale == 1 && all([](const auto& volume) { return rows_follow(volume); })) {
    join_rows(call.x);
    join_rows(call.gamma);
    join_rows(call.beta);
    (join_rows(others), ...);
  }
  return call;
}

// Adds up an array of (batch, segments, 2, channels) over its segments, with total(n, c, array of a segment).
template <class T, class F>
void over_segments(const SpadeModulate<T>& call, const double* array, const F& total) {
  const int64_t channels = call.x.channels;
  for (int64_t n = 0; n < call.x.batch; ++n) {
    for (int64_t c = 0; c < channels; ++c) total(n * channels + c, array + n * call.segments() * 2 * channels + c);
  }
}

// The statistics of a channels-last x.
template <class T>
class ChannelStatistics {
  using R = Real<T>;

 public:
  explicit ChannelStatistics(const SpadeModulate<T>& call) : numbers_(2 * call.x.batch * call.x.channels) {
    const int64_t channels = call.x.channels, segments = call.x.batch * call.segments();
    std::vector<double> moments(segments * 2 * channels);
    const auto run = PTUS_FOR_THIS_CPU(spade_segment_moments<T>);
    torch::stable::parallel_for(0, segments, 1,
                                [&](int64_t begin, int64_t end) { run(call, moments.data(), begin, end); });
    over_segments(call, moments.data(), [&](int64_t i, const double* of_segments) {
      Moments<double> all = {};
      for (int64_t s = 0; s < call.segments(); ++s) {
        const double count = static_cast<double>((call.first_row(s + 1) - call.first_row(s)) * call.x.width);
        all = merged(all, Moments<double>{count, of_segments[2 * s * channels], of_segments[(2 * s + 1) * channels]});
      }
      numbers_[i] = static_cast<R>(all.mean);
      numbers_[i + numbers_.size() / 2] = static_cast<R>(1 / std::sqrt(all.squares / all.count + call.eps));
    });
  }

  Normalisation<const R> get() const { return {numbers_.data(), numbers_.data() + numbers_.size() / 2}; }

 private:
  std::vector<R> numbers_;
};

template <class T>
int64_t grain_of_rows(const SpadeModulate<T>& call) {
  return grain_of(call.x.channels * call.x.width * call.scale * call.scale);
}

template <class T>
int64_t grain_of_units(const SpadeModulate<T>& call) {
  return grain_of(call.tile_channels() * call.points() * call.scale * call.scale);
}

template <class T>
void modulate_all(const SpadeModulate<T>& call, const Volume<T>& output) {
  if (call.channels_last) {
    const ChannelStatistics<T> statistics(call);
    const auto rows = PTUS_FOR_THIS_CPU(spade_rows<T>);
    torch::stable::parallel_for(0, call.x.batch * call.x.height, grain_of_rows(call),
                                [&](int64_t begin, int64_t end) { rows(call, statistics.get(), output, begin, end); });
    return;
  }
  const auto planes = PTUS_FOR_THIS_CPU(spade_planes<T>);
  torch::stable::parallel_for(0, call.x.batch * call.units_of_sample(), grain_of_units(call),
                              [&](int64_t begin, int64_t end) { planes(call, output, begin, end); });
}

Tensor forward(const Tensor& x, const Tensor& gamma, const Tensor& beta, int64_t scale_factor, double negative_slope,
               double eps) {
  check_spade(x, gamma, beta, scale_factor);
  Tensor output = empty_in_format_of(x, size_of(gamma));
  if (output.numel() == 0) return output;
  dispatch_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    auto to = volume_of<T>(output);
    const auto call = call_of<T>(x, gamma, beta, scale_factor, negative_slope, eps, to);
    modulate_all(call, to);
  });
  return output;
}

template <class T>
void write_channels_last_gradients(const SpadeModulate<T>& call, const SpadeGradients<T>& to) {
  using R = Real<T>;
  const ChannelStatistics<T> statistics(call);
  const int64_t channels = call.x.channels, segments = call.x.batch * call.segments();
  std::vector<double> sums(to.wants_x() ? segments * 2 * channels : 0);
  const auto run = PTUS_FOR_THIS_CPU(spade_gradient_segments<T>);
  torch::stable::parallel_for(
      0, segments, 1, [&](int64_t begin, int64_t end) { run(call, statistics.get(), to, sums.data(), begin, end); });
  if (!to.wants_x()) return;
  std::vector<R> plain(call.x.batch * channels), products(call.x.batch * channels);
  over_segments(call, sums.data(), [&](int64_t i, const double* of_segments) {
    double sum = 0, product = 0;
    for (int64_t s = 0; s < call.segments(); ++s) {
      sum += of_segments[2 * s * channels];
      product += of_segments[(2 * s + 1) * channels];
    }
    plain[i] = static_cast<R>(sum / static_cast<double>(call.points()));
    products[i] = static_cast<R>(product / static_cast<double>(call.points()));
  });
  const auto rows = PTUS_FOR_THIS_CPU(spade_gradient_rows<T>);
  torch::stable::parallel_for(0, call.x.batch * call.x.height, grain_of_rows(call), [&](int64_t begin, int64_t end) {
    rows(call, statistics.get(), plain.data(), products.data(), to, begin, end);
  });
}

template <class T>
void write_gradients(const SpadeModulate<T>& call, SpadeGradients<T> to) {
  using R = Real<T>;
  if (!call.channels_last) {
    const auto planes = PTUS_FOR_THIS_CPU(spade_gradient_planes<T>);
    torch::stable::parallel_for(0, call.x.batch * call.units_of_sample(), grain_of_units(call),
                                [&](int64_t begin, int64_t end) { planes(call, to, begin, end); });
    return;
  }
  const bool shares = std::is_same_v<T, R>;
  const int64_t numbers = to.wants_x() && !shares ? call.x.batch * call.x.channels * call.points() : 0;
  const Scratch passed(numbers * static_cast<int64_t>(sizeof(R)));
  to.passed = passed.as<R>();
  if constexpr (std::is_same_v<T, R>) to.passed = to.x.data;
  write_channels_last_gradients(call, to);
}

// The gradients asked for by output_mask, of (x, gamma, beta).
std::vector<Tensor> backward(const Tensor& grad_output, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                             int64_t scale_factor, double negative_slope, double eps, std::vector<bool> output_mask,
                             bool /*deterministic*/) {
  check_spade(x, gamma, beta, scale_factor);
  check_same("grad_output", grad_output, gamma);
  check_output_mask(output_mask, {true, true, true});
  std::vector<Tensor> gradients;
  Tensor* asked[3] = {};
  const Tensor* const inputs[3] = {&x, &gamma, &beta};
  gradients.reserve(3);
  for (int i = 0; i < 3; ++i) {
    if (!output_mask[i]) continue;
    gradients.push_back(empty_in_format_of(*inputs[i], size_of(*inputs[i])));
    asked[i] = &gradients.back();
  }
  if (x.numel() == 0 || gradients.empty()) return gradients;
  dispatch_type(x.scalar_type(), [&](auto type) {
    using T = decltype(type);
    const auto write_to = [&](int which) { return asked[which] ? volume_of<T>(*asked[which]) : Volume<T>{}; };
    SpadeGradients<T> to = {volume_of<const T>(grad_output), write_to(0), write_to(1), write_to(2), nullptr};
    const auto call = call_of<T>(x, gamma, beta, scale_factor, negative_slope, eps, to.output, to.x, to.gamma, to.beta);
    write_gradients(call, to);
  });
  return gradients;
}

}  // namespace

STABLE_TORCH_LIBRARY_IMPL(ptus_kernels, CPU, m) {
  m.impl("spade_modulate", TORCH_BOX(&forward));
  m.impl("spade_modulate_backward", TORCH_BOX(&backward));
}

}  // namespace ptus
