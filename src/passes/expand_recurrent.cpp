#include <algorithm>
#include <optional>
#include <string>

#include "base/text.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/recurrent.h"
#include "ops/unary.h"
#include "passes/expand.h"
#include "passes/steps.h"

namespace hone {
namespace {

/// Steps that are written out; more of them would be a program, not a graph.
constexpr int64_t kMostSteps = 2048;

template <class Op>
constexpr int64_t kGates = std::is_same_v<Op, Rnn>   ? 1
                           : std::is_same_v<Op, Gru> ? 3
                                                     : 4;
template <class Op>
constexpr size_t kActivations = static_cast<size_t>(std::is_same_v<Op, Rnn>   ? 1
                                                    : std::is_same_v<Op, Gru> ? 2
                                                                              : 3);

/// Sizes of a recurrent node whose weights are constant and whose sequence has a known length.
struct Sizes {
  int64_t time, batch, input, hidden;
  std::vector<int64_t> lengths;  ///< of each sequence of the batch; empty: all are whole
};

template <class Op>
std::optional<Sizes> sizes_of(const Graph& graph, const Node& node) {
  const auto x = static_dims(graph, node.inputs[0]);
  if (!x || x->size() != 3 || graph.type(node.inputs[0]).dtype != DType::kF32 || graph.type(node.inputs[0]).quant)
    return std::nullopt;
  for (const size_t i : {1, 2, 3, 7})
    if (node.input(i).exists() && (!graph.is_constant(node.inputs[i]) || graph.type(node.inputs[i]).quant))
      return std::nullopt;
  const Op& op = node.as<Op>();
  const int64_t hidden = graph.type(node.inputs[2]).shape[2].value();
  Sizes s{(*x)[op.batch_first ? 1 : 0], (*x)[op.batch_first ? 0 : 1], (*x)[2], hidden, {}};
  if (node.input(4).exists() && !is_constant_full_of(graph, node.inputs[4], static_cast<double>(s.time))) {
    if (!graph.is_constant(node.inputs[4])) return std::nullopt;
    s.lengths = to_ints(graph.value(node.inputs[4]).constant);
  }
  return s.time > 0 && s.batch > 0 && s.time <= kMostSteps ? std::optional(s) : std::nullopt;
}

/// Entries first … first + count along axis 0 of a constant [1, rows, …], without the axis of directions.
Tensor rows_of(const Tensor& x, int64_t first, int64_t count) {
  Dims dims(x.dims().begin() + 1, x.dims().end());
  const int64_t row = x.elements() / (x.dim(0) * x.dim(1));
  dims[0] = count;
  Tensor y = Tensor::empty(x.dtype(), dims);
  const auto from = x.data<float>().subspan(static_cast<size_t>(first * row), static_cast<size_t>(count * row));
  std::copy(from.begin(), from.end(), y.mutable_data<float>().begin());
  return y;
}

/// One direction of a constant [2, …].
Tensor direction_of(const Tensor& x, int64_t d) {
  Dims dims = x.dims();
  dims[0] = 1;
  Tensor y = Tensor::empty(x.dtype(), dims);
  const auto size = static_cast<size_t>(y.elements());
  const auto from = x.data<float>().subspan(static_cast<size_t>(d) * size, size);
  std::copy(from.begin(), from.end(), y.mutable_data<float>().begin());
  return y;
}

/// Cell(x) both ways   ⇒   Concat(Cell(x) forward, Cell(x) in reverse) along the axis of directions
template <class Op>
bool split_directions(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  Op op = node.as<Op>();
  if (op.direction != Direction::bidirectional || !sizes_of<Op>(graph, node)) return false;
  if (!op.activation_alpha.empty() || !op.activation_beta.empty()) return false;
  const std::vector<std::string> names = op.activations;
  const std::vector<ValueId> inputs = node.inputs, outputs = node.outputs;
  Steps steps(graph, outputs[0]);
  std::vector<std::vector<ValueId>> results(outputs.size());
  for (int64_t d = 0; d < 2; ++d) {
    op.direction = d == 0 ? Direction::forward : Direction::reverse;
    if (!names.empty()) {
      const auto first = names.begin() + d * kActivations<Op>;
      op.activations.assign(first, first + kActivations<Op>);
    }
    std::vector<ValueId> own = inputs;
    for (size_t i = 1; i < own.size(); ++i) {
      if (!own[i].exists() || i == 4) continue;
      const bool is_state = i == 5 || i == 6;
      own[i] = is_state ? steps.slice(own[i], op.batch_first ? 1 : 0, d, d + 1)
                        : steps.constant(direction_of(graph.value(own[i]).constant, d));
    }
    NodeSpec spec = spec_of(graph, id);
    spec.attrs = Attrs::of(op);
    spec.inputs = std::move(own);
    spec.output_types.clear();
    const std::vector<ValueId> made = graph.node(graph.add(std::move(spec))).outputs;
    for (size_t j = 0; j < made.size(); ++j) results[j].push_back(made[j]);
  }
  for (size_t j = 0; j < outputs.size(); ++j) {
    const int64_t axis = j == 0 ? (op.batch_first ? 2 : 1) : (op.batch_first ? 1 : 0);
    supersede(graph, outputs[j], add_for(graph, outputs[j], Concat{.axis = axis}, results[j]));
  }
  return true;
}

bool is_wanted(const Graph& graph, ValueId value) {
  return value.exists() && (!graph.value(value).users.empty() || graph.is_output(value));
}

/// The last hidden state   ⇒   the end of the sequence
bool state_from_sequence(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Lstm& op = node.as<Lstm>();
  if (node.outputs.size() < 2 || op.direction == Direction::bidirectional || !is_wanted(graph, node.outputs[1]))
    return false;
  const auto s = sizes_of<Lstm>(graph, node);
  if (!s || !s->lengths.empty()) return false;
  const ValueId y = node.outputs[0], h = node.outputs[1];
  const int64_t at = op.direction == Direction::forward ? s->time - 1 : 0;
  Steps steps(graph, h);
  const ValueId last = steps.slice(y, op.batch_first ? 1 : 0, at, at + 1);
  const std::vector<int64_t> dims =
      op.batch_first ? std::vector<int64_t>{s->batch, 1, s->hidden} : std::vector<int64_t>{1, s->batch, s->hidden};
  graph.replace_uses(h, add_for(graph, h, Reshape{}, {last, steps.ints(dims)}));
  return true;
}

/// What a gate's activation is called, and its step.
ValueId activate(Steps& steps, const std::string& name, float clip, ValueId x) {
  if (clip > 0) x = steps.add(Clamp{.min = -clip, .max = clip}, {x});
  if (name == "sigmoid") return steps.add(Sigmoid{}, {x});
  if (name == "tanh") return steps.add(Tanh{}, {x});
  if (name == "relu") return steps.add(Relu{}, {x});
  if (name == "softsign") return steps.add(Softsign{}, {x});
  if (name == "softplus") return steps.add(Softplus{}, {x});
  if (name == "elu") return steps.add(Elu{}, {x});
  if (name == "hardsigmoid") return steps.add(HardSigmoid{}, {x});
  if (name == "leakyrelu") return steps.add(LeakyRelu{}, {x});
  if (name == "thresholdedrelu") return steps.add(ThresholdedRelu{}, {x});
  return x;  // affine and scaledtanh with their defaults: see activation_names
}

/// In lower case; none when one has no step, or parameters of its own.
template <class Op>
std::optional<std::vector<std::string>> activation_names(const Op& op) {
  if (!op.activation_alpha.empty() || !op.activation_beta.empty()) return std::nullopt;
  std::vector<std::string> names{"sigmoid", "tanh", "tanh"};
  if constexpr (std::is_same_v<Op, Rnn>) names = {"tanh"};
  for (size_t i = 0; i < op.activations.size() && i < names.size(); ++i) names[i] = lower(op.activations[i]);
  for (std::string& name : names)
    if (name == "scaledtanh") name = "tanh";
  return names;
}

/// One direction of a cell, step by step.
template <class Op>
class Unrolled {
 public:
  Unrolled(Graph& graph, NodeId id, const Sizes& sizes, std::vector<std::string> names)
      : op_(graph.node(id).as<Op>()),
        inputs_(graph.node(id).inputs),
        steps_(graph, graph.node(id).outputs[0]),
        graph_(graph),
        s_(sizes),
        names_(std::move(names)) {
    r_ = graph.value(inputs_[2]).constant;
    if (inputs_.size() > 7 && inputs_[7].exists()) peepholes_ = graph.value(inputs_[7]).constant;
    h_ = initial(5);
    c_ = initial(6);
  }

  /// y, h and c in the shapes of the node's outputs.
  std::vector<ValueId> run() {
    const std::vector<ValueId> x = projected();
    std::vector<ValueId> states(x.size());
    for (int64_t i = 0; i < s_.time; ++i) {
      const auto t = static_cast<size_t>(op_.direction == Direction::reverse ? s_.time - 1 - i : i);
      const ValueId y = step_of_all(x[t], t);
      states[t] = steps_.reshape(y, op_.batch_first ? std::vector<int64_t>{s_.batch, 1, 1, s_.hidden}
                                                    : std::vector<int64_t>{1, 1, s_.batch, s_.hidden});
    }
    const std::vector<int64_t> state =
        op_.batch_first ? std::vector<int64_t>{s_.batch, 1, s_.hidden} : std::vector<int64_t>{1, s_.batch, s_.hidden};
    return {steps_.concat(std::move(states), op_.batch_first ? 1 : 0), steps_.reshape(h_, state),
            std::is_same_v<Op, Lstm> ? steps_.reshape(c_, state) : ValueId{}};
  }

 private:
  ValueId initial(size_t i) {
    if (i < inputs_.size() && inputs_[i].exists()) return steps_.reshape(inputs_[i], {s_.batch, s_.hidden});
    return steps_.constant(Tensor::zeros(DType::kF32, {s_.batch, s_.hidden}));
  }

  bool keeps_recurrent_bias() const {
    if constexpr (std::is_same_v<Op, Gru>) return op_.linear_before_reset;
    return false;
  }

  /// x · Wᵀ + b of all steps at once, cut into [B, G·H] each.
  std::vector<ValueId> projected() {
    const int64_t rows = kGates<Op> * s_.hidden;
    const ValueId w = steps_.constant(rows_of(graph_.value(inputs_[1]).constant, 0, rows));
    std::vector<ValueId> arguments{inputs_[0], w};
    if (inputs_.size() > 3 && inputs_[3].exists()) {
      const Tensor b = graph_.value(inputs_[3]).constant;
      Tensor sum = rows_of(b, 0, rows).clone();
      const Tensor recurrent = rows_of(b, rows, rows);
      // A reset gate that comes after the product acts on the recurrent bias of the last gate too.
      const int64_t added = keeps_recurrent_bias() ? 2 * s_.hidden : rows;
      for (int64_t i = 0; i < added; ++i)
        sum.mutable_data<float>()[static_cast<size_t>(i)] += recurrent.data<float>()[static_cast<size_t>(i)];
      if (keeps_recurrent_bias()) recurrent_bias_ = steps_.constant(rows_of(b, rows + 2 * s_.hidden, s_.hidden));
      arguments.push_back(steps_.constant(sum));
    }
    const ValueId all = steps_.add(FullyConnected{}, std::move(arguments));
    const int64_t axis = op_.batch_first ? 1 : 0;
    std::vector<ValueId> parts = steps_.split(all, axis, std::vector<int64_t>(static_cast<size_t>(s_.time), 1));
    for (ValueId& part : parts) part = steps_.reshape(part, {s_.batch, rows});
    return parts;
  }

  /// h · Rᵀ of gates first … first + count.
  ValueId recurrent(ValueId h, int64_t first, int64_t count) {
    ValueId& weight = weights_[static_cast<size_t>(first)][static_cast<size_t>(count)];
    if (!weight.exists()) weight = steps_.constant(rows_of(r_, first * s_.hidden, count * s_.hidden));
    return steps_.add(FullyConnected{}, {h, weight});
  }
  std::vector<ValueId> gates(ValueId x, size_t count) {
    return steps_.split(x, 1, std::vector<int64_t>(count, s_.hidden));
  }
  ValueId act(size_t i, ValueId x) { return activate(steps_, names_[i], op_.clip, x); }
  ValueId add(ValueId a, ValueId b) { return steps_.add(Add{}, {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return steps_.add(Mul{}, {a, b}); }
  ValueId peep(ValueId gate, int64_t i, ValueId c) {
    if (!peepholes_.exists()) return gate;
    return add(gate, mul(steps_.constant(rows_of(peepholes_, i * s_.hidden, s_.hidden)), c));
  }

  /// A step of the sequences that have an entry t; the others keep their states and give 0. The result is y.
  ValueId step_of_all(ValueId x, size_t t) {
    std::vector<bool> goes_on;
    for (const int64_t length : s_.lengths) goes_on.push_back(static_cast<int64_t>(t) < length);
    const ValueId h = h_, c = c_;
    step(x);
    if (std::find(goes_on.begin(), goes_on.end(), false) == goes_on.end()) return h_;
    Tensor mask = Tensor::empty(DType::kBool, {s_.batch, 1});
    std::copy(goes_on.begin(), goes_on.end(), mask.mutable_data<bool>().begin());
    const ValueId is_on = steps_.constant(mask);
    const ValueId y =
        steps_.add(Where{}, {is_on, h_, steps_.constant(Tensor::zeros(DType::kF32, {s_.batch, s_.hidden}))});
    h_ = steps_.add(Where{}, {is_on, h_, h});
    if constexpr (std::is_same_v<Op, Lstm>) c_ = steps_.add(Where{}, {is_on, c_, c});
    return y;
  }

  /// Source: ONNX Lstm 14, Gru 14, Rnn 14.
  void step(ValueId x) {
    if constexpr (std::is_same_v<Op, Rnn>) {
      h_ = act(0, add(x, recurrent(h_, 0, 1)));
    } else if constexpr (std::is_same_v<Op, Gru>) {
      const std::vector<ValueId> in = steps_.split(x, 1, {2 * s_.hidden, s_.hidden});
      const std::vector<ValueId> zr = gates(act(0, add(in[0], recurrent(h_, 0, 2))), 2);
      ValueId inner;
      if (op_.linear_before_reset) {
        ValueId product = recurrent(h_, 2, 1);
        if (recurrent_bias_.exists()) product = add(product, recurrent_bias_);
        inner = mul(zr[1], product);
      } else {
        inner = recurrent(mul(zr[1], h_), 2, 1);
      }
      const ValueId fresh = act(1, add(in[1], inner));
      h_ = add(mul(steps_.add(Sub{}, {steps_.number(1), zr[0]}), fresh), mul(zr[0], h_));
    } else {
      const std::vector<ValueId> iofc = gates(add(x, recurrent(h_, 0, 4)), 4);
      const ValueId i = act(0, peep(iofc[0], 0, c_));
      const ValueId f = op_.input_forget ? steps_.add(Sub{}, {steps_.number(1), i}) : act(0, peep(iofc[2], 2, c_));
      c_ = add(mul(f, c_), mul(i, act(1, iofc[3])));
      h_ = mul(act(0, peep(iofc[1], 1, c_)), activate(steps_, names_[2], 0, c_));
    }
  }

  const Op op_;
  const std::vector<ValueId> inputs_;
  Steps steps_;
  Graph& graph_;
  const Sizes s_;
  const std::vector<std::string> names_;
  Tensor r_, peepholes_;
  ValueId h_, c_, recurrent_bias_;
  ValueId weights_[4][5];
};

/// An Lstm that the runtimes' own operator says.
bool is_plain(const Graph& graph, const Node& node) {
  const Lstm& op = node.as<Lstm>();
  const bool has_usual_gates =
      op.activations.empty() || op.activations == std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"};
  const auto begins_at_zero = [&](size_t i) {
    return !node.input(i).exists() || is_constant_full_of(graph, node.inputs[i], 0);
  };
  const bool needs_cell = node.outputs.size() > 2 && is_wanted(graph, node.outputs[2]);
  return !node.input(4).exists() && has_usual_gates && op.clip == 0 && !op.input_forget && begins_at_zero(5) &&
         begins_at_zero(6) && !needs_cell;
}

template <class Op>
bool unroll(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const Op& op = node.as<Op>();
  if (op.direction == Direction::bidirectional) return false;
  if constexpr (std::is_same_v<Op, Lstm>)
    if (is_plain(graph, node)) return false;
  const auto sizes = sizes_of<Op>(graph, node);
  const auto names = activation_names(op);
  if (!sizes || !names) return false;
  const std::vector<ValueId> outputs = node.outputs;
  const std::vector<ValueId> results = Unrolled<Op>(graph, id, *sizes, *names).run();
  for (size_t j = 0; j < outputs.size(); ++j)
    if (is_wanted(graph, outputs[j])) supersede(graph, outputs[j], results[j]);
  return true;
}

/// Lengths that are those of whole sequences   ⇒   none
template <class Op>
bool drop_full_lengths(Graph& graph, NodeId id) {
  if (!graph.node(id).input(4).exists()) return false;
  const auto s = sizes_of<Op>(graph, graph.node(id));
  if (!s || !s->lengths.empty()) return false;
  NodeSpec spec = spec_of(graph, id);
  spec.inputs[4] = {};
  replace_node(graph, id, std::move(spec));
  return true;
}

}  // namespace

std::vector<Rule> recurrent_expansions() {
  return {
      {"drop_full_lengths", {&Lstm::def}, drop_full_lengths<Lstm>},
      {"split_directions", {&Lstm::def}, split_directions<Lstm>},
      {"split_directions", {&Gru::def}, split_directions<Gru>},
      {"split_directions", {&Rnn::def}, split_directions<Rnn>},
      {"state_from_sequence", {&Lstm::def}, state_from_sequence},
      {"unroll", {&Lstm::def}, unroll<Lstm>},
      {"unroll", {&Gru::def}, unroll<Gru>},
      {"unroll", {&Rnn::def}, unroll<Rnn>},
  };
}

}  // namespace hone
