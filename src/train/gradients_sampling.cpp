#include <algorithm>
#include <numeric>

#include "ops/interpreter.h"
#include "ops/kernel.h"
#include "ops/matmul.h"
#include "ops/resize.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// What the resize does along one axis: [in, out], row i being what a 1 at place i becomes.
Tensor matrix_of(const Resize& op, int64_t size, const Tensor& scale, const Tensor& result, DType dtype) {
  Tensor unit = Tensor::empty(DType::kF32, {size, size});
  std::fill_n(unit.mutable_data<float>().begin(), unit.elements(), 0.0f);
  for (int64_t i = 0; i < size; ++i) unit.mutable_data<float>()[static_cast<size_t>(i * size + i)] = 1;
  Resize along = op;
  along.axes = {1};
  Graph graph;
  const ValueId x = graph.add_constant(cast(unit, dtype));
  const auto given = [&](const Tensor& t) { return t.exists() ? graph.add_constant(t) : ValueId{}; };
  graph.set_outputs({graph.add(along, {x, {}, given(scale), given(result)})});
  return evaluate(graph, {})[0];
}

/// Element k as a vector of one.
Tensor take(const Tensor& t, size_t k) {
  const double v = to_doubles(t)[k];
  if (t.dtype() == DType::kF32) return Tensor::of<float>({1}, {static_cast<float>(v)});
  return Tensor::of<int64_t>({1}, {static_cast<int64_t>(v)});
}

/// Interpolation is linear in what it reads and, each axis for itself, a matrix: its gradient is the transposed one.
void resize(Backward& b) {
  const auto& op = b.op<Resize>();
  if (op.coordinates == ResizeCoordinates::tf_crop_and_resize) b.refuse("where it crops");
  if (op.aspect != AspectPolicy::stretch) b.refuse("where it keeps the aspect");
  const Dims x = b.dims(b.x()), y = b.dims(b.y());
  const auto rank = static_cast<int64_t>(x.size());
  std::vector<int64_t> axes = op.axes;
  if (axes.empty()) {
    axes.resize(x.size());
    std::iota(axes.begin(), axes.end(), 0);
  }
  const bool has_scales = b.has(2) && b.graph().type(b.x(2)).shape.elements() > 0;
  if (!b.graph().is_constant(b.x(has_scales ? 2 : 3))) b.refuse("to sizes that are known at run time only");
  const Tensor stated = b.graph().value(b.x(has_scales ? 2 : 3)).constant;
  ValueId v = b.dy();
  for (size_t k = 0; k < axes.size(); ++k) {
    const int64_t axis = axis_of("resize", axes[k], rank);
    const auto at = static_cast<size_t>(axis);
    const Tensor one = take(stated, k);
    if (x[at] == y[at] && (!has_scales || to_doubles(one)[0] == 1)) continue;
    const Tensor m =
        matrix_of(op, x[at], has_scales ? one : Tensor(), has_scales ? Tensor() : one, b.graph().type(v).dtype);
    // The axis goes last and comes back.
    std::vector<int64_t> perm(x.size());
    std::iota(perm.begin(), perm.end(), 0);
    std::swap(perm[at], perm.back());
    v = b.transpose(b.apply(MatMul{.transpose_b = true}, {b.transpose(v, perm), b.graph().add_constant(m)}), perm);
  }
  b.give(0, v);
}

constexpr GradientRow kRows[] = {
    {&Resize::def, resize},
};

}  // namespace

std::span<const GradientRow> sampling_gradients() { return kRows; }

}  // namespace hone
