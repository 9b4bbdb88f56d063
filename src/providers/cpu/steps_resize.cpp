// Resampling of channels-last images.
#include <cstring>
#include <optional>
#include <utility>

#include "ops/resize_plan.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

// Where one output position reads: two inputs (or one twice) and the weight of the second.
struct Sample {
  int64_t low, high;
  float weight;
};

struct Sampling {
  Dims x, y;
  std::vector<Sample> rows, columns;
};

std::optional<std::vector<Sample>> samples_of(const Resize& op, const ResizeAxis& axis) {
  std::vector<Sample> samples;
  for (int64_t i = 0; i < axis.out; ++i) {
    const ResizeTaps taps = resize_taps(op, axis, i);
    if (taps.index.empty() || taps.index.size() > 2) return std::nullopt;
    const bool is_one = taps.index.size() == 1;
    samples.push_back({taps.index[0], taps.index[is_one ? 0 : 1], is_one ? 0.0f : static_cast<float>(taps.weight[1])});
  }
  return samples;
}

// H and W of [N, H, W, C] change, by at most two taps a position.
std::optional<Sampling> sampling_of(const KernelRequest& r) {
  const auto& op = r.node().as<Resize>();
  if (!r.is_static() || r.input(0).shape.rank() != 4 || op.mode == ResizeMode::cubic || op.antialias) {
    return std::nullopt;
  }
  for (size_t i = 1; i < 4; ++i) {
    if (r.has_input(i) && !r.constant(i).exists()) return std::nullopt;
  }
  Sampling s{.x = r.input(0).shape.dims(), .y = r.output().shape.dims(), .rows = {}, .columns = {}};
  if (r.input(0).shape.elements() == 0 || r.output().shape.elements() == 0) return std::nullopt;
  const std::vector<ResizeAxis> axes = resize_axes(op, s.x, r.constant(1), r.constant(2), r.constant(3));
  for (size_t i : {0, 3}) {
    if (!axes[i].is_identity(op.coordinates)) return std::nullopt;
  }
  auto rows = samples_of(op, axes[1]);
  auto columns = samples_of(op, axes[2]);
  if (!rows || !columns) return std::nullopt;
  s.rows = std::move(*rows);
  s.columns = std::move(*columns);
  return s;
}

}  // namespace

namespace {

// Calls f(x00, x01, x10, x11, y, channels, fx, fy) for every output pixel.
template <class T, class F>
void for_samples(const RunContext& c, const Sampling& s, int64_t tasks, const F& f) {
  const int64_t channels = s.x[3];
  for_tasks(*c.pool, s.y[0] * s.y[1], tasks, [&](int64_t, int64_t from, int64_t to) {
    for (int64_t row = from; row < to; ++row) {
      const T* image = in<T>(c, 0) + row / s.y[1] * s.x[1] * s.x[2] * channels;
      const Sample& v = s.rows[static_cast<size_t>(row % s.y[1])];
      const T* top = image + v.low * s.x[2] * channels;
      const T* bottom = image + v.high * s.x[2] * channels;
      T* y = out<T>(c) + row * s.y[2] * channels;
      for (const Sample& h : s.columns) {
        const int64_t left = h.low * channels;
        const int64_t right = h.high * channels;
        f(top + left, top + right, bottom + left, bottom + right, y, channels, h.weight, v.weight);
        y += channels;
      }
    }
  });
}

}  // namespace

std::unique_ptr<Step> make_bilinear(const KernelRequest& r, const KernelTable& table) {
  if (r.node().as<Resize>().mode != ResizeMode::linear) return nullptr;
  const bool is_real = is_f32(r.input(0)) && is_f32(r.output());
  const bool keeps_bytes = is_quantized_bytes(r.input(0)) && r.input(0).dtype == r.output().dtype &&
                           same_quant(r.input(0).quant, r.output().quant) && !wants_fixed_point(r);
  if (!is_real && !keeps_bytes) return nullptr;
  auto s = sampling_of(r);
  if (!s) return nullptr;
  const int64_t tasks = std::min(tasks_for(r.output().shape.elements(), r.threads), s->y[0] * s->y[1]);
  if (is_real) {
    return make_step(
        [f = table.bilinear, tasks, s = std::move(*s)](RunContext& c) { for_samples<float>(c, s, tasks, f); });
  }
  const bool is_unsigned = is_unsigned_byte(r.input(0));
  return make_step([f = table.bilinear_q, is_unsigned, tasks, s = std::move(*s)](RunContext& c) {
    for_samples<uint8_t>(c, s, tasks, [=](auto... args) { f(args..., is_unsigned); });
  });
}

// Copies stored elements: any dtype, any quantization that stays the same.
std::unique_ptr<Step> make_nearest(const KernelRequest& r, const KernelTable&) {
  if (r.node().as<Resize>().mode != ResizeMode::nearest || r.input(0).dtype != r.output().dtype ||
      !same_quant(r.input(0).quant, r.output().quant)) {
    return nullptr;
  }
  auto s = sampling_of(r);
  if (!s) return nullptr;
  const int64_t pixel = s->x[3] * size_of(r.output().dtype);
  return make_step([=, s = std::move(*s)](RunContext& c) {
    auto* y = out<std::byte>(c);
    for (int64_t row = 0; row < s.y[0] * s.y[1]; ++row) {
      const int64_t line = row / s.y[1] * s.x[1] + s.rows[static_cast<size_t>(row % s.y[1])].low;
      const std::byte* x = in<std::byte>(c, 0) + line * s.x[2] * pixel;
      for (const Sample& h : s.columns) {
        std::memcpy(y, x + h.low * pixel, static_cast<size_t>(pixel));
        y += pixel;
      }
    }
  });
}

}  // namespace hone::cpu
