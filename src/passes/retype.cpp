#include "passes/retype.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "ops/matmul.h"
#include "ops/quantize.h"
#include "ops/unary.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// One way to store values otherwise.
struct Retyping {
  std::optional<TensorType> (*change)(const TensorType& type);  ///< none: stays
  ValueId (*enter)(Graph& to, ValueId x, const TensorType& type);
  ValueId (*leave)(Graph& to, ValueId x, const TensorType& type);  ///< of outputs, back to the old type
  ValueId (*constant)(Graph& to, const Value& value, const TensorType& type);
  Attrs (*attrs)(const Node& node);
};

class Rebuilt {
 public:
  Rebuilt(const Graph& from, const Retyping& how) : from_(from), how_(how), values_(from.value_capacity()) {
    to_.name = from.name;
    to_.arithmetic = from.arithmetic;
    to_.metadata = from.metadata;
  }

  Graph build() {
    for (const ValueId id : from_.inputs()) {
      const Value& value = from_.value(id);
      const ValueId x = to_.add_input(value.name, value.type);
      const auto type = how_.change(value.type);
      at(id) = type ? how_.enter(to_, x, *type) : x;
    }
    for (const GraphState& state : from_.states()) {
      const ValueId now = to_.add_state(from_.value(state.now).name, state.initial);
      states_.push_back(now);
      const auto type = how_.change(from_.type(state.now));
      at(state.now) = type ? how_.enter(to_, now, *type) : now;
    }
    for (const NodeId id : from_.order()) add(id);
    std::vector<ValueId> outputs;
    for (const ValueId id : from_.outputs()) {
      const Value& value = from_.value(id);
      const ValueId x = mapped(id);
      outputs.push_back(how_.change(value.type) ? how_.leave(to_, x, value.type) : x);
      if (outputs.back() == x) continue;
      to_.set_name(x, value.name + "/stored");
      to_.set_name(outputs.back(), value.name);
    }
    to_.set_outputs(std::move(outputs));
    for (size_t i = 0; i < states_.size(); ++i) {
      const ValueId next = from_.states()[i].next, x = mapped(next);
      to_.set_next(states_[i], how_.change(from_.type(next)) ? how_.leave(to_, x, from_.type(next)) : x);
    }
    return std::move(to_);
  }

 private:
  ValueId& at(ValueId id) { return values_[static_cast<size_t>(id.index)]; }
  ValueId mapped(ValueId id) {
    if (!id.exists()) return {};
    if (at(id).exists()) return at(id);
    const Value& value = from_.value(id);
    const auto type = how_.change(value.type);
    return at(id) = type ? how_.constant(to_, value, *type) : to_.add_constant(value.constant, value.name);
  }
  void add(NodeId id) {
    const Node& node = from_.node(id);
    NodeSpec spec = spec_of(from_, id);
    spec.attrs = how_.attrs(node);
    for (ValueId& input : spec.inputs) input = mapped(input);
    for (TensorType& type : spec.output_types)
      if (const auto changed = how_.change(type)) type = *changed;
    const NodeId made = to_.add(std::move(spec));
    for (size_t j = 0; j < node.outputs.size(); ++j) at(node.outputs[j]) = to_.node(made).outputs[j];
  }

  const Graph& from_;
  const Retyping& how_;
  Graph to_;
  std::vector<ValueId> values_;
  std::vector<ValueId> states_;  ///< present values in `to_`
};

bool retype(Graph& graph, const Retyping& how) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.subgraphs.empty()) continue;
    for (const ValueId input : node.inputs)
      if (input.exists() && how.change(graph.type(input))) return false;
  }
  try {
    Graph rebuilt = Rebuilt(graph, how).build();
    graph = std::move(rebuilt);
    return true;
  } catch (const Error&) {
    return false;
  }
}

Attrs same_attrs(const Node& node) { return node.attrs; }

std::optional<TensorType> wide(const TensorType& type) {
  if (type.dtype != DType::kF16) return std::nullopt;
  return TensorType{DType::kF32, type.shape, nullptr};
}

ValueId widened(Graph& to, ValueId x, const TensorType&) { return to.add(Cast{.to = DType::kF32}, {x}); }

constexpr Retyping kWiden{
    .change = wide,
    .enter = widened,
    .leave = [](Graph&, ValueId x, const TensorType&) { return x; },
    .constant = [](Graph& to, const Value& value,
                   const TensorType& type) { return widened(to, to.add_constant(value.constant, value.name), type); },
    .attrs =
        [](const Node& node) {
          if (node.is<Cast>() && node.as<Cast>().to == DType::kF16) return Attrs::of(Cast{.to = DType::kF32});
          return node.attrs;
        },
};

constexpr int32_t kMiddle = 128;

std::optional<TensorType> with_sign(const TensorType& type) {
  if (type.dtype != DType::kU8 || !type.quant || type.quant->block_size > 0) return std::nullopt;
  auto quant = std::make_shared<QuantParams>(*type.quant);
  for (int32_t& zero : quant->zero_points) zero -= kMiddle;
  return TensorType{DType::kI8, type.shape, quant};
}

ValueId stored_as(Graph& to, ValueId x, const TensorType& type) {
  NodeSpec spec{.def = &Quantize::def, .inputs = {x}};
  spec.output_types = {type};
  return to.node(to.add(std::move(spec))).outputs[0];
}

constexpr Retyping kSign{
    .change = with_sign,
    .enter = stored_as,
    .leave = stored_as,
    .constant =
        [](Graph& to, const Value& value, const TensorType& type) {
          Tensor moved = Tensor::empty(DType::kI8, value.constant.dims(), type.quant);
          const auto from = value.constant.data<uint8_t>();
          std::transform(from.begin(), from.end(), moved.mutable_data<int8_t>().begin(),
                         [](uint8_t x) { return static_cast<int8_t>(static_cast<int32_t>(x) - kMiddle); });
          return to.add_constant(std::move(moved), value.name);
        },
    .attrs = same_attrs,
};

/// Whether u8 meets what u8 kernels do not take.
bool mixes_bytes(const Graph& graph, const Node& node) {
  bool has_u8 = false, has_other = node.is<MatMul>();
  for (const std::vector<ValueId>* list : {&node.inputs, &node.outputs})
    for (const ValueId id : *list) {
      if (!id.exists() || !graph.type(id).quant) continue;
      const TensorType& type = graph.type(id);
      has_u8 = has_u8 || type.dtype == DType::kU8;
      has_other = has_other || type.dtype == DType::kI8 || !type.quant->is_per_tensor();
    }
  return has_u8 && has_other && !node.is<Quantize>() && !node.is<Dequantize>();
}

}  // namespace

bool widen_halves(Graph& graph) {
  for (const NodeId id : graph.order())
    for (const ValueId output : graph.node(id).outputs)
      if (output.exists() && wide(graph.type(output))) return retype(graph, kWiden);
  return false;
}

bool sign_bytes(Graph& graph) {
  for (const NodeId id : graph.order())
    if (mixes_bytes(graph, graph.node(id))) return retype(graph, kSign);
  return false;
}

}  // namespace hone
