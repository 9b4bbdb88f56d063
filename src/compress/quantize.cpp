#include "compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "compress/layer_matrix.h"
#include "compress/rebuild.h"
#include "compress/weights.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone {

namespace {

/// Scale and zero point of asymmetric integers over a range; 0 is exact.
QuantPtr params_for(Range range, DType dtype) {
  const double low = static_cast<double>(min_of(dtype)), high = static_cast<double>(max_of(dtype));
  const double span = static_cast<double>(range.max) - range.min;
  if (!(span > 0)) return QuantParams::per_tensor(1, static_cast<int32_t>(low));
  const float scale = static_cast<float>(std::max(span / (high - low), 1e-30));
  const double zero = std::clamp(std::nearbyint(low - range.min / scale), low, high);
  return QuantParams::per_tensor(scale, static_cast<int32_t>(zero));
}

/// Axis along which a node's constant weights get their scales, -1 for one of all: also where groups share the output
/// channels that the weights name (ConvTranspose), because a scale belongs to one output channel.
int64_t scale_axis(const Graph& graph, const Node& node) {
  const QuantRule& rule = node.def->quant;
  const Tensor& weights = graph.value(node.input(static_cast<size_t>(rule.weight))).constant;
  const int64_t axis = rule.scale_axis(weights.rank());
  const Shape& y = graph.type(node.outputs[0]).shape;
  const bool is_shared = axis >= 0 && y.has_rank() && !(y[y.rank() - 1] == Dim(weights.dim(axis)));
  return is_shared ? -1 : axis;
}

Range range_of(const Tensor& constant) {
  Range range;
  const Tensor real = dequantize(constant);
  for (const float v : real.data<float>()) range = {std::min(range.min, v), std::max(range.max, v)};
  return range;
}

bool is_plain_float(const TensorType& type) { return type.dtype == DType::kF32 && !type.quant; }

/// Decides which nodes compute in integers and with which parameters each value is stored.
class Decisions {
 public:
  Decisions(const Graph& graph, const Ranges& ranges, const QuantizeOptions& options)
      : graph_(graph),
        ranges_(ranges),
        options_(options),
        parent_(graph.value_capacity()),
        node_(graph.node_capacity(), 0),
        feeds_weights_(graph.node_capacity(), 0) {
    std::iota(parent_.begin(), parent_.end(), 0);
    find_what_feeds_weights();
    for (const NodeId id : graph.order())
      if (takes_part(graph.node(id), id)) node_[static_cast<size_t>(id.index)] = 1;
    for (const NodeId id : graph.order())
      if (is_quantized(id) && graph.node(id).def->quant.kind == QuantRule::kSameScale) tie(graph.node(id));
    collect_ranges();
  }

  bool is_quantized(NodeId id) const { return node_[static_cast<size_t>(id.index)] != 0; }

  /// Parameters of a float activation, as every quantized node that touches it stores it.
  QuantPtr params(ValueId id) {
    const int32_t root = find(id.index);
    QuantPtr& known = params_[root];
    if (!known) known = params_for(group_[root], options_.activations);
    return known;
  }

  bool is_activation(const Node& node, size_t i) const {
    const QuantRule& rule = node.def->quant;
    return static_cast<int>(i) != rule.weight && static_cast<int>(i) != rule.bias && node.inputs[i].exists() &&
           is_plain_float(graph_.type(node.inputs[i]));
  }

 private:
  bool has_range(ValueId id) const { return graph_.is_constant(id) || ranges_.count(graph_.value(id).name) > 0; }

  /// Marks the nodes whose results reach an operator with weights.
  void find_what_feeds_weights() {
    const std::vector<NodeId> order = graph_.order();
    for (size_t k = order.size(); k-- > 0;)
      for (const ValueId out : graph_.node(order[k]).outputs)
        for (const NodeId user : graph_.value(out).users)
          if (graph_.node(user).def->quant.weight >= 0 || feeds_weights_[static_cast<size_t>(user.index)])
            feeds_weights_[static_cast<size_t>(order[k].index)] = 1;
  }

  /// Arithmetic, probabilities and concatenation behind the last weights, such as the decoding of boxes and the final
  /// Softmax: they cost next to nothing in float, 256 levels are too few for coordinates, make ties of near scores, and
  /// cannot hold both under one scale. What is joined for layers in float alone stays apart in integers too.
  bool is_float_tail(const Node& node, NodeId id) const {
    const QuantRule& rule = node.def->quant;
    if (options_.quantize_io || rule.weight >= 0) return false;
    const bool is_last = !feeds_weights_[static_cast<size_t>(id.index)];
    const bool is_arithmetic =
        rule.kind == QuantRule::kFixedRange || (rule.kind == QuantRule::kOwnRange && node.def->elementwise);
    const bool is_merge = rule.kind == QuantRule::kSameScale && node.def->tied != 1 && node.inputs.size() > 1;
    return (is_arithmetic && is_last) || (is_merge && (is_last || feeds_float_alone(node)));
  }

  bool feeds_float_alone(const Node& node) const {
    const UseList& users = graph_.value(node.outputs[0]).users;
    return !users.empty() && std::all_of(users.begin(), users.end(), [&](NodeId user) {
      return options_.keep_float.count(graph_.node(user).name) > 0;
    });
  }

  bool takes_part(const Node& node, NodeId id) {
    const QuantRule& rule = node.def->quant;
    if (is_float_tail(node, id)) return false;
    if (rule.kind == QuantRule::kFloat || options_.keep_float.count(node.name) || node.inputs.empty()) return false;
    if (!is_plain_float(graph_.type(node.outputs[0])) || !node.inputs[0].exists()) return false;
    if (rule.weight >= 0 && !graph_.is_constant(node.input(static_cast<size_t>(rule.weight)))) return false;
    if (rule.bias >= 0 && node.input(static_cast<size_t>(rule.bias)).exists() &&
        !graph_.is_constant(node.input(static_cast<size_t>(rule.bias))))
      return false;
    bool from_integers = false;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      if (!is_activation(node, i)) continue;
      if (!has_range(node.inputs[i])) return false;
      const NodeId maker = graph_.value(node.inputs[i]).producer;
      from_integers |= node.def->is_tied(i) && maker.exists() && node_[static_cast<size_t>(maker.index)];
    }
    if (!is_plain_float(graph_.type(node.inputs[0]))) return false;
    if (rule.kind == QuantRule::kSameScale) {
      if (from_integers) return true;
      // A graph input that is only moved stays float unless integers were asked for at the border.
      return graph_.value(node.inputs[0]).is_input && leads_to_integers(node);
    }
    return rule.kind == QuantRule::kFixedRange || has_range(node.outputs[0]);
  }

  /// Whether a layer with integers of its own reads what `node` moves, itself or moved on.
  bool leads_to_integers(const Node& node) const {
    std::vector<ValueId> next{node.outputs[0]};
    std::set<ValueId> seen{next.front()};
    while (!next.empty()) {
      const ValueId value = next.back();
      next.pop_back();
      for (const NodeId id : graph_.value(value).users) {
        const Node& user = graph_.node(id);
        const QuantRule::Kind kind = user.def->quant.kind;
        if (kind == QuantRule::kOwnRange && !options_.keep_float.count(user.name)) return true;
        if (kind == QuantRule::kSameScale && seen.insert(user.outputs[0]).second) next.push_back(user.outputs[0]);
      }
    }
    return false;
  }

  int32_t find(int32_t i) {
    while (parent_[static_cast<size_t>(i)] != i) {
      parent_[static_cast<size_t>(i)] = parent_[static_cast<size_t>(parent_[static_cast<size_t>(i)])];
      i = parent_[static_cast<size_t>(i)];
    }
    return i;
  }

  void tie(const Node& node) {
    for (const ValueId out : node.outputs)
      if (is_plain_float(graph_.type(out))) parent_[static_cast<size_t>(find(out.index))] = find(node.inputs[0].index);
    for (size_t i = 1; i < node.inputs.size(); ++i)
      if (node.def->is_tied(i) && is_activation(node, i) && !graph_.is_constant(node.inputs[i]))
        parent_[static_cast<size_t>(find(node.inputs[i].index))] = find(node.inputs[0].index);
  }

  void collect_ranges() {
    for (size_t i = 0; i < graph_.value_capacity(); ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      const int32_t root = find(id.index);
      if (graph_.is_constant(id)) {
        if (is_plain_float(graph_.type(id))) widen(root, range_of(graph_.value(id).constant));
      } else if (const auto at = ranges_.find(graph_.value(id).name); at != ranges_.end()) {
        widen(root, at->second);
      }
      const Node* maker = graph_.producer(id);
      if (maker && is_quantized(graph_.value(id).producer) && maker->def->quant.kind == QuantRule::kFixedRange &&
          options_.activations == DType::kI8)
        params_[root] = QuantParams::per_tensor(maker->def->quant.out_scale, maker->def->quant.out_zero_point);
    }
  }

  void widen(int32_t root, const Range& range) {
    Range& group = group_[root];
    group = {std::min(group.min, range.min), std::max(group.max, range.max)};
  }

  const Graph& graph_;
  const Ranges& ranges_;
  const QuantizeOptions& options_;
  std::vector<int32_t> parent_;
  std::vector<char> node_;
  std::vector<char> feeds_weights_;
  std::map<int32_t, Range> group_;
  std::map<int32_t, QuantPtr> params_;
};

class StaticQuantizer {
 public:
  StaticQuantizer(const Graph& graph, const Ranges& ranges, const QuantizeOptions& options)
      : options_(options), decisions_(graph, ranges, options), build_(graph), stored_(graph.value_capacity()) {
    if (options.weight_bits < 8) outer_ = outer_layers(graph);
  }

  Graph run() {
    const Graph& from = build_.from;
    for (const ValueId in : from.inputs()) add_input(in);
    build_.add_states();
    for (const NodeId id : from.order()) {
      if (decisions_.is_quantized(id)) {
        add_quantized(from.node(id));
      } else {
        std::vector<ValueId> inputs;
        for (const ValueId in : from.node(id).inputs) inputs.push_back(as_float(in));
        build_.copy(from.node(id), std::move(inputs));
      }
    }
    std::vector<ValueId> outputs;
    for (const ValueId out : from.outputs()) outputs.push_back(as_output(out));
    build_.graph.set_outputs(std::move(outputs));
    for (const GraphState& state : from.states()) build_.graph.set_next(build_[state.now], as_float(state.next));
    build_.graph.arithmetic = QuantArithmetic::kFixedPoint;
    build_.graph.remove_dead();
    return std::move(build_.graph);
  }

 private:
  ValueId& stored(ValueId old) { return stored_[static_cast<size_t>(old.index)]; }
  TensorType storage(ValueId old) {
    return {options_.activations, build_.from.type(old).shape, decisions_.params(old)};
  }

  void add_input(ValueId in) {
    const Value& v = build_.from.value(in);
    bool integer = options_.quantize_io && is_plain_float(v.type);
    bool has_integer_user = false;
    for (const NodeId user : v.users) has_integer_user |= decisions_.is_quantized(user);
    integer &= has_integer_user;
    const ValueId id = build_.graph.add_input(v.name, integer ? storage(in) : v.type);
    (integer ? stored(in) : build_[in]) = id;
  }

  /// The value as plain float (or whatever plain type it has), dequantized when only integers exist.
  ValueId as_float(ValueId old) {
    if (!old.exists()) return {};
    if (build_.from.is_constant(old)) return build_.constant(old);
    if (!build_[old].exists())
      build_[old] =
          build_.graph.add(Dequantize{}, {stored(old)}, {.name = build_.from.value(old).name + "_dequantized"});
    return build_[old];
  }

  /// The value as integers with its own parameters.
  ValueId as_stored(ValueId old) {
    if (stored(old).exists()) return stored(old);
    const Value& v = build_.from.value(old);
    if (v.constant.exists()) {
      const QuantPtr quant = decisions_.params(old);
      stored(old) = build_.graph.add_constant(quantize(v.constant, options_.activations, quant), v.name + "_quantized");
    } else {
      stored(old) = build_.graph.add(Quantize{}, {as_float(old)},
                                     {.name = v.name + "_quantized", .type = storage(old), .has_type = true});
    }
    return stored(old);
  }

  /// A graph output keeps its name; where it leaves as float a Dequantize carries it.
  ValueId as_output(ValueId old) {
    const Value& v = build_.from.value(old);
    if (v.constant.exists()) return build_.constant(old);
    if (!stored(old).exists()) return build_[old];
    if (options_.quantize_io) return stored(old);
    const ValueId real = as_float(old);
    build_.graph.set_name(stored(old), v.name + "_stored");
    build_.graph.set_name(real, v.name);
    return real;
  }

  void add_quantized(const Node& node) {
    const QuantRule& rule = node.def->quant;
    std::vector<ValueId> inputs(node.inputs.size());
    for (size_t i = 0; i < inputs.size(); ++i) {
      const ValueId old = node.inputs[i];
      if (!old.exists()) continue;
      if (decisions_.is_activation(node, i) && (rule.kind != QuantRule::kSameScale || node.def->is_tied(i))) {
        inputs[i] = as_stored(old);
      } else if (static_cast<int>(i) != rule.weight && static_cast<int>(i) != rule.bias) {
        inputs[i] = as_float(old);
      }
    }
    if (rule.weight >= 0) add_weights(node, inputs);
    if (rule.kind == QuantRule::kSameScale) equalize(node, inputs);
    NodeSpec spec = build_.spec_of(node, std::move(inputs));
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (is_plain_float(build_.from.type(node.outputs[i]))) spec.output_types[i] = storage(node.outputs[i]);
    const NodeId id = build_.graph.add(std::move(spec));
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      const bool is_real = is_plain_float(build_.from.type(node.outputs[i]));
      (is_real ? stored(node.outputs[i]) : build_[node.outputs[i]]) = build_.graph.node(id).outputs[i];
    }
  }

  void add_weights(const Node& node, std::vector<ValueId>& inputs) {
    const QuantRule& rule = node.def->quant;
    const size_t w = static_cast<size_t>(rule.weight);
    const Value& weights = build_.from.value(node.inputs[w]);
    const float input_scale = decisions_.params(node.inputs[0])->scale();
    const auto rounded = options_.rounded.find(node.name);
    Tensor q = rounded != options_.rounded.end()
                   ? rounded->second
                   : quantize_weights(weights.constant, scale_axis(build_.from, node), bits_of(node));
    const ValueId bias = rule.bias >= 0 ? node.input(static_cast<size_t>(rule.bias)) : ValueId{};
    if (bias.exists()) {
      const Tensor& b = build_.from.value(bias).constant;
      q = widen_for_bias(weights.constant, std::move(q), b, input_scale);
      inputs[static_cast<size_t>(rule.bias)] =
          build_.graph.add_constant(quantize_bias(b, input_scale, *q.quant()), build_.from.value(bias).name);
    }
    inputs[w] = build_.graph.add_constant(std::move(q), weights.name);
  }

  int bits_of(const Node& node) const { return outer_.count(node.name) ? 8 : options_.weight_bits; }

  /// Inputs of a Concat whose parameters are fixed elsewhere (a Softmax before it) are requantized.
  void equalize(const Node& node, std::vector<ValueId>& inputs) {
    const QuantPtr wanted = decisions_.params(node.outputs[0]);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].exists() || !node.def->is_tied(i)) continue;
      const TensorType type = build_.graph.type(inputs[i]);
      if (!type.quant || same_quant(type.quant, wanted)) continue;
      inputs[i] = build_.graph.add(Quantize{}, {inputs[i]},
                                   {.name = build_.graph.value(inputs[i]).name + "_requantized",
                                    .type = {options_.activations, type.shape, wanted},
                                    .has_type = true});
    }
  }

  const QuantizeOptions& options_;
  Decisions decisions_;
  Rebuild build_;
  std::set<std::string> outer_;
  std::vector<ValueId> stored_;  ///< integer form of each old value
};

}  // namespace

Graph quantize_static(const Graph& graph, const Ranges& ranges, const QuantizeOptions& options) {
  if (options.activations != DType::kI8 && options.activations != DType::kU8)
    throw invalid_argument(cat("activations as ", to_string(options.activations), ", expected i8 or u8"));
  if (options.weight_bits != 8 && options.weight_bits != 4)
    throw invalid_argument(cat("weights of ", options.weight_bits, " bits, expected 8 or 4"));
  return StaticQuantizer(graph, ranges, options).run();
}

std::vector<std::string> quantizable_layers(const Graph& graph, const Ranges& ranges) {
  const QuantizeOptions options;
  const Decisions decisions(graph, ranges, options);
  std::vector<std::string> names;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (decisions.is_quantized(id) && node.def->quant.kind == QuantRule::kOwnRange) names.push_back(node.name);
  }
  return names;
}

Graph quantize_dynamic_range(const Graph& graph) {
  constexpr int64_t kSmallest = 1024;
  Graph out = graph;
  for (const NodeId id : out.order()) {
    const Node& node = out.node(id);
    if (node.def->quant.weight < 0) continue;
    const size_t w = static_cast<size_t>(node.def->quant.weight);
    const ValueId weights = node.input(w);
    if (!out.is_constant(weights) || !is_plain_float(out.type(weights))) continue;
    if (out.value(weights).constant.elements() < kSmallest) continue;
    Tensor q = quantize_weights(out.value(weights).constant, scale_axis(out, node));
    out.set_input(id, w, out.add_constant(std::move(q), out.value(weights).name));
  }
  out.remove_dead();
  return out;
}

Graph to_float16(const Graph& graph) {
  constexpr int64_t kSmallest = 16;
  constexpr float kLargest = 65504;
  Graph out = graph;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const ValueId id{static_cast<int32_t>(i)};
    if (!out.is_constant(id) || !is_plain_float(out.type(id)) || out.is_output(id)) continue;
    const Tensor& t = out.value(id).constant;
    const auto data = t.data<float>();
    if (t.elements() < kSmallest) continue;
    if (std::any_of(data.begin(), data.end(), [](float v) { return std::fabs(v) > kLargest; })) continue;
    const ValueId half = out.add_constant(cast(t, DType::kF16), out.value(id).name + "_f16");
    out.replace_uses(id, out.add(Cast{.to = DType::kF32}, {half}));
  }
  out.remove_dead();
  return out;
}

}  // namespace hone
