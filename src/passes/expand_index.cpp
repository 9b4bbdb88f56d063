#include <algorithm>

#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/expand.h"
#include "passes/steps.h"

namespace hone {
namespace {

/// Coordinates that are written out; so many at most.
constexpr int64_t kMostCoordinates = 1 << 22;

/// The places that indices along `axis` name, as GatherND and ScatterND take them: [dims…, rank], indices counted from
/// the front.
ValueId coordinates(Steps& steps, ValueId indices, const Dims& dims, int64_t axis, int64_t size) {
  const auto rank = static_cast<int64_t>(dims.size());
  if (steps.type(indices).dtype != DType::kI32) indices = steps.add(Cast{.to = DType::kI32}, {indices});
  const ValueId is_low = steps.add(Less{}, {indices, steps.number(0, DType::kI32)});
  const ValueId lifted = steps.add(Add{}, {indices, steps.number(static_cast<double>(size), DType::kI32)});
  indices = steps.add(Where{}, {is_low, lifted, indices});
  Dims column = dims;
  column.push_back(1);
  std::vector<ValueId> columns;
  for (int64_t k = 0; k < rank; ++k) {
    if (k == axis) {
      columns.push_back(steps.reshape(indices, column));
      continue;
    }
    Tensor own = Tensor::empty(DType::kI32, column);
    Dims index(dims.size(), 0);
    size_t at = 0;
    do own.mutable_data<int32_t>()[at++] = static_cast<int32_t>(index[static_cast<size_t>(k)]);
    while (next_index(index, dims));
    columns.push_back(steps.constant(std::move(own)));
  }
  return steps.concat(std::move(columns), rank);
}

bool is_countable(const std::optional<Dims>& dims) {
  if (!dims || dims->empty()) return false;
  int64_t count = static_cast<int64_t>(dims->size());
  for (const int64_t d : *dims)
    if (d == 0 || __builtin_mul_overflow(count, d, &count)) return false;
  return count <= kMostCoordinates;
}

/// GatherElements   ⇒   GatherND
bool expand_gather_elements(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto from = static_dims(graph, x), dims = static_dims(graph, node.inputs[1]);
  if (!from || !is_countable(dims)) return false;
  const int64_t axis = normalize_axis(node.as<GatherElements>().axis, rank_of(graph, x), "gatherelements: axis");
  const ValueId indices = node.inputs[1];
  Steps steps(graph, out);
  return replace_by(graph, out, GatherND{},
                    {x, coordinates(steps, indices, *dims, axis, (*from)[static_cast<size_t>(axis)])});
}

/// ScatterElements   ⇒   ScatterND
bool expand_scatter_elements(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ScatterElements op = node.as<ScatterElements>();
  const ValueId x = node.inputs[0], indices = node.inputs[1], updates = node.inputs[2], out = node.outputs[0];
  const auto from = static_dims(graph, x), dims = static_dims(graph, indices);
  if (!from || !is_countable(dims) || graph.type(x).quant) return false;
  if (op.reduction != ScatterReduction::none && op.reduction != ScatterReduction::add) return false;
  const int64_t axis = normalize_axis(op.axis, rank_of(graph, x), "scatterelements: axis");
  Steps steps(graph, out);
  const ValueId places = coordinates(steps, indices, *dims, axis, (*from)[static_cast<size_t>(axis)]);
  return replace_by(graph, out, ScatterND{.reduction = op.reduction}, {x, places, updates});
}

/// ScatterND that replaces   ⇒   Where(counts of hits > 0, ScatterND of sums onto zeros, x)
bool expand_replacing_scatter(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], places = node.inputs[1], updates = node.inputs[2], out = node.outputs[0];
  const TensorType& type = graph.type(x);
  const auto dims = static_dims(graph, x), hits = static_dims(graph, updates);
  const bool has_sums = type.dtype == DType::kF32 || type.dtype == DType::kI32 || type.dtype == DType::kI64;
  if (node.as<ScatterND>().reduction != ScatterReduction::none || !dims || !hits || type.quant || !has_sums)
    return false;
  const DType dtype = type.dtype;
  Steps steps(graph, out);
  const auto summed = [&](ValueId what, DType as) {
    return steps.add(ScatterND{.reduction = ScatterReduction::add},
                     {steps.constant(Tensor::zeros(as, *dims)), places, what});
  };
  Tensor ones = Tensor::zeros(DType::kI32, *hits);
  const auto numbers = ones.mutable_data<int32_t>();
  std::fill(numbers.begin(), numbers.end(), 1);
  const ValueId counts = summed(steps.constant(std::move(ones)), DType::kI32);
  const ValueId is_hit = steps.add(Greater{}, {counts, steps.number(0, DType::kI32)});
  return replace_by(graph, out, Where{}, {is_hit, summed(updates, dtype), x});
}

/// Trilu   ⇒   Where(triangle, x, 0)
bool expand_trilu(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId x = node.inputs[0], out = node.outputs[0];
  const auto dims = static_dims(graph, x);
  const auto k = node.input(1).exists() ? constant_scalar(graph, node.inputs[1]) : std::optional<double>(0);
  if (!dims || dims->size() < 2 || !k || graph.type(x).quant) return false;
  const bool upper = node.as<Trilu>().upper;
  const int64_t rows = (*dims)[dims->size() - 2], columns = dims->back();
  Tensor mask = Tensor::empty(DType::kBool, {rows, columns});
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      const double offset = static_cast<double>(j - i);
      mask.mutable_data<bool>()[static_cast<size_t>(i * columns + j)] = upper ? offset >= *k : offset <= *k;
    }
  const DType dtype = graph.type(x).dtype;
  Steps steps(graph, out);
  return replace_by(graph, out, Where{}, {steps.constant(mask), x, steps.constant(Tensor::zeros(dtype, {}))});
}

/// Compress by a constant condition   ⇒   Gather
bool expand_compress(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Compress op = node.as<Compress>();
  const ValueId x = node.inputs[0], out = node.outputs[0];
  if (!graph.is_constant(node.inputs[1]) || !static_dims(graph, x)) return false;
  const auto flags = graph.value(node.inputs[1]).constant.data<bool>();
  std::vector<int64_t> kept;
  for (size_t i = 0; i < flags.size(); ++i)
    if (flags[i]) kept.push_back(static_cast<int64_t>(i));
  Steps steps(graph, out);
  const ValueId from = op.has_axis ? x : steps.reshape(x, {-1});
  return replace_by(graph, out, Gather{.axis = op.has_axis ? op.axis : 0}, {from, steps.ints(kept)});
}

/// Scales or zero points [C] in the rank of x, along `axis`.
ValueId along(Steps& steps, ValueId parameter, int64_t axis, int64_t rank) {
  const Shape& shape = steps.type(parameter).shape;
  if (!shape.has_rank() || shape.rank() != 1 || shape[0] == Dim(1) || rank <= 1) return parameter;
  std::vector<int64_t> dims(static_cast<size_t>(rank), 1);
  dims[static_cast<size_t>(normalize_axis(axis, rank, "axis"))] = -1;
  return steps.reshape(parameter, dims);
}

bool is_written_out(const Graph& graph, const Node& node, int64_t block) {
  const TensorType& scale = graph.type(node.inputs[1]);
  return block == 0 && rank_of(graph, node.inputs[0]) >= 0 && scale.dtype == DType::kF32 && !scale.quant &&
         scale.shape.has_rank() && scale.shape.rank() <= 1;
}

/// DequantizeLinear by scales of run time   ⇒   (x − zero) · scale
bool expand_dequantize_linear(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const DequantizeLinear op = node.as<DequantizeLinear>();
  const ValueId out = node.outputs[0];
  const std::vector<ValueId> inputs = node.inputs;
  if (!is_written_out(graph, node, op.block_size) || graph.type(inputs[0]).quant) return false;
  const int64_t rank = rank_of(graph, inputs[0]);
  Steps steps(graph, out);
  const auto real = [&](ValueId x) { return steps.add(Cast{.to = DType::kF32}, {x}); };
  ValueId x = real(inputs[0]);
  if (inputs.size() > 2 && inputs[2].exists()) x = steps.add(Sub{}, {x, along(steps, real(inputs[2]), op.axis, rank)});
  return replace_by(graph, out, Mul{}, {x, along(steps, inputs[1], op.axis, rank)});
}

/// QuantizeLinear by scales of run time   ⇒   clamp(round(x / scale) + zero)
bool expand_quantize_linear(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const QuantizeLinear op = node.as<QuantizeLinear>();
  const ValueId out = node.outputs[0];
  const std::vector<ValueId> inputs = node.inputs;
  const DType dtype = graph.type(out).dtype;
  const bool is_small = dtype == DType::kI8 || dtype == DType::kU8 || dtype == DType::kI16;
  if (!is_written_out(graph, node, op.block_size) || graph.type(out).quant || !is_small) return false;
  if (graph.type(inputs[0]).dtype != DType::kF32 || graph.type(inputs[0]).quant) return false;
  const int64_t rank = rank_of(graph, inputs[0]);
  Steps steps(graph, out);
  ValueId x = steps.add(Round{}, {steps.add(Div{}, {inputs[0], along(steps, inputs[1], op.axis, rank)})});
  if (inputs.size() > 2 && inputs[2].exists())
    x = steps.add(Add{}, {x, along(steps, steps.add(Cast{.to = DType::kF32}, {inputs[2]}), op.axis, rank)});
  const Clamp range{.min = static_cast<float>(min_of(dtype)), .max = static_cast<float>(max_of(dtype))};
  return replace_by(graph, out, Cast{.to = dtype}, {steps.add(range, {x})});
}

}  // namespace

std::vector<Rule> index_expansions() {
  return {
      {"expand_gather_elements", {&GatherElements::def}, expand_gather_elements},
      {"expand_scatter_elements", {&ScatterElements::def}, expand_scatter_elements},
      {"expand_replacing_scatter", {&ScatterND::def}, expand_replacing_scatter},
      {"expand_trilu", {&Trilu::def}, expand_trilu},
      {"expand_compress", {&Compress::def}, expand_compress},
      {"expand_dequantize_linear", {&DequantizeLinear::def}, expand_dequantize_linear},
      {"expand_quantize_linear", {&QuantizeLinear::def}, expand_quantize_linear},
  };
}

}  // namespace hone
