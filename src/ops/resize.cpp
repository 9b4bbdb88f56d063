#include "ops/resize.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/resize_plan.h"
#include "ops/strips.h"

namespace hone {
namespace {

Tensor optional_constant(const InferContext& ctx, size_t i) {
  const Tensor* value = ctx.has_input(i) ? ctx.constant(i) : nullptr;
  return value ? *value : Tensor();
}

/// Dims of axes that scales keep at 1 are known even when the input's are not.
Shape partial_shape(const Resize& op, const Shape& x, const Tensor& scales, const Tensor& sizes) {
  Shape out = Shape::unknown_of_rank(x.rank());
  const std::vector<int64_t> axes = resize_axis_list(op, x.rank());
  for (int64_t i = 0; i < x.rank(); ++i)
    if (std::find(axes.begin(), axes.end(), i) == axes.end()) out[i] = x[i];
  const bool has_sizes = sizes.exists() && sizes.elements() == static_cast<int64_t>(axes.size());
  const bool has_scales = !has_sizes && scales.exists() && scales.elements() == static_cast<int64_t>(axes.size());
  for (size_t k = 0; k < axes.size(); ++k) {
    if (has_sizes && op.aspect == AspectPolicy::stretch) out[axes[k]] = to_ints(sizes)[k];
    if (!has_scales) continue;
    const float scale = static_cast<float>(to_doubles(scales)[k]);
    if (scale == 1)
      out[axes[k]] = x[axes[k]];
    else if (x[axes[k]].is_known())
      out[axes[k]] = scaled_size(x[axes[k]].value(), scale);
  }
  return out;
}

void infer(InferContext& ctx) {
  const Resize& op = ctx.attrs<Resize>();
  const Shape& x = ctx.shape(0);
  if (!ctx.has_input(2) && !ctx.has_input(3)) throw op_error(Resize::kName, "neither scales nor sizes are given");
  if (!x.has_rank()) return ctx.output(0, ctx.dtype(0), Shape::unranked());
  const Tensor scales = optional_constant(ctx, 2), sizes = optional_constant(ctx, 3);
  const Tensor roi = optional_constant(ctx, 1);
  const bool is_known = sizes.exists() ? sizes.elements() > 0 || scales.exists() : scales.exists() && !ctx.has_input(3);
  const bool needs_roi = op.coordinates == ResizeCoordinates::tf_crop_and_resize;
  if (!is_known || !x.is_static() || (needs_roi && !roi.exists()))
    return ctx.output(0, ctx.dtype(0), partial_shape(op, x, scales, sizes));
  Shape out;
  for (const ResizeAxis& axis : resize_axes(op, x.dims(), roi, scales, sizes)) out.list().push_back(axis.out);
  ctx.output(0, ctx.dtype(0), out);
}

std::vector<ResizeAxis> axes_of_run(const EvalContext& ctx) {
  auto input = [&](size_t i) { return ctx.has(i) ? ctx.in(i) : Tensor(); };
  return resize_axes(ctx.op<Resize>(), ctx.in(0).dims(), input(1), input(2), input(3));
}

Dims sizes_of(const std::vector<ResizeAxis>& axes) {
  Dims out;
  for (const ResizeAxis& axis : axes) out.push_back(axis.out);
  return out;
}

/// One axis of x: [dims] replaced by weighted sums; `outside` where a coordinate lies outside the region's image.
template <class T>
std::vector<T> resample(const Resize& op, const ResizeAxis& axis, size_t which, Dims& dims, const std::vector<T>& x) {
  const Strips from(dims, static_cast<int64_t>(which));
  dims[which] = axis.out;
  std::vector<T> y(static_cast<size_t>(from.outer * axis.out * from.inner));
  for (int64_t i = 0; i < axis.out; ++i) {
    const ResizeTaps taps = resize_taps(op, axis, i);
    for (int64_t o = 0; o < from.outer; ++o) {
      T* out = y.data() + (o * axis.out + i) * from.inner;
      if (taps.index.empty()) std::fill(out, out + from.inner, static_cast<T>(op.extrapolation_value));
      for (size_t k = 0; k < taps.index.size(); ++k) {
        const T* in = x.data() + (o * from.size + taps.index[k]) * from.inner;
        const T w = static_cast<T>(taps.weight[k]);
        for (int64_t e = 0; e < from.inner; ++e) out[e] += in[e] * w;
      }
    }
  }
  return y;
}

/// Overwrites what lies outside the region's image along any axis: interpolating along a later axis has mixed it.
template <class T>
void fill_outside(const Resize& op, const std::vector<ResizeAxis>& axes, const Dims& dims, std::vector<T>& y) {
  if (op.coordinates != ResizeCoordinates::tf_crop_and_resize || y.empty()) return;
  for (size_t a = 0; a < axes.size(); ++a) {
    const Strips s(dims, static_cast<int64_t>(a));
    for (int64_t i = 0; i < s.size; ++i) {
      if (!resize_taps(op, axes[a], i).index.empty()) continue;
      for (int64_t o = 0; o < s.outer; ++o) {
        T* out = y.data() + (o * s.size + i) * s.inner;
        std::fill(out, out + s.inner, static_cast<T>(op.extrapolation_value));
      }
    }
  }
}

template <class T>
std::vector<T> interpolate(const Resize& op, const std::vector<ResizeAxis>& axes, Dims dims, std::vector<T> x) {
  for (size_t a = 0; a < axes.size(); ++a)
    if (!axes[a].is_identity(op.coordinates)) x = resample(op, axes[a], a, dims, x);
  fill_outside(op, axes, dims, x);
  return x;
}

/// Copies whole elements of any dtype.
void copy_nearest(const Resize& op, const std::vector<ResizeAxis>& axes, const Tensor& x, Tensor& y) {
  const Dims strides = strides_of(x.dims());
  std::vector<std::vector<int64_t>> offsets(axes.size());
  for (size_t a = 0; a < axes.size(); ++a)
    for (int64_t i = 0; i < axes[a].out; ++i)
      offsets[a].push_back(
          strides[a] * (axes[a].is_identity(op.coordinates)
                            ? i
                            : resize_nearest(axes[a], op.nearest_mode, resize_coordinate(axes[a], op.coordinates, i))));
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) {
    const U* in = static_cast<const U*>(x.raw());
    U* out = static_cast<U*>(y.mutable_raw());
    Dims index(axes.size(), 0);
    for (int64_t i = 0; i < y.elements(); ++i) {
      int64_t offset = 0;
      for (size_t a = 0; a < index.size(); ++a) offset += offsets[a][static_cast<size_t>(index[a])];
      out[i] = in[offset];
      next_index(index, y.dims());
    }
  });
}

void eval(EvalContext& ctx) {
  const Resize& op = ctx.op<Resize>();
  const Tensor& x = ctx.in(0);
  const std::vector<ResizeAxis> axes = axes_of_run(ctx);
  Tensor& y = make_stored(ctx, 0, sizes_of(axes));
  if (y.elements() == 0) return;
  if (op.mode == ResizeMode::nearest && op.coordinates != ResizeCoordinates::tf_crop_and_resize)
    return copy_nearest(op, axes, x, y);
  dispatch(x.dtype(), [&]<class T>(std::type_identity<T>) {
    using A = std::conditional_t<std::is_same_v<T, float>, float, double>;
    const std::vector<A> values = interpolate<A>(op, axes, x.dims(), elements_as<A>(x));
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < out.size(); ++i) {
      if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>)
        out[i] = saturated<T>(std::nearbyint(values[i]));
      else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
        out[i] = T(static_cast<float>(values[i]));
      else
        out[i] = static_cast<T>(values[i]);
    }
  });
}

/// TFLite's interpolation weights between two neighbours, for every output index.
struct Neighbours {
  std::vector<int64_t> low, high;
  std::vector<float> position;        ///< float coordinate (u8 kernel)
  std::vector<int64_t> position_q10;  ///< coordinate in steps of 2⁻¹⁰ (i8 and i16 kernels)
};

Neighbours neighbours(const Resize& op, const ResizeAxis& axis, bool in_q10) {
  Neighbours n;
  const bool aligned = op.coordinates == ResizeCoordinates::align_corners && axis.out > 1;
  const bool half = op.coordinates == ResizeCoordinates::half_pixel;
  const int64_t from = aligned ? axis.in - 1 : axis.in, to = aligned ? axis.out - 1 : axis.out;
  const int64_t step = (1024 * from + to / 2) / to;
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  for (int64_t i = 0; i < axis.out; ++i) {
    const int64_t q = i * step + (half ? step / 2 - 512 : 0);
    const float f = half ? (static_cast<float>(i) + 0.5f) * scale - 0.5f : static_cast<float>(i) * scale;
    const int64_t low = in_q10 ? q / 1024 : static_cast<int64_t>(std::floor(f));
    const int64_t high = in_q10 ? (q + 1023) / 1024 : static_cast<int64_t>(std::ceil(f));
    n.low.push_back(std::clamp<int64_t>(low, 0, axis.in - 1));
    n.high.push_back(std::min(high, axis.in - 1));
    n.position.push_back(f);
    n.position_q10.push_back(q);
  }
  return n;
}

/// RESIZE_BILINEAR of TFLite 2.9: i8 and i16 in 20-bit fixed point, halves away from zero; u8 in float, halves up.
template <class T>
void bilinear_stored(const Resize& op, const std::vector<ResizeAxis>& axes, const Tensor& x, Tensor& y) {
  constexpr bool kInQ10 = std::is_signed_v<T>;
  const Neighbours rows = neighbours(op, axes[1], kInQ10), columns = neighbours(op, axes[2], kInQ10);
  const int64_t height = axes[1].in, width = axes[2].in, channels = axes[3].in;
  const T* in = x.data<T>().data();
  T* out = y.mutable_data<T>().data();
  for (int64_t n = 0; n < axes[0].in; ++n, in += height * width * channels)
    for (size_t r = 0; r < rows.low.size(); ++r)
      for (size_t k = 0; k < columns.low.size(); ++k)
        for (int64_t c = 0; c < channels; ++c) {
          auto at = [&](int64_t h, int64_t w) { return in[(h * width + w) * channels + c]; };
          const T ll = at(rows.low[r], columns.low[k]), lh = at(rows.low[r], columns.high[k]);
          const T hl = at(rows.high[r], columns.low[k]), hh = at(rows.high[r], columns.high[k]);
          if constexpr (kInQ10) {
            const int64_t dy = rows.position_q10[r] - 1024 * rows.low[r];
            const int64_t dx = columns.position_q10[k] - 1024 * columns.low[k];
            const int64_t sum =
                ll * (1024 - dy) * (1024 - dx) + hl * dy * (1024 - dx) + lh * (1024 - dy) * dx + hh * dy * dx;
            *out++ = static_cast<T>((sum + (sum > 0 ? 1 << 19 : -(1 << 19))) / (1 << 20));
          } else {
            const float dy = rows.position[r] - static_cast<float>(rows.low[r]);
            const float dx = columns.position[k] - static_cast<float>(columns.low[k]);
            const float value = static_cast<float>(ll) * ((1 - dy) * (1 - dx)) +
                                static_cast<float>(lh) * ((1 - dy) * dx) + static_cast<float>(hl) * (dy * (1 - dx)) +
                                static_cast<float>(hh) * (dy * dx);
            *out++ = static_cast<T>(std::clamp(value + 0.5f, 0.0f, 255.0f));
          }
        }
}

bool has_tflite_form(const Resize& op, const std::vector<ResizeAxis>& axes) {
  const bool coordinates = op.coordinates == ResizeCoordinates::half_pixel ||
                           op.coordinates == ResizeCoordinates::align_corners ||
                           op.coordinates == ResizeCoordinates::asymmetric;
  return op.mode == ResizeMode::linear && coordinates && !op.antialias && axes.size() == 4 &&
         axes[0].in == axes[0].out && axes[3].in == axes[3].out;
}

void eval_quantized(EvalContext& ctx) {
  const Resize& op = ctx.op<Resize>();
  const Tensor& x = ctx.in(0);
  const bool is_nearest = op.mode == ResizeMode::nearest && op.coordinates != ResizeCoordinates::tf_crop_and_resize;
  const TensorType& to = ctx.output_types[0];
  const bool is_same = x.dtype() == to.dtype && same_quant(x.quant(), to.quant) && is_per_tensor(x);
  const std::vector<ResizeAxis> axes = axes_of_run(ctx);
  if (!is_same || !(is_nearest || has_tflite_form(op, axes))) return eval_in_float(ctx, eval);
  Tensor& y = make_stored(ctx, 0, sizes_of(axes));
  if (y.elements() == 0) return;
  if (is_nearest) return copy_nearest(op, axes, x, y);
  Types<int8_t, uint8_t, int16_t>::dispatch(
      "resize", x.dtype(), [&]<class T>(std::type_identity<T>) { bilinear_stored<T>(op, axes, x, y); });
}

constexpr InputRule kResizeInputs[] = {{.name = "x", .dtypes = Anything::kSet},
                                       {.name = "roi", .dtypes = Floats::kSet, .is_optional = true},
                                       {.name = "scales", .dtypes = Floats::kSet, .is_optional = true},
                                       {.name = "sizes", .dtypes = Integers::kSet}};

}  // namespace

constinit const OpDef Resize::def{.name = Resize::kName,
                                  .attrs = &attr_type<Resize>(),
                                  .min_inputs = 3,
                                  .max_inputs = 4,
                                  .infer = infer,
                                  .eval = eval,
                                  .eval_quantized = eval_quantized,
                                  .quant = {.kind = QuantRule::kSameScale},
                                  .inputs = kResizeInputs};

}  // namespace hone
