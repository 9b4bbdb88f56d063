#include "formats/tflite_states.h"

#include "base/text.h"
#include "formats/tflite_case.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "ops/recurrent.h"
#include "ops/sequence_lstm_q.h"
#include "passes/check.h"

namespace hone {
namespace {

constexpr int64_t kBatch = 2, kTime = 3, kIn = 4, kHidden = 5;

Tensor weights(Dims dims, uint32_t seed) { return some_floats(std::move(dims), -0.5f, 0.5f, seed); }

/// Where a recurrent layer's states come from.
enum class Begin { zero, state, values, input };

/// The layer's states in the order of its outputs, added to the graph and, for states, handed on.
class Carried {
 public:
  Carried(Graph& graph, Begin begin) : graph_(graph), begin_(begin) {}

  ValueId first(Dims dims) {
    const auto seed = static_cast<uint32_t>(70 + states_.size());
    const Tensor zeros = Tensor::zeros(DType::kF32, dims);
    if (begin_ == Begin::zero) states_.push_back(graph_.add_constant(zeros));
    if (begin_ == Begin::values) states_.push_back(graph_.add_constant(weights(dims, seed)));
    if (begin_ == Begin::state) states_.push_back(graph_.add_state("memory", zeros));
    if (begin_ == Begin::input) states_.push_back(graph_.add_input("h", {DType::kF32, Shape(dims), nullptr}));
    return states_.back();
  }

  /// Output 0 of `layer`, and where states are an input what they become.
  void end(NodeId layer) {
    const std::vector<ValueId> made = graph_.node(layer).outputs;
    if (begin_ == Begin::state)
      for (size_t i = 0; i < states_.size(); ++i) graph_.set_next(states_[i], made[i + 1]);
    graph_.set_outputs(begin_ == Begin::input ? made : std::vector<ValueId>{made[0]});
  }

 private:
  Graph& graph_;
  Begin begin_;
  std::vector<ValueId> states_;
};

ValueId sequence(Graph& graph) {
  graph.arithmetic = QuantArithmetic::kFixedPoint;
  return graph.add_input("x", {DType::kF32, Shape(Dims{kTime, kBatch, kIn}), nullptr});
}

Graph tflite_lstm(Begin begin) {
  Graph graph;
  Carried carried(graph, begin);
  std::vector<ValueId> inputs(kNormalisation);
  inputs[kX] = sequence(graph);
  for (size_t g = 0; g < 4; ++g) {
    const auto seed = static_cast<uint32_t>(3 * g);
    inputs[kInputWeights + g] = graph.add_constant(weights({kHidden, kIn}, seed));
    inputs[kRecurrentWeights + g] = graph.add_constant(weights({kHidden, kHidden}, seed + 1));
    inputs[kBiases + g] = graph.add_constant(weights({kHidden}, seed + 2));
  }
  inputs[kOutputState] = carried.first({kBatch, kHidden});
  inputs[kCellState] = carried.first({kBatch, kHidden});
  carried.end(graph.add({.def = &SequenceLstm::def,
                         .attrs = Attrs::of(SequenceLstm{.time_major = true}),
                         .inputs = std::move(inputs),
                         .outputs = 3}));
  return graph;
}

Graph onnx_lstm(Begin begin) {
  Graph graph;
  Carried carried(graph, begin);
  const ValueId x = sequence(graph), w = graph.add_constant(weights({1, 4 * kHidden, kIn}, 1)),
                r = graph.add_constant(weights({1, 4 * kHidden, kHidden}, 2)),
                b = graph.add_constant(weights({1, 8 * kHidden}, 3)), h = carried.first({1, kBatch, kHidden}),
                c = carried.first({1, kBatch, kHidden});
  carried.end(graph.add({.def = &Lstm::def,
                         .attrs = Attrs::of(Lstm{.hidden_size = kHidden}),
                         .inputs = {x, w, r, b, ValueId{}, h, c},
                         .outputs = 3}));
  return graph;
}

Graph tflite_rnn(Begin begin) {
  Graph graph;
  Carried carried(graph, begin);
  const ValueId x = sequence(graph), w = graph.add_constant(weights({kHidden, kIn}, 1)),
                r = graph.add_constant(weights({kHidden, kHidden}, 2)), b = graph.add_constant(weights({kHidden}, 3));
  carried.end(graph.add({.def = &SequenceRnn::def,
                         .attrs = Attrs::of(SequenceRnn{.time_major = true}),
                         .inputs = {x, w, r, b, carried.first({kBatch, kHidden})},
                         .outputs = 2}));
  return graph;
}

Graph tflite_svdf(Begin begin) {
  Graph graph;
  graph.arithmetic = QuantArithmetic::kFixedPoint;
  Carried carried(graph, begin);
  const ValueId x = graph.add_input("x", {DType::kF32, Shape(Dims{kBatch, kIn}), nullptr}),
                features = graph.add_constant(weights({6, kIn}, 1)), time = graph.add_constant(weights({6, 3}, 2)),
                b = graph.add_constant(weights({3}, 3));
  carried.end(graph.add({.def = &Svdf::def,
                         .attrs = Attrs::of(Svdf{.rank = 2}),
                         .inputs = {x, features, time, b, carried.first({kBatch, 18})},
                         .outputs = 2}));
  return graph;
}

Graph text(const char* body) { return parse_graph(cat("graph {\n arithmetic fixed_point\n", body, "}"), all_ops()); }

}  // namespace

std::vector<StateCase> state_cases() {
  std::vector<StateCase> cases;
  const auto layer = [&](const std::string& name, Graph (*make)(Begin), int count, bool is_kept) {
    cases.push_back({name + "_that_remembers", make(Begin::state), count, is_kept ? 0 : count});
    cases.push_back({name + "_that_forgets", make(Begin::zero), count, 0});
    cases.push_back({name + "_that_begins_with_values", make(Begin::values), count, 0});
    cases.push_back({name + "_whose_caller_remembers", make(Begin::input), count, 0});
  };
  layer("sequence_lstm", tflite_lstm, 2, true);
  layer("sequence_rnn", tflite_rnn, 1, true);
  layer("svdf", tflite_svdf, 1, true);
  cases.push_back({"lstm_that_forgets", onnx_lstm(Begin::zero), 2, 0});
  cases.push_back({"sum_of_all_inputs", text(R"(
    input %x: f32[2]
    state %s: f32[2] = {0, 0}
    %t: f32[2] = Add(%x, %s)
    %y: f32[2] = Neg(%t)
    output %y
    next %s = %t
  )"),
                   0, 1});
  cases.push_back({"sum_that_begins_with_values", text(R"(
    input %x: f32[2]
    state %s: f32[2] = {1, -2}
    %t: f32[2] = Add(%x, %s)
    output %t
    next %s = %t
  )"),
                   0, 1});
  cases.push_back({"two_that_change_places", text(R"(
    input %x: f32[2]
    state %a: f32[2] = {1, 2}
    state %b: f32[2] = {3, 4}
    %y: f32[2] = Sub(%a, %x)
    output %y
    next %a = %b
    next %b = %a
  )"),
                   0, 2});
  cases.push_back({"the_input_before_this", text(R"(
    input %x: i8[1,2]{scale=0.1, zero_point=3}
    state %s: i8[1,2]{scale=0.1, zero_point=3} = {3, 3}
    %y: i8[1,4]{scale=0.1, zero_point=3} = Concat(%s, %x) {axis=1}
    output %y
    next %s = %x
  )"),
                   0, 1});
  cases.push_back({"count_of_runs", text(R"(
    input %x: i32[1]
    state %n: i32[1] = {0}
    const %one: i32[1] = {1}
    %m: i32[1] = Add(%n, %one)
    %y: i32[1] = Mul(%m, %x)
    output %y
    next %n = %m
  )"),
                   0, 1});
  return cases;
}

std::vector<std::vector<Tensor>> inputs_of_runs(const Graph& graph) {
  std::vector<std::vector<Tensor>> runs;
  for (uint64_t run = 0; run < 6; ++run) runs.push_back(generate_inputs(graph, run));
  return runs;
}

std::vector<std::vector<Tensor>> evaluate_runs(const Graph& graph, const std::vector<std::vector<Tensor>>& inputs) {
  std::vector<Tensor> states;
  std::vector<std::vector<Tensor>> results;
  for (const std::vector<Tensor>& run : inputs) results.push_back(evaluate(graph, run, {.states = &states}));
  return results;
}

}  // namespace hone
