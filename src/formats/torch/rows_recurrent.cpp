#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "ops/movement.h"
#include "ops/recurrent.h"

namespace hone::torch {

namespace {

/// A kind of recurrent layer: torch's gates in the order in which the canonical operator has them.
struct Gates {
  std::vector<int64_t> order;
};
const Gates& lstm_gates() {
  static const Gates gates{{0, 3, 1, 2}};  // i f g o → i o f g
  return gates;
}
const Gates& gru_gates() {
  static const Gates gates{{1, 0, 2}};  // r z n → z r n
  return gates;
}
const Gates& rnn_gates() {
  static const Gates gates{{0}};
  return gates;
}

/// Rows [G·H, …] with the gates reordered, as bytes behind `to`.
void append_gates(Call& n, ValueId id, const Gates& gates, std::vector<float>& to) {
  const Tensor* known = n.constant(id);
  if (!known || known->dtype() != DType::kF32)
    throw unsupported("weights of a recurrent layer that the program computes");
  const auto count = static_cast<int64_t>(gates.order.size());
  if (known->rank() < 1 || known->dim(0) % count != 0)
    throw invalid_model(cat(known->dim(0), " rows for ", count, " gates"));
  const std::vector<double> all = to_doubles(*known);
  const size_t part = all.size() / gates.order.size();
  for (const int64_t gate : gates.order)
    for (size_t i = 0; i < part; ++i) to.push_back(static_cast<float>(all[static_cast<size_t>(gate) * part + i]));
}

/// One layer's weights in both directions.
struct LayerWeights {
  ValueId w, r, b;
  int64_t hidden = 0;
};

class Recurrent {
 public:
  Recurrent(Call& n, const Gates& gates) : n_(n), gates_(gates), params_(n.tensors("params")) {
    has_bias_ = n.flag("has_biases");
    layers_ = n.integer("num_layers");
    directions_ = n.flag("bidirectional") ? 2 : 1;
    const auto each = static_cast<int64_t>(has_bias_ ? 4 : 2);
    if (layers_ < 1 || layers_ > 1024 || static_cast<int64_t>(params_.size()) != each * layers_ * directions_)
      throw unsupported(
          cat(params_.size(), " weights for ", layers_, " layers of ", directions_, " directions (a projection?)"));
    if (n.flag("train") && n.real("dropout") != 0)
      throw unsupported("dropout in training", "call model.eval() before saving");
  }

  /// x: [T, B, I]; states: [layers · D, B, H] each. `add` makes one layer's node → (y: [T, D, B, H], h…).
  template <class Add>
  void run(ValueId x, const std::vector<ValueId>& states, Add&& add) {
    std::vector<std::vector<ValueId>> last(states.size());
    for (int64_t layer = 0; layer < layers_; ++layer) {
      const LayerWeights weights = layer_weights(layer);
      std::vector<ValueId> initial;
      for (const ValueId state : states)
        initial.push_back(layers_ == 1
                              ? state
                              : n_.add(Slice{}, {state, n_.ints_value({layer * directions_}),
                                                 n_.ints_value({(layer + 1) * directions_}), n_.ints_value({0})}));
      const std::vector<ValueId> made = add(x, weights, initial, directions_ == 2);
      const ValueId apart = n_.transpose(made[0], {0, 2, 1, 3});
      x = n_.reshape(apart, {n_.dim(apart, 0), n_.dim(apart, 1), directions_ * weights.hidden});
      for (size_t i = 0; i < last.size(); ++i) last[i].push_back(made[i + 1]);
    }
    std::vector<ValueId> out{n_.flag("batch_first") ? n_.transpose(x, {1, 0, 2}) : x};
    for (const auto& parts : last) out.push_back(parts.size() == 1 ? parts[0] : n_.add(Concat{.axis = 0}, parts));
    n_.emit_all(out);
  }

  ValueId input() {
    const ValueId x = n_.x();
    if (n_.rank(x) != 3) throw unsupported(cat("a sequence of rank ", n_.rank(x)));
    return n_.flag("batch_first") ? n_.transpose(x, {1, 0, 2}) : x;
  }

 private:
  LayerWeights layer_weights(int64_t layer) {
    std::vector<float> w, r, b;
    LayerWeights out;
    int64_t inputs = 0;
    for (int64_t d = 0; d < directions_; ++d) {
      const size_t first = static_cast<size_t>((layer * directions_ + d) * (has_bias_ ? 4 : 2));
      if (n_.rank(params_[first]) != 2 || n_.rank(params_[first + 1]) != 2)
        throw invalid_model("weights that are no matrices");
      inputs = n_.dim(params_[first], 1), out.hidden = n_.dim(params_[first + 1], 1);
      append_gates(n_, params_[first], gates_, w);
      append_gates(n_, params_[first + 1], gates_, r);
      if (has_bias_) append_gates(n_, params_[first + 2], gates_, b), append_gates(n_, params_[first + 3], gates_, b);
    }
    const int64_t rows = static_cast<int64_t>(gates_.order.size()) * out.hidden;
    out.w = n_.add_constant(Tensor::of<float>({directions_, rows, inputs}, w));
    out.r = n_.add_constant(Tensor::of<float>({directions_, rows, out.hidden}, r));
    if (has_bias_) out.b = n_.add_constant(Tensor::of<float>({directions_, 2 * rows}, b));
    return out;
  }

  Call& n_;
  const Gates& gates_;
  std::vector<ValueId> params_;
  bool has_bias_ = false;
  int64_t layers_ = 1, directions_ = 1;
};

Direction direction(bool is_both) { return is_both ? Direction::bidirectional : Direction::forward; }

void read_lstm(Call& n) {
  if (n.is_tensor("hx")) throw unsupported("a packed sequence");
  Recurrent layers(n, lstm_gates());
  const std::vector<ValueId> states = n.tensors("hx");
  if (states.size() != 2) throw invalid_model(cat("an LSTM with ", states.size(), " states"));
  layers.run(layers.input(), states,
             [&](ValueId x, const LayerWeights& w, const std::vector<ValueId>& initial, bool is_both) {
               return n.add_many(Lstm{.hidden_size = w.hidden, .direction = direction(is_both)},
                                 {x, w.w, w.r, w.b, {}, initial[0], initial[1]}, 3);
             });
}
void read_gru(Call& n) {
  if (is<List*>(n.arg("params")) == false) throw unsupported("a packed sequence");
  Recurrent layers(n, gru_gates());
  layers.run(layers.input(), {n.x("hx")},
             [&](ValueId x, const LayerWeights& w, const std::vector<ValueId>& initial, bool is_both) {
               return n.add_many(
                   Gru{.hidden_size = w.hidden, .direction = direction(is_both), .linear_before_reset = true},
                   {x, w.w, w.r, w.b, {}, initial[0]}, 2);
             });
}
void rnn(Call& n, const std::string& activation) {
  Recurrent layers(n, rnn_gates());
  layers.run(layers.input(), {n.x("hx")},
             [&](ValueId x, const LayerWeights& w, const std::vector<ValueId>& initial, bool is_both) {
               return n.add_many(Rnn{.hidden_size = w.hidden,
                                     .direction = direction(is_both),
                                     .activations = std::vector<std::string>(is_both ? 2 : 1, activation)},
                                 {x, w.w, w.r, w.b, {}, initial[0]}, 2);
             });
}
void read_rnn_tanh(Call& n) { rnn(n, "Tanh"); }
void read_rnn_relu(Call& n) { rnn(n, "Relu"); }

constexpr std::string_view kLayers = "self hx params has_biases num_layers dropout train bidirectional batch_first";

constexpr OpRow kRows[] = {
    {"lstm", kLayers, read_lstm},
    {"gru", kLayers, read_gru},
    {"rnn_tanh", kLayers, read_rnn_tanh},
    {"rnn_relu", kLayers, read_rnn_relu},
};

}  // namespace

std::span<const OpRow> recurrent_rows() { return kRows; }

}  // namespace hone::torch
