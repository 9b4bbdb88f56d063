#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/conv_kernel.h"
#include "ops/kernel.h"

namespace hone {
namespace {

WindowSpec spec_of(const DeformConv& op, std::span<const int64_t> kernel) {
  return {.kernel = kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads};
}

void check_groups(const DeformConv& op, const Shape& x, const Shape& w) {
  if (op.groups < 1 || op.offset_groups < 1)
    throw op_error(DeformConv::kName,
                   cat("groups ", op.groups, " and offset_groups ", op.offset_groups, ", expected 1 or more"));
  if (x[3].is_known() && w[3].is_known() && x[3].value() != checked_mul(w[3].value(), op.groups))
    throw op_error(DeformConv::kName, cat("weight has ", w[3].value(), " input channels in each of ", op.groups,
                                          " groups, input x has ", x[3].value()));
  if (x[3].is_known() && x[3].value() % op.offset_groups != 0)
    throw op_error(DeformConv::kName,
                   cat(x[3].value(), " input channels do not divide into ", op.offset_groups, " offset groups"));
  if (w[0].is_known() && w[0].value() % op.groups != 0)
    throw op_error(DeformConv::kName, cat(w[0].value(), " output channels do not divide into ", op.groups, " groups"));
}

void check_offsets(const InferContext& ctx, size_t input, std::string_view what, const Shape& out, int64_t channels) {
  if (!ctx.has_input(input)) return;
  const Shape expected{out[0], out[1], out[2], channels};
  if (!compatible(ctx.shape(input), expected))
    throw op_error(DeformConv::kName, cat(what, " is ", ctx.shape(input), ", expected ", expected));
}

void infer(InferContext& ctx) {
  const DeformConv& op = ctx.attrs<DeformConv>();
  const Shape &x = ctx.shape(0), &w = ctx.shape(1);
  if (!x.has_rank() || x.rank() != 4 || !w.has_rank() || w.rank() != 4 || !w[1].is_known() || !w[2].is_known())
    throw op_error(DeformConv::kName, cat("x ", x, " and weight ", w, ", expected [N,H,W,I] and [O,kh,kw,I/groups]"));
  check_groups(op, x, w);
  const Dims kernel{w[1].value(), w[2].value()};
  const Shape out = window_shape("deformconv", spec_of(op, kernel), x, w[0]);
  const int64_t taps = checked_mul(checked_product(kernel), op.offset_groups);
  check_offsets(ctx, 2, "offset", out, checked_mul(taps, 2));
  check_offsets(ctx, 4, "mask", out, taps);
  if (ctx.has_input(3)) check_channel_vector("deformconv", "bias", ctx.shape(3), w[0]);
  ctx.output(0, ctx.dtype(0), out);
}

/// One image [H, W, channels], zero outside.
template <class T>
struct Image {
  const T* data;
  int64_t height, width, channels;

  T at(int64_t row, int64_t column, int64_t channel) const {
    if (row < 0 || row >= height || column < 0 || column >= width) return T(0);
    return data[(row * width + column) * channels + channel];
  }
  /// Between the four pixels around a place.
  T between(double row, double column, int64_t channel) const {
    if (!(row > -1 && row < static_cast<double>(height) && column > -1 && column < static_cast<double>(width)))
      return T(0);
    const auto r = static_cast<int64_t>(std::floor(row)), c = static_cast<int64_t>(std::floor(column));
    const double down = row - static_cast<double>(r), right = column - static_cast<double>(c);
    return static_cast<T>((1 - down) * ((1 - right) * at(r, c, channel) + right * at(r, c + 1, channel)) +
                          down * ((1 - right) * at(r + 1, c, channel) + right * at(r + 1, c + 1, channel)));
  }
};

/// The inputs a window sees at one output pixel, [taps, I], offset and masked.
template <class T>
void gather_taps(const Image<T>& image, const WindowAxis& rows, const WindowAxis& columns, int64_t h, int64_t w,
                 int64_t offset_groups, const T* offset, const T* mask, T* seen) {
  const int64_t each = image.channels / offset_groups, taps = rows.kernel * columns.kernel;
  for (int64_t g = 0; g < offset_groups; ++g)
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t k = g * taps + t;
      const double row = static_cast<double>(rows.input_of(h, t / columns.kernel)) + offset[2 * k];
      const double column = static_cast<double>(columns.input_of(w, t % columns.kernel)) + offset[2 * k + 1];
      const T scale = mask ? mask[k] : T(1);
      for (int64_t c = g * each; c < (g + 1) * each; ++c)
        seen[t * image.channels + c] = scale * image.between(row, column, c);
    }
}

template <class T>
void convolve_deformed(EvalContext& ctx, const std::vector<WindowAxis>& axes, Tensor& y) {
  const DeformConv& op = ctx.op<DeformConv>();
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const T* offset = ctx.in(2).data<T>().data();
  const T* mask = ctx.has(4) ? ctx.in(4).data<T>().data() : nullptr;
  const int64_t taps = axes[0].kernel * axes[1].kernel, per_pixel = taps * op.offset_groups;
  const int64_t in = x.dim(3), outs = w.dim(0), group_in = w.dim(3);
  std::vector<T> seen(static_cast<size_t>(checked_mul(taps, in)));
  T* out = y.mutable_data<T>().data();
  for (int64_t n = 0; n < y.dim(0); ++n) {
    const Image<T> image{x.data<T>().data() + n * x.dim(1) * x.dim(2) * in, x.dim(1), x.dim(2), in};
    for (int64_t h = 0; h < axes[0].out; ++h)
      for (int64_t v = 0; v < axes[1].out; ++v, out += outs, offset += 2 * per_pixel) {
        gather_taps(image, axes[0], axes[1], h, v, op.offset_groups, offset, mask, seen.data());
        if (mask) mask += per_pixel;
        for (int64_t o = 0; o < outs; ++o) {
          const T* weight = w.data<T>().data() + o * taps * group_in;
          const T* from = seen.data() + o / (outs / op.groups) * group_in;
          T sum = ctx.has(3) ? ctx.in(3).data<T>()[static_cast<size_t>(o)] : T(0);
          for (int64_t t = 0; t < taps; ++t)
            for (int64_t i = 0; i < group_in; ++i) sum += weight[t * group_in + i] * from[t * in + i];
          out[o] = sum;
        }
      }
  }
}

void eval(EvalContext& ctx) {
  const Tensor &x = ctx.in(0), &w = ctx.in(1);
  const Dims kernel = spatial_dims(w.dims());
  const auto axes = resolve_window("deformconv", spec_of(ctx.op<DeformConv>(), kernel), spatial_dims(x.dims()));
  Tensor& y = ctx.make_output(0);
  dispatch_real("deformconv", y.dtype(), [&]<class T>(std::type_identity<T>) { convolve_deformed<T>(ctx, axes, y); });
}

int64_t macs(const Attrs&, std::span<const TensorType* const> in, std::span<const TensorType* const> out) {
  const Dims w = in[1]->shape.dims();
  return checked_mul(out[0]->shape.elements(), checked_product(std::span(w).subspan(1)));
}

constexpr InputRule kDeformConvInputs[] = {{.name = "x", .dtypes = Floats::kSet, .min_rank = 4, .max_rank = 4},
                                           {.name = "weight", .same_dtype_as = 0, .min_rank = 4, .max_rank = 4},
                                           {.name = "offset", .same_dtype_as = 0, .min_rank = 4, .max_rank = 4},
                                           {.name = "bias", .same_dtype_as = 0, .min_rank = 1, .max_rank = 1},
                                           {.name = "mask", .same_dtype_as = 0, .min_rank = 4, .max_rank = 4}};

}  // namespace

constinit const OpDef DeformConv::def{.name = DeformConv::kName,
                                      .attrs = &attr_type<DeformConv>(),
                                      .min_inputs = 3,
                                      .max_inputs = 5,
                                      .infer = infer,
                                      .eval = widened<eval>,
                                      .macs = macs,
                                      .inputs = kDeformConvInputs};

}  // namespace hone
