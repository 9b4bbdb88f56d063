#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "ops/compute.h"
#include "ops/kernel.h"
#include "ops/matmul.h"

namespace hone {
namespace {

void infer(InferContext& ctx) {
  const Shape& x = ctx.shape(0);
  if (!x.has_rank()) return ctx.output(0, ctx.dtype(0), Shape::unranked());
  if (x.rank() < 2) throw invalid_model(cat("det: x ", to_text(x), ", expected rank 2 or more"));
  const Dim &rows = x[x.rank() - 2], &columns = x[x.rank() - 1];
  if (rows.is_known() && columns.is_known() && rows.value() != columns.value())
    throw invalid_model(cat("det: matrices of ", rows.value(), " x ", columns.value(), " are not square"));
  ctx.output(0, ctx.dtype(0), Shape(std::vector<Dim>(x.list().begin(), x.list().end() - 2)));
}

/// Product of the pivots of Gaussian elimination with row exchanges; destroys m: [n,n].
double determinant(double* m, int64_t n) {
  double result = 1;
  for (int64_t c = 0; c < n; ++c) {
    int64_t pivot = c;
    for (int64_t r = c + 1; r < n; ++r)
      if (std::abs(m[r * n + c]) > std::abs(m[pivot * n + c])) pivot = r;
    if (m[pivot * n + c] == 0) return 0;
    if (pivot != c) {
      for (int64_t k = 0; k < n; ++k) std::swap(m[pivot * n + k], m[c * n + k]);
      result = -result;
    }
    result *= m[c * n + c];
    for (int64_t r = c + 1; r < n; ++r) {
      const double factor = m[r * n + c] / m[c * n + c];
      for (int64_t k = c; k < n; ++k) m[r * n + k] -= factor * m[c * n + k];
    }
  }
  return result;
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.in(0);
  const int64_t n = x.dim(x.rank() - 1);
  Tensor& y = ctx.make_output(0);
  dispatch_real("det", y.dtype(), [&]<class T>(std::type_identity<T>) {
    std::vector<double> values = elements_as<double>(x);
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<T>(determinant(values.data() + static_cast<int64_t>(i) * n * n, n));
  });
}

constexpr InputRule kDetInputs[] = {{.name = "x", .dtypes = Floats::kSet}};

}  // namespace

constinit const OpDef Det::def{
    .name = Det::kName, .attrs = &attr_type<Det>(), .infer = infer, .eval = widened<eval>, .inputs = kDetInputs};

}  // namespace hone
