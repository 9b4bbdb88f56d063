#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/resize.h"

namespace hone {
namespace {

void infer(InferContext& ctx) {
  const Shape& theta = ctx.shape(0);
  const auto size = constant_ints(AffineGrid::kName, ctx, 1);
  const auto length =
      size ? std::optional(static_cast<int64_t>(size->size())) : known_length(AffineGrid::kName, ctx, 1);
  if (length && *length != 4 && *length != 5)
    throw op_error(AffineGrid::kName, cat("size has ", *length, " entries, expected 4 or 5"));
  if (!length) return ctx.output(0, ctx.dtype(0), Shape::unranked());
  const int64_t axes = *length - 2;
  const Dim batch = theta.has_rank() && theta.rank() == 3 ? theta[0] : Dim();
  if (!compatible(theta, Shape{size ? Dim((*size)[0]) : Dim(), axes, axes + 1}))
    throw op_error(AffineGrid::kName,
                   cat("theta is ", theta, ", expected [N,", axes, ",", axes + 1, "] with N the first entry of size"));
  Shape out = Shape::unknown_of_rank(*length);
  out[0] = size ? Dim((*size)[0]) : batch;
  out[*length - 1] = axes;
  for (int64_t i = 0; size && i < axes; ++i) {
    const int64_t dim = (*size)[static_cast<size_t>(i + 2)];
    if (dim < 0) throw op_error(AffineGrid::kName, cat("size ", *size, " has a negative entry"));
    out[i + 1] = dim;
  }
  ctx.output(0, ctx.dtype(0), std::move(out));
}

/// Where pixel i of n lies in −1 … 1; a single pixel whose center is both corners lies at 0, as in PyTorch (ONNX does
/// not say).
double place(int64_t i, int64_t n, bool align_corners) {
  if (align_corners) return n == 1 ? 0 : 2.0 * static_cast<double>(i) / static_cast<double>(n - 1) - 1;
  return (2.0 * static_cast<double>(i) + 1) / static_cast<double>(n) - 1;
}

void eval(EvalContext& ctx) {
  const bool align_corners = ctx.op<AffineGrid>().align_corners;
  Tensor& y = ctx.make_output(0);
  const int64_t axes = y.rank() - 2;
  const Dims pixels(y.dims().begin() + 1, y.dims().end() - 1);
  if (y.elements() == 0) return;
  dispatch_real("affinegrid", y.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* theta = ctx.in(0).data<T>().data();
    T* out = y.mutable_data<T>().data();
    for (int64_t n = 0; n < y.dim(0); ++n, theta += axes * (axes + 1)) {
      Dims index(pixels.size(), 0);
      do {
        for (int64_t row = 0; row < axes; ++row) {
          const T* t = theta + row * (axes + 1);
          double sum = t[axes];
          for (int64_t k = 0; k < axes; ++k) {
            const auto axis = static_cast<size_t>(axes - 1 - k);
            sum += t[k] * place(index[axis], pixels[axis], align_corners);
          }
          *out++ = static_cast<T>(sum);
        }
      } while (next_index(index, pixels));
    }
  });
}

constexpr InputRule kAffineGridInputs[] = {{.name = "theta", .dtypes = Floats::kSet},
                                           {.name = "size", .dtypes = Integers::kSet}};

}  // namespace

constinit const OpDef AffineGrid::def{.name = AffineGrid::kName,
                                      .attrs = &attr_type<AffineGrid>(),
                                      .min_inputs = 2,
                                      .max_inputs = 2,
                                      .infer = infer,
                                      .eval = widened<eval>,
                                      .inputs = kAffineGridInputs};

}  // namespace hone
