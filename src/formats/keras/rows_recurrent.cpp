#include <algorithm>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/recurrent.h"

namespace hone::keras {

namespace {

/// One direction of a layer: what it computes, before anybody picks the last step or the whole sequence.
struct Sweep {
  ValueId sequence;             ///< [B, T, H], in the input's order
  std::vector<ValueId> states;  ///< [B, H] each: h, and c of an LSTM
};

/// Blocks of the last axis in another order, then transposed: [I, G·H] → [1, G·H, I].
Tensor gates(const Tensor& kernel, std::span<const int64_t> order) {
  const int64_t count = static_cast<int64_t>(order.size()), inputs = kernel.dim(0), hidden = kernel.dim(1) / count;
  const Tensor rows = permuted(kernel, {1, 0});  // [G·H, I]
  Tensor out = Tensor::empty(DType::kF32, {1, kernel.dim(1), inputs});
  const int64_t block = hidden * inputs;
  for (int64_t g = 0; g < count; ++g)
    std::copy_n(rows.data<float>().begin() + order[static_cast<size_t>(g)] * block, block,
                out.mutable_data<float>().begin() + g * block);
  return out;
}

/// Name of an activation in the recurrent operators, with its constants.
std::string gate_activation(const Layer& l, const Json& config, std::string_view key, std::string_view otherwise) {
  const Json* value = config.find(key);
  const std::string name = value ? activation_name(value) : std::string(otherwise);
  struct Row {
    std::string_view keras, hone;
  };
  static constexpr Row kRows[] = {{"tanh", "Tanh"},         {"sigmoid", "Sigmoid"},   {"relu", "Relu"},
                                  {"softsign", "Softsign"}, {"softplus", "Softplus"}, {"hard_sigmoid", "HardSigmoid"}};
  for (const Row& row : kRows)
    if (row.keras == name && (name != "hard_sigmoid" || l.version < 3)) return std::string(row.hone);
  throw unsupported(cat("activation '", name, "' in a recurrent layer"));
}

struct Cell {
  std::string_view type;
  std::vector<int64_t> order;  ///< hone's gate g is Keras's gate order[g]
};

const Cell& cell_of(std::string_view type) {
  static const Cell kCells[] = {{"SimpleRNN", {0}}, {"GRU", {0, 1, 2}}, {"LSTM", {0, 3, 1, 2}}};
  for (const Cell& cell : kCells)
    if (cell.type == type) return cell;
  throw unsupported(cat("a recurrent layer of type ", type));
}

/// Biases of input and state, one after the other: [1, 2·G·H].
Tensor biases(const Tensor& bias, std::span<const int64_t> order, int64_t hidden) {
  const int64_t all = hidden * static_cast<int64_t>(order.size());
  Tensor out = Tensor::zeros(DType::kF32, {1, 2 * all});
  for (int64_t at = 0; at < bias.elements(); at += all)
    for (size_t g = 0; g < order.size(); ++g)
      std::copy_n(bias.data<float>().begin() + at + order[g] * hidden, hidden,
                  out.mutable_data<float>().begin() + at + static_cast<int64_t>(g) * hidden);
  return out;
}

Sweep sweep(Layer& l, const std::string& type, const Json& config, std::vector<Part> parts, bool is_reverse,
            std::span<const ValueId> initial) {
  const Layer inner{l.graph, l.weights, l.version, type, l.name, config, l.place, l.parts, {}, {}, {}};
  if (inner.flag("stateful", false)) throw unsupported("a recurrent layer that keeps its state between runs");
  const Cell& cell = cell_of(type);
  const int64_t hidden = inner.integer("units", 1), all = checked_mul(hidden, static_cast<int64_t>(cell.order.size()));
  parts.push_back({"", "cell"});
  const bool is_reset_after = type == "GRU" && inner.flag("reset_after", l.version >= 2);
  const Tensor kernel = l.weight("kernel", 0, {l.dim(l.x(), -1), all}, parts);
  const Tensor recurrent = l.weight("recurrent_kernel", 1, {hidden, all}, parts);
  const std::string word = is_reverse ? "backward_" : "";
  std::vector<ValueId> inputs{l.x(), l.constant(gates(kernel, cell.order), cat(word, "kernel")),
                              l.constant(gates(recurrent, cell.order), cat(word, "recurrent_kernel"))};
  ValueId bias;
  if (inner.flag("use_bias", true)) {
    const Tensor b = l.weight("bias", 2, is_reset_after ? Dims{2, all} : Dims{all}, parts);
    bias = l.constant(biases(b, cell.order, hidden), cat(word, "bias"));
  }
  inputs.insert(inputs.end(), {bias, ValueId{}});
  for (const ValueId state : initial) inputs.push_back(l.add(Unsqueeze{}, {state, l.ints_constant({1}, "axes")}));

  const std::string act = gate_activation(l, config, "activation", "tanh");
  const std::string gate = type == "SimpleRNN" ? "" : gate_activation(l, config, "recurrent_activation", "sigmoid");
  const Direction direction = is_reverse ? Direction::reverse : Direction::forward;
  std::vector<ValueId> made;
  if (type == "LSTM")
    made = l.add_many(
        Lstm{.hidden_size = hidden, .direction = direction, .batch_first = true, .activations = {gate, act, act}},
        inputs, 3);
  else if (type == "GRU")
    made = l.add_many(Gru{.hidden_size = hidden,
                          .direction = direction,
                          .batch_first = true,
                          .activations = {gate, act},
                          .linear_before_reset = is_reset_after},
                      inputs, 2);
  else
    made = l.add_many(Rnn{.hidden_size = hidden, .direction = direction, .batch_first = true, .activations = {act}},
                      inputs, 2);
  Sweep out{l.add(Squeeze{}, {made[0], l.ints_constant({2}, "axes")}), {}};
  for (size_t i = 1; i < made.size(); ++i)
    out.states.push_back(l.add(Squeeze{}, {made[i], l.ints_constant({1}, "axes")}));
  return out;
}

void read_recurrent(Layer& l) {
  const bool is_reverse = l.flag("go_backwards", false);
  const std::span<const ValueId> initial(l.in.begin() + (l.in.empty() ? 0 : 1), l.in.end());
  const Sweep s = sweep(l, l.type, l.config, {}, is_reverse, initial);
  // Keras gives the steps in the order in which it took them.
  const ValueId sequence = is_reverse ? l.add(Reverse{}, {s.sequence, l.ints_constant({1}, "axes")}) : s.sequence;
  l.emit(l.flag("return_sequences", false) ? sequence : s.states[0]);
  if (l.flag("return_state", false))
    for (const ValueId state : s.states) l.emit(state);
}

struct Wrapped {
  std::string type;
  const Json* config;
};
Wrapped wrapped(const Layer& l, std::string_view key) {
  const Json* layer = l.config.find(key);
  const Json* type = layer ? layer->find("class_name") : nullptr;
  const Json* config = layer ? layer->find("config") : nullptr;
  if (!type || !config) throw invalid_model(cat("has no '", key, "'"));
  return {type->as_string(), config};
}

ValueId merged(Layer& l, const std::string& mode, ValueId a, ValueId b) {
  if (mode == "concat") return l.add(Concat{.axis = l.rank(a) - 1}, {a, b});
  if (mode == "sum") return l.add(Add{}, {a, b});
  if (mode == "mul") return l.add(Mul{}, {a, b});
  if (mode == "ave") return l.add(Mul{}, {l.add(Add{}, {a, b}), l.constant(Tensor::of<float>({}, {0.5f}), "half")});
  throw unsupported(cat("merge mode '", mode, "'"));
}

void read_bidirectional(Layer& l) {
  if (l.in.size() != 1) throw unsupported("a bidirectional layer with first states");
  const Wrapped inner = wrapped(l, "layer");
  const Sweep forward = sweep(l, inner.type, *inner.config, {{"forward", "forward_layer"}}, false, {});
  const Sweep backward = sweep(l, inner.type, *inner.config, {{"backward", "backward_layer"}}, true, {});
  const Json* sequences = inner.config->find("return_sequences");
  const bool is_sequence = sequences && sequences->as_bool();
  const Json* state = inner.config->find("return_state");
  if (state && state->as_bool()) throw unsupported("a bidirectional layer that returns its states");
  l.emit(merged(l, l.text("merge_mode", "concat"), is_sequence ? forward.sequence : forward.states[0],
                is_sequence ? backward.sequence : backward.states[0]));
}

/// The inner layer sees all steps of all samples as one batch.
void read_time_distributed(Layer& l) {
  const Wrapped inner = wrapped(l, "layer");
  const LayerRow* row = find_row(inner.type);
  if (!row) throw unsupported(cat("a layer of class ", inner.type));
  const int64_t rank = l.rank(l.x()), steps = l.dim(l.x(), 1);
  std::vector<int64_t> flat{-1};
  for (int64_t i = 2; i < rank; ++i) flat.push_back(l.dim(l.x(), i));
  std::vector<Part> parts = l.parts;
  parts.push_back({"", "layer"});
  Layer step{l.graph, l.weights, l.version, inner.type, l.name, *inner.config, l.place, parts, {l.reshape(l.x(), flat)},
             {},      {}};
  row->read(step);
  std::vector<int64_t> dims{-1, steps};
  for (int64_t i = 1; i < l.rank(step.out.at(0)); ++i) dims.push_back(l.dim(step.out[0], i));
  l.emit(l.reshape(step.out[0], dims));
}

constexpr LayerRow kRows[] = {
    {"LSTM", read_recurrent},
    {"GRU", read_recurrent},
    {"SimpleRNN", read_recurrent},
    {"Bidirectional", read_bidirectional},
    {"TimeDistributed", read_time_distributed},
};

}  // namespace

std::span<const LayerRow> recurrent_rows() { return kRows; }

}  // namespace hone::keras
