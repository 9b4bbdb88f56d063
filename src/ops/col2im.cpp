#include "base/checked.h"
#include "ops/conv_kernel.h"
#include "ops/kernel.h"

namespace hone {
namespace {

/// The window over an image of that size; Error(invalid_model) when they do not fit.
std::vector<WindowAxis> axes_of_image(const Col2Im& op, const std::vector<int64_t>& image,
                                      const std::vector<int64_t>& block) {
  if (image.empty() || image.size() > 3 || image.size() != block.size())
    throw op_error(Col2Im::kName, cat("image ", image, " and block ", block, ", expected one to three sizes each"));
  for (const int64_t size : image)
    if (size < 0) throw op_error(Col2Im::kName, cat("image ", image, " has a negative size"));
  const WindowSpec spec{.kernel = block, .strides = op.strides, .dilations = op.dilations, .pads = op.pads};
  return resolve_window("col2im", spec, image);
}

int64_t columns_of(const std::vector<WindowAxis>& axes) {
  int64_t columns = 1;
  for (const WindowAxis& axis : axes) columns = checked_mul(columns, axis.out);
  return columns;
}

void infer(InferContext& ctx) {
  const Shape& x = ctx.shape(0);
  if (!compatible(x, Shape::unknown_of_rank(3)))
    throw op_error(Col2Im::kName, cat("x is ", x, ", expected [N, columns, channels · block]"));
  const auto image = constant_ints(Col2Im::kName, ctx, 1), block = constant_ints(Col2Im::kName, ctx, 2);
  if (!image || !block) {
    const auto length = known_length(Col2Im::kName, ctx, 1);
    const bool is_known = length && *length >= 1 && *length <= 3;
    return ctx.output(0, ctx.dtype(0), is_known ? Shape::unknown_of_rank(*length + 2) : Shape::unranked());
  }
  const int64_t columns = columns_of(axes_of_image(ctx.attrs<Col2Im>(), *image, *block));
  const int64_t places = checked_product(*block);
  if (x.has_rank() && x[1].is_known() && x[1].value() != columns)
    throw op_error(Col2Im::kName, cat("x has ", x[1].value(), " columns, the image ", *image, " has ", columns));
  if (x.has_rank() && x[2].is_known() && x[2].value() % places != 0)
    throw op_error(Col2Im::kName, cat("a column of ", x[2].value(), " elements does not divide by the block ", *block));
  Shape out = Shape::unknown_of_rank(static_cast<int64_t>(image->size()) + 2);
  if (x.has_rank()) out[0] = x[0];
  for (size_t i = 0; i < image->size(); ++i) out[static_cast<int64_t>(i) + 1] = (*image)[i];
  if (x.has_rank() && x[2].is_known()) out[out.rank() - 1] = x[2].value() / places;
  ctx.output(0, ctx.dtype(0), std::move(out));
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  const auto axes = three_axes(axes_of_image(ctx.op<Col2Im>(), to_ints(ctx.in(1)), to_ints(ctx.in(2))));
  Tensor& y = ctx.make_output(0);
  const int64_t channels = y.dim(y.rank() - 1), places = axes[0].kernel * axes[1].kernel * axes[2].kernel;
  const int64_t pixels = axes[0].in * axes[1].in * axes[2].in;
  Numbers::dispatch(Col2Im::kName, y.dtype(), [&]<class T>(std::type_identity<T>) {
    if constexpr (!std::is_same_v<T, Half> && !std::is_same_v<T, BFloat16>) {
      const T* column = x.data<T>().data();
      T* out = y.mutable_data<T>().data();
      std::fill(out, out + y.elements(), T(0));
      for (int64_t n = 0; n < y.dim(0); ++n, out += pixels * channels)
        for_pixels(axes, [&](int64_t, int64_t d, int64_t h, int64_t w) {
          for_taps(axes, d, h, w, [&](int64_t tap, int64_t pixel) {
            for (int64_t c = 0; c < channels; ++c)
              out[pixel * channels + c] = static_cast<T>(out[pixel * channels + c] + column[c * places + tap]);
          });
          column += channels * places;
        });
    }
  });
}

constexpr InputRule kCol2ImInputs[] = {{.name = "x", .dtypes = Numbers::kSet},
                                       {.name = "image shape", .dtypes = Integers::kSet},
                                       {.name = "block shape", .dtypes = Integers::kSet}};

}  // namespace

constinit const OpDef Col2Im::def{.name = Col2Im::kName,
                                  .attrs = &attr_type<Col2Im>(),
                                  .min_inputs = 3,
                                  .max_inputs = 3,
                                  .infer = infer,
                                  .eval = widened<eval>,
                                  .inputs = kCol2ImInputs};

}  // namespace hone
