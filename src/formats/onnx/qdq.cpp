#include "formats/onnx/qdq.h"

#include <cmath>

#include "formats/onnx/node_reader.h"
#include "formats/onnx/saturation.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/pool.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

/// Parameters of a QuantizeLinear or DequantizeLinear whose scale and zero point are constants.
struct Parameters {
  DType dtype = DType::kU8;
  QuantPtr quant;  ///< null when they are not known or not of a kind a type can carry
};

bool is_storage(DType dtype) {
  switch (dtype) {
    case DType::kI4:
    case DType::kU4:
    case DType::kI8:
    case DType::kU8:
    case DType::kI16:
    case DType::kU16:
    case DType::kI32:
      return true;
    default:
      return false;
  }
}

Parameters parameters_of(const Graph& graph, const Node& node, DType dtype, int64_t axis, int64_t block_size) {
  const ValueId scale = node.input(1), zero = node.input(2);
  if (block_size != 0 || !graph.is_constant(scale) || (zero.exists() && !graph.is_constant(zero))) return {};
  const Tensor& scales = graph.value(scale).constant;
  if (scales.dtype() != DType::kF32 || scales.elements() < 1 || !is_storage(dtype)) return {};
  for (const float s : scales.data<float>())
    if (!(s > 0) || !std::isfinite(s)) return {};
  std::vector<int32_t> points(static_cast<size_t>(scales.elements()), 0);
  if (zero.exists()) {
    const std::vector<int64_t> values = to_ints(graph.value(zero).constant);
    if (values.size() != points.size()) return {};
    points.assign(values.begin(), values.end());
  }
  if (scales.elements() == 1) return {dtype, QuantParams::per_tensor(scales.data<float>()[0], points[0])};
  const Shape& shape = graph.type(node.inputs[0]).shape;
  if (!shape.has_rank() || scales.rank() != 1) return {};
  const int64_t at = axis < 0 ? axis + shape.rank() : axis;
  if (at < 0 || at >= shape.rank() || !(shape[at] == Dim(scales.elements()))) return {};
  return {dtype,
          QuantParams::per_channel({scales.data<float>().begin(), scales.data<float>().end()}, std::move(points), at)};
}

Parameters parameters_of(const Graph& graph, const Node& node) {
  if (node.is<DequantizeLinear>()) {
    const auto& op = node.as<DequantizeLinear>();
    const TensorType& stored = graph.type(node.inputs[0]);
    return stored.quant ? Parameters{} : parameters_of(graph, node, stored.dtype, op.axis, op.block_size);
  }
  const auto& op = node.as<QuantizeLinear>();
  if (graph.type(node.inputs[0]).logical_dtype() != DType::kF32) return {};
  const TensorType& made = graph.type(node.outputs[0]);
  return made.quant ? Parameters{} : parameters_of(graph, node, made.dtype, op.axis, op.block_size);
}

bool same(const Parameters& a, const Parameters& b) {
  return a.dtype == b.dtype && a.quant && same_quant(a.quant, b.quant);
}

/// A quantized constant with axes permuted, the axis of its parameters moved along.
Tensor turn(const Tensor& tensor, const std::vector<int64_t>& perm) {
  QuantParams quant = *tensor.quant();
  for (size_t i = 0; quant.axis >= 0 && i < perm.size(); ++i) {
    if (perm[i] != tensor.quant()->axis) continue;
    quant.axis = static_cast<int64_t>(i);
    break;
  }
  return transposed(tensor, perm).with_quant(std::make_shared<const QuantParams>(std::move(quant)));
}

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph) {}

  int run() {
    const size_t before = graph_.node_count();
    fold_constants();
    lift_moves();
    raise_inputs();
    name_types();
    sink();
    turn_products();
    hoist();
    absorb();
    graph_.remove_dead();
    return static_cast<int>(before) - static_cast<int>(graph_.node_count());
  }

 private:
  /// DequantizeLinear(constant) → a constant of quantized type; Transposes behind it turn the constant.
  void fold_constants() {
    for (const NodeId id : graph_.order()) {
      const Node& node = graph_.node(id);
      if (!node.is<DequantizeLinear>() || !graph_.is_constant(node.inputs[0])) continue;
      const Parameters p = parameters_of(graph_, node);
      if (!p.quant) continue;
      const Value& stored = graph_.value(node.inputs[0]);
      replace_constant(node.outputs[0], stored.constant.with_quant(p.quant), stored.name);
    }
  }

  void replace_constant(ValueId value, Tensor tensor, std::string name) {
    const UseList users = graph_.value(value).users;
    for (const NodeId user : users) {
      const Node& node = graph_.node(user);
      if (!node.is<Transpose>() || node.as<Transpose>().perm.size() != tensor.dims().size()) continue;
      const std::vector<int64_t> perm = node.as<Transpose>().perm;
      Tensor turned = turn(tensor, perm);
      graph_.replace_uses(node.outputs[0], graph_.add_constant(std::move(turned), name));
    }
    if (graph_.is_output(value)) return;  // a graph's output stays a real
    graph_.replace_uses(value, graph_.add_constant(std::move(tensor), name));
  }

  /// A node that moves plain integers made by a QuantizeLinear is put between DequantizeLinear and QuantizeLinear of
  /// the same parameters, which changes no value and lets the integers carry their meaning along.
  void lift_moves() {
    for (const NodeId id : graph_.order()) {
      const Node node = graph_.node(id);
      const bool takes_order = node.is<MaxPool>() && node.outputs.size() == 1;
      if (node.outputs.size() != 1 || (!takes_order && !moves(node))) continue;
      const Node* producer = graph_.producer(node.inputs[0]);
      if (!producer || !producer->is<QuantizeLinear>() || graph_.type(node.inputs[0]).quant) continue;
      const Parameters p = parameters_of(graph_, *producer);
      if (!p.quant || !p.quant->is_per_tensor()) continue;
      const ValueId scale = producer->input(1), zero = producer->input(2);
      const QuantizeLinear quantize = producer->as<QuantizeLinear>();
      std::vector<ValueId> inputs = node.inputs;
      inputs[0] = graph_.add(DequantizeLinear{}, {node.inputs[0], scale, zero});
      const NodeId moved = graph_.add({.def = node.def,
                                       .attrs = node.attrs,
                                       .inputs = std::move(inputs),
                                       .name = node.name,
                                       .source = node.source});
      const ValueId real = graph_.node(moved).outputs[0];
      graph_.replace_uses(node.outputs[0], graph_.add(quantize, {real, scale, zero}));
      graph_.remove(id);
    }
  }

  /// Plain integers that come in, are moved and then dequantized are dequantized as they come in, so that the input can
  /// say what its integers mean.
  void raise_inputs() {
    for (const NodeId id : graph_.order()) {
      const Node node = graph_.node(id);
      if (!node.is<DequantizeLinear>() || graph_.is_output(node.inputs[0])) continue;
      const Parameters p = parameters_of(graph_, node);
      if (!p.quant || !p.quant->is_per_tensor()) continue;
      std::vector<Node> movers;
      ValueId from = node.inputs[0];
      for (const Node* up = graph_.producer(from); up && up->outputs.size() == 1 && moves(*up) && has_one_user(from);
           up = graph_.producer(from)) {
        movers.push_back(*up);
        from = up->inputs[0];
      }
      if (movers.empty() || !graph_.value(from).is_input || !has_one_user(from)) continue;
      ValueId real = graph_.add(node.as<DequantizeLinear>(), {from, node.input(1), node.input(2)},
                                {.name = node.name, .source = node.source});
      for (size_t i = movers.size(); i-- > 0;) {
        std::vector<ValueId> inputs = movers[i].inputs;
        inputs[0] = real;
        const NodeId moved = graph_.add({.def = movers[i].def,
                                         .attrs = movers[i].attrs,
                                         .inputs = std::move(inputs),
                                         .name = movers[i].name,
                                         .source = movers[i].source});
        real = graph_.node(moved).outputs[0];
      }
      graph_.replace_uses(node.outputs[0], real);
    }
    graph_.remove_dead();
  }

  /// Q and DQ with known parameters become Quantize and Dequantize, whose parameters stand in types.
  void name_types() {
    for (const ValueId input : graph_.inputs()) name_input(input);
    for (const NodeId id : graph_.order()) {
      const Node node = graph_.node(id);
      if (!node.is<QuantizeLinear>()) continue;
      const Parameters p = parameters_of(graph_, node);
      if (!p.quant || !all_users_agree(node.outputs[0], p)) continue;
      const TensorType type{p.dtype, graph_.type(node.outputs[0]).shape, p.quant};
      const ValueId stored = graph_.add(Quantize{}, {node.inputs[0]},
                                        {.name = node.name, .type = type, .has_type = true, .source = node.source});
      const UseList users = graph_.value(node.outputs[0]).users;
      for (const NodeId user : users) name_dequantize(user, stored);
      replace_node(id, stored);
    }
  }

  bool all_users_agree(ValueId value, const Parameters& p) const {
    for (const NodeId user : graph_.value(value).users) {
      const Node& node = graph_.node(user);
      if (!node.is<DequantizeLinear>() || node.inputs[0] != value || !same(parameters_of(graph_, node), p))
        return false;
    }
    return true;
  }

  void name_dequantize(NodeId id, ValueId stored) {
    const Node& node = graph_.node(id);
    replace_node(id, graph_.add(Dequantize{}, {stored}, {.name = node.name, .source = node.source}));
  }

  /// `value` stands for the only output of a node, which goes; names move along.
  void replace_node(NodeId id, ValueId value) {
    const std::string node_name = graph_.node(id).name;
    const ValueId old = graph_.node(id).outputs[0];
    const bool was_output = graph_.is_output(old);
    const std::string value_name = graph_.value(old).name;
    graph_.replace_uses(old, value);
    graph_.remove(id);
    if (!was_output) graph_.set_name(value, value_name);
    graph_.set_name(graph_.value(value).producer, node_name);
  }

  /// A graph input of integers that only DequantizeLinear reads is quantized itself.
  void name_input(ValueId input) {
    const UseList users = graph_.value(input).users;
    if (users.empty() || !graph_.node(users.front()).is<DequantizeLinear>()) return;
    const Parameters p = parameters_of(graph_, graph_.node(users.front()));
    if (!p.quant || !p.quant->is_per_tensor() || graph_.is_output(input) || !all_users_agree(input, p)) return;
    const TensorType type{p.dtype, graph_.type(input).shape, p.quant};
    for (const NodeId user : users) name_dequantize(user, input);
    graph_.set_type(input, type);
  }

  /// Whether a node only moves the elements of its first input, whatever their storage.
  bool moves(const Node& node) const {
    if (!node.def->moves_data || node.is<Pad>() || node.inputs.empty() || !node.subgraphs.empty()) return false;
    for (size_t i = 1; i < node.inputs.size(); ++i)
      if (node.inputs[i].exists() && graph_.type(node.inputs[i]).logical_dtype() == DType::kF32) return false;
    return true;
  }

  bool has_one_user(ValueId value) const { return graph_.value(value).users.size() == 1 && !graph_.is_output(value); }

  /// Dequantize → Transpose becomes Transpose → Dequantize.
  void sink() {
    for (const NodeId id : graph_.order()) {
      if (!graph_.is_live(id)) continue;
      const Node node = graph_.node(id);
      if (!moves(node)) continue;
      const Node* producer = graph_.producer(node.inputs[0]);
      if (!producer || !producer->is<Dequantize>()) continue;
      const ValueId stored = producer->inputs[0];
      if (!graph_.type(stored).quant->is_per_tensor()) continue;
      std::vector<ValueId> inputs = node.inputs;
      inputs[0] = stored;
      const NodeId moved = graph_.add({.def = node.def,
                                       .attrs = node.attrs,
                                       .inputs = std::move(inputs),
                                       .outputs = node.outputs.size(),
                                       .name = node.name,
                                       .source = node.source});
      const std::vector<ValueId> results = graph_.node(moved).outputs;
      for (size_t i = 0; i < results.size(); ++i) {
        if (graph_.type(results[i]).quant)
          graph_.replace_uses(node.outputs[i], graph_.add(Dequantize{}, {results[i]}));
        else
          graph_.replace_uses(node.outputs[i], results[i]);
      }
    }
  }

  /// Transpose → Quantize becomes Quantize → Transpose.
  void hoist() {
    std::vector<NodeId> order = graph_.order();
    for (size_t n = order.size(); n-- > 0;) {
      NodeId id = order[n];
      while (graph_.is_live(id) && graph_.node(id).is<Quantize>()) {
        const Node quantize = graph_.node(id);
        const Node* producer = graph_.producer(quantize.inputs[0]);
        if (!producer || !moves(*producer) || producer->outputs.size() != 1 || !has_one_user(quantize.inputs[0])) break;
        const Node mover = *producer;
        const NodeId mover_id = graph_.value(quantize.inputs[0]).producer;
        TensorType type = graph_.type(quantize.outputs[0]);
        if (!type.quant->is_per_tensor() || graph_.type(mover.inputs[0]).quant) break;
        type.shape = graph_.type(mover.inputs[0]).shape;
        const ValueId stored =
            graph_.add(Quantize{}, {mover.inputs[0]},
                       {.name = quantize.name, .type = type, .has_type = true, .source = quantize.source});
        std::vector<ValueId> inputs = mover.inputs;
        inputs[0] = stored;
        const NodeId moved = graph_.add({.def = mover.def,
                                         .attrs = mover.attrs,
                                         .inputs = std::move(inputs),
                                         .name = mover.name,
                                         .source = mover.source});
        replace_node(id, graph_.node(moved).outputs[0]);
        graph_.remove(mover_id);
        graph_.set_name(moved, mover.name);
        id = graph_.value(stored).producer;
      }
    }
    graph_.remove_dead();
  }

  /// Products with a quantized weight become FullyConnected, the operator that has integer kernels.
  void turn_products() {
    for (const NodeId id : graph_.order()) {
      const Node node = graph_.node(id);
      if (!node.is<Gemm>() && !node.is<MatMul>()) continue;
      const Node* producer = graph_.producer(node.inputs[0]);
      const ValueId weight = node.inputs[1], bias = node.input(2);
      if (!producer || !producer->is<Dequantize>() || !graph_.is_constant(weight)) continue;
      const Tensor& w = graph_.value(weight).constant;
      if (!w.quant() || w.rank() != 2 || (bias.exists() && graph_.type(bias).shape != Shape{output_channels(node, w)}))
        continue;
      if (node.is<Gemm>() && (node.as<Gemm>().alpha != 1 || (bias.exists() && node.as<Gemm>().beta != 1))) continue;
      if (node.is<Gemm>() ? node.as<Gemm>().transpose_a : node.as<MatMul>().transpose_a) continue;
      const bool is_turned = is_transposed(node);
      const ValueId rows = is_turned ? weight : graph_.add_constant(turn(w, {1, 0}), graph_.value(weight).name);
      const ValueId product =
          graph_.add(FullyConnected{}, {node.inputs[0], rows, bias}, {.name = node.name, .source = node.source});
      replace_node(id, product);
    }
  }

  static bool is_transposed(const Node& product) {
    return product.is<Gemm>() ? product.as<Gemm>().transpose_b : product.as<MatMul>().transpose_b;
  }

  static int64_t output_channels(const Node& product, const Tensor& w) { return w.dim(is_transposed(product) ? 0 : 1); }

  /// The bounds a node clamps to, when that is all it does.
  static bool is_clamp(const Node& node, Clamp& clamp) {
    if (node.is<Relu>()) return clamp = {.min = 0}, true;
    if (node.is<Clamp>()) return clamp = node.as<Clamp>(), true;
    return false;
  }

  /// A clamp before a Quantize goes into the operator before it, across nodes that only move elements.
  void fuse_clamp(const Node& quantize) {
    const Node* node = graph_.producer(quantize.inputs[0]);
    Clamp clamp;
    if (!node || !is_clamp(*node, clamp) || !has_one_user(node->outputs[0])) return;
    const ValueId clamped = node->outputs[0], source = node->inputs[0];
    ValueId at = source;
    for (;;) {
      const Node* up = graph_.producer(at);
      if (!up || !has_one_user(at)) return;
      if (!moves(*up) || up->outputs.size() != 1) break;
      at = up->inputs[0];
    }
    const NodeId id = graph_.value(at).producer;
    const Node& target = graph_.node(id);
    const auto attrs = target.attrs.type().clone(target.attrs.value());
    bool has_min = false, has_max = false;
    for (const FieldInfo& field : target.attrs.type().fields) {
      auto* bound = static_cast<float*>(field.address(attrs.get()));
      if (field.name == "act_min") *bound = std::max(*bound, clamp.min), has_min = true;
      if (field.name == "act_max") *bound = std::min(*bound, clamp.max), has_max = true;
    }
    if (!has_min || !has_max || !all_quantized(target)) return;
    graph_.set_attrs(id, Attrs(target.attrs.type(), attrs));
    const NodeId clamp_id = graph_.value(clamped).producer;
    graph_.replace_uses(clamped, source);
    graph_.remove(clamp_id);
  }

  /// Whether every real input is a Dequantize's or a quantized constant, at least one being the former.
  bool all_quantized(const Node& node) const {
    if (node.def->quant.kind == QuantRule::kFloat || node.outputs.size() != 1) return false;
    bool any = false;
    for (const ValueId in : node.inputs) {
      if (!in.exists() || graph_.type(in).logical_dtype() != DType::kF32) continue;
      const Node* producer = graph_.producer(in);
      const bool is_read = producer && producer->is<Dequantize>();
      if (!is_read && !(graph_.is_constant(in) && graph_.type(in).quant)) return false;
      any = any || is_read;
    }
    return any;
  }

  /// Dequantize → op → Quantize becomes op on quantized types.
  void absorb() {
    for (const NodeId id : graph_.order()) {
      if (!graph_.is_live(id) || !graph_.node(id).is<Quantize>()) continue;
      fuse_clamp(graph_.node(id));
    }
    hoist();
    for (const NodeId id : graph_.order()) {
      if (!graph_.is_live(id) || !graph_.node(id).is<Quantize>()) continue;
      const Node quantize = graph_.node(id);
      const ValueId real = quantize.inputs[0];
      const Node* producer = graph_.producer(real);
      if (!producer || producer->is<Dequantize>() || !all_quantized(*producer) || !has_one_user(real)) continue;
      const TensorType type = graph_.type(quantize.outputs[0]);
      if (!type.quant->is_per_tensor()) continue;
      take_quantized(graph_.value(real).producer, type);
      graph_.replace_uses(quantize.outputs[0], real);
    }
  }

  void take_quantized(NodeId id, const TensorType& type) {
    std::vector<ValueId> inputs = graph_.node(id).inputs;
    graph_.set_type(graph_.node(id).outputs[0], type);
    for (ValueId& in : inputs)
      if (const Node* producer = graph_.producer(in); producer && producer->is<Dequantize>()) in = producer->inputs[0];
    graph_.set_inputs(id, inputs);
  }

  Graph& graph_;
};

bool has_qdq(const Graph& graph) {
  for (const NodeId id : graph.order())
    if (graph.node(id).is<QuantizeLinear>() || graph.node(id).is<DequantizeLinear>()) return true;
  return false;
}

}  // namespace

int fold_qdq(Graph& graph) {
  if (!has_qdq(graph)) return 0;
  const int folded = Folder(graph).run();
  sign_products(graph);
  return folded;
}

}  // namespace hone::onnx
