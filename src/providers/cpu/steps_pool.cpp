// Pooling over channels-last images.
#include <cmath>
#include <limits>
#include <optional>

#include "ops/fixed_point.h"
#include "ops/pool.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

constexpr int64_t kMaxTaps = 1 << 20;

struct PoolAxis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, pad = 0, pad_end = 0;
};

template <class Op>
std::optional<PoolAxis> axis_of(const Op& op, size_t axis, size_t axes, int64_t in, int64_t out) {
  PoolAxis a{.in = in,
             .out = out,
             .kernel = op.kernel[axis],
             .stride = op.strides.empty() ? 1 : op.strides[axis],
             .dilation = op.dilations.empty() ? 1 : op.dilations[axis]};
  const int64_t total = std::max<int64_t>(0, (out - 1) * a.stride + (a.kernel - 1) * a.dilation + 1 - in);
  if (op.auto_pad == AutoPad::same_upper) {
    a.pad = total / 2;
  } else if (op.auto_pad == AutoPad::same_lower) {
    a.pad = total - total / 2;
  } else if (op.auto_pad == AutoPad::explicit_pads && !op.pads.empty()) {
    a.pad = op.pads[axis];
    a.pad_end = op.pads[axis + axes];
    if (a.pad < 0 || a.pad_end < 0) return std::nullopt;
  }
  if (op.auto_pad == AutoPad::same_upper || op.auto_pad == AutoPad::same_lower) a.pad_end = total - a.pad;
  return a;
}

struct PoolShape {
  int64_t batch = 1, channels = 1;
  PoolAxis y, x;
};

template <class Op>
std::optional<PoolShape> pool_shape(const KernelRequest& r, const Op& op) {
  if (!r.is_static() || r.node().outputs.size() != 1 || r.output().shape.elements() == 0) return std::nullopt;
  const Dims in = r.input(0).shape.dims();
  const Dims out = r.output().shape.dims();
  const size_t axes = in.size() - 2;
  if (in.size() < 3 || axes > 2) return std::nullopt;
  PoolShape s{.batch = in[0], .channels = in.back(), .y = {}, .x = {}};
  const auto x = axis_of(op, axes - 1, axes, in[axes], out[axes]);
  const auto y = axes == 2 ? axis_of(op, 0, axes, in[1], out[1]) : PoolAxis{};
  if (!x || !y) return std::nullopt;
  s.x = *x;
  s.y = *y;
  // A pointer per tap is kept: windows beyond any image are left to the reference.
  if (s.x.kernel > kMaxTaps || s.y.kernel > kMaxTaps / s.x.kernel) return std::nullopt;
  return s;
}

// The taps of output position `o` along an axis that lie inside the input: [first, last).
std::pair<int64_t, int64_t> inside(const PoolAxis& a, int64_t o) {
  const int64_t start = o * a.stride - a.pad;
  const int64_t first = start >= 0 ? 0 : (-start + a.dilation - 1) / a.dilation;
  const int64_t last = start >= a.in ? 0 : std::min(a.kernel, (a.in - 1 - start) / a.dilation + 1);
  return {first, std::max(first, last)};
}

// Number of taps that count_include_pad counts: those inside the padded input.
int64_t padded_taps(const PoolAxis& a, int64_t o) {
  const int64_t start = o * a.stride - a.pad;
  const int64_t end = a.in + a.pad_end;
  if (start >= end) return 0;
  return std::min(a.kernel, (end - 1 - start) / a.dilation + 1);
}

// Calls f(pixels, count, oy, ox, out) for every output pixel that has taps.
template <class T, class F>
void for_pixels(const RunContext& c, const PoolShape& s, int64_t tasks, const F& f) {
  const int64_t taps = s.y.kernel * s.x.kernel;
  for_tasks(*c.pool, s.batch * s.y.out, tasks, [&](int64_t task, int64_t from, int64_t to) {
    auto** pixels = static_cast<const void**>(c.scratch) + task * taps;
    for (int64_t row = from; row < to; ++row) {
      const T* image = in<T>(c, 0) + row / s.y.out * s.y.in * s.x.in * s.channels;
      const int64_t oy = row % s.y.out;
      const auto [y0, y1] = inside(s.y, oy);
      for (int64_t ox = 0; ox < s.x.out; ++ox) {
        const auto [x0, x1] = inside(s.x, ox);
        int64_t count = 0;
        for (int64_t ky = y0; ky < y1; ++ky) {
          const T* line = image + (oy * s.y.stride - s.y.pad + ky * s.y.dilation) * s.x.in * s.channels;
          for (int64_t kx = x0; kx < x1; ++kx) {
            pixels[count++] = line + (ox * s.x.stride - s.x.pad + kx * s.x.dilation) * s.channels;
          }
        }
        f(pixels, count, oy, ox, out<T>(c) + (row * s.x.out + ox) * s.channels);
      }
    }
  });
}

// Every output pixel sees at least one input pixel.
bool has_taps(const PoolShape& s) {
  for (const PoolAxis* a : {&s.y, &s.x}) {
    for (int64_t o = 0; o < a->out; ++o) {
      const auto [first, last] = inside(*a, o);
      if (first >= last) return false;
    }
  }
  return true;
}

int64_t pool_tasks(const PoolShape& s, int threads) {
  const int64_t work = s.batch * s.y.out * s.x.out * s.channels * s.y.kernel * s.x.kernel;
  return std::min(tasks_for(work / 4, threads), s.batch * s.y.out);
}

int64_t pool_scratch(const PoolShape& s, int64_t tasks) {
  return align_64(tasks * s.y.kernel * s.x.kernel * static_cast<int64_t>(sizeof(void*)));
}

bool keeps_bytes(const KernelRequest& r) {
  return is_quantized_bytes(r.input(0)) && r.input(0).dtype == r.output().dtype &&
         same_quant(r.input(0).quant, r.output().quant);
}

// `divisor`: see make_average_pool. TFLite divides integers; ONNX's arithmetic multiplies real numbers.
template <class Divisor>
std::unique_ptr<Step> average_pool_bytes(const KernelRequest& r, const KernelTable& table, const PoolShape& shape,
                                         const Divisor& divisor) {
  const auto& op = r.node().as<AveragePool>();
  const bool is_integer = r.graph.arithmetic == QuantArithmetic::kFixedPoint;
  if (is_integer && (!keeps_bytes(r) || op.count_include_pad)) return nullptr;
  const QuantizedRange range = activation_range(op.act_min, op.act_max, r.output().dtype, r.output().quant);
  const PoolPixel common{.channels = shape.channels,
                         .count = 0,
                         .pixels = nullptr,
                         .out = nullptr,
                         .min = static_cast<float>(range.min),
                         .max = static_cast<float>(range.max),
                         .scale = r.input(0).quant->scale() / r.output().quant->scale(),
                         .divisor = 0,
                         .offset = r.input(0).quant->zero_point(),
                         .zero_point = r.output().quant->zero_point()};
  const bool is_unsigned = is_unsigned_byte(r.input(0));
  const int64_t tasks = pool_tasks(shape, r.threads);
  const auto f = table.average_pool_q;
  return make_step(
      [=](RunContext& c) {
        for_pixels<uint8_t>(c, shape, tasks,
                            [&](const void** pixels, int64_t count, int64_t oy, int64_t ox, uint8_t* y) {
                              PoolPixel p = common;
                              p.count = count;
                              p.pixels = pixels;
                              p.out = y;
                              p.divisor = is_integer ? static_cast<int32_t>(count) : 0;
                              p.offset *= static_cast<int32_t>(count);
                              p.scale /= static_cast<float>(divisor(count, oy, ox));
                              f(p, is_unsigned);
                            });
      },
      pool_scratch(shape, tasks));
}

}  // namespace

std::unique_ptr<Step> make_max_pool(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<MaxPool>();
  const auto s = pool_shape(r, op);
  if (!s || !has_taps(*s)) return nullptr;
  const int64_t tasks = pool_tasks(*s, r.threads);
  if (is_f32(r.input(0)) && is_f32(r.output())) {
    const auto f = table.max_pool_f32;
    return make_step(
        [=, shape = *s, min = op.act_min, max = op.act_max](RunContext& c) {
          for_pixels<float>(c, shape, tasks, [&](const void** pixels, int64_t count, int64_t, int64_t, float* y) {
            f({.channels = shape.channels, .count = count, .pixels = pixels, .out = y, .min = min, .max = max});
          });
        },
        pool_scratch(*s, tasks));
  }
  if (!keeps_bytes(r)) return nullptr;
  const QuantizedRange range = activation_range(op.act_min, op.act_max, r.output().dtype, r.output().quant);
  const bool is_unsigned = is_unsigned_byte(r.input(0));
  const auto f = table.max_pool_q;
  return make_step(
      [=, shape = *s, min = static_cast<float>(range.min), max = static_cast<float>(range.max)](RunContext& c) {
        for_pixels<uint8_t>(c, shape, tasks, [&](const void** pixels, int64_t count, int64_t, int64_t, uint8_t* y) {
          f({.channels = shape.channels, .count = count, .pixels = pixels, .out = y, .min = min, .max = max},
            is_unsigned);
        });
      },
      pool_scratch(*s, tasks));
}

std::unique_ptr<Step> make_average_pool(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<AveragePool>();
  const auto s = pool_shape(r, op);
  if (!s || !has_taps(*s)) return nullptr;
  const int64_t tasks = pool_tasks(*s, r.threads);
  const bool counts_pads = op.count_include_pad;
  const auto divisor = [shape = *s, counts_pads](int64_t count, int64_t oy, int64_t ox) {
    return counts_pads ? padded_taps(shape.y, oy) * padded_taps(shape.x, ox) : count;
  };
  if (is_f32(r.input(0)) && is_f32(r.output())) {
    const auto f = table.average_pool_f32;
    return make_step(
        [=, shape = *s, min = op.act_min, max = op.act_max](RunContext& c) {
          for_pixels<float>(c, shape, tasks, [&](const void** pixels, int64_t count, int64_t oy, int64_t ox, float* y) {
            f({.channels = shape.channels,
               .count = count,
               .pixels = pixels,
               .out = y,
               .min = min,
               .max = max,
               .scale = 1.0f / static_cast<float>(divisor(count, oy, ox))});
          });
        },
        pool_scratch(*s, tasks));
  }
  if (!is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.output())) return nullptr;
  return average_pool_bytes(r, table, *s, divisor);
}

}  // namespace hone::cpu
