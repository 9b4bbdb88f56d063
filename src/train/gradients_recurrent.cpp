#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/recurrent.h"
#include "ops/unary.h"
#include "train/composition.h"
#include "train/gradient_rows.h"

namespace hone {
namespace {

/// h: [B,H], and c where the cell has one.
struct CellState {
  ValueId h, c;
};

/// One direction of a recurrent layer, written step by step.
struct Unrolled {
  Backward& b;
  int64_t hidden;
  ValueId r, input_bias, state_bias;  ///< [G·H,H], [G·H]; biases may not exist()
  ValueId peephole;                   ///< [3·H]; may not exist()

  /// Rows of gate g.
  ValueId gate(ValueId v, int64_t g) const { return b.part(v, b.rank(v) - 1, g * hidden, hidden); }
  ValueId biased(ValueId v, ValueId bias) const { return bias.exists() ? b.add(v, bias) : v; }
  /// h·rᵀ + bias: [B,G·H].
  ValueId recurrent(ValueId h) const { return biased(b.apply(MatMul{.transpose_b = true}, {h, r}), state_bias); }
  ValueId sigmoid(ValueId v) const { return b.apply(Sigmoid{}, {v}); }
  ValueId tanh(ValueId v) const { return b.apply(Tanh{}, {v}); }
  ValueId one_minus(ValueId v) const { return b.plus(b.neg(v), 1); }

  /// `x`: [B,G·H], the input's share with its bias.
  CellState step(const Rnn&, ValueId x, CellState s) const { return {tanh(b.add(x, recurrent(s.h))), {}}; }

  CellState step(const Gru& op, ValueId x, CellState s) const {
    const ValueId all = recurrent(s.h);
    const ValueId update = sigmoid(b.add(gate(x, 0), gate(all, 0)));
    const ValueId reset = sigmoid(b.add(gate(x, 1), gate(all, 1)));
    const ValueId past = op.linear_before_reset ? b.mul(reset, gate(all, 2)) : gate(recurrent(b.mul(reset, s.h)), 2);
    const ValueId candidate = tanh(b.add(gate(x, 2), past));
    return {b.add(b.mul(one_minus(update), candidate), b.mul(update, s.h)), {}};
  }

  CellState step(const Lstm& op, ValueId x, CellState s) const {
    const ValueId all = b.add(x, recurrent(s.h));
    const auto seen = [&](int64_t g, int64_t which, ValueId c) {
      const ValueId v = gate(all, g);
      return sigmoid(peephole.exists() ? b.add(v, b.mul(gate(peephole, which), c)) : v);
    };
    const ValueId input = seen(0, 0, s.c), candidate = tanh(gate(all, 3));
    const ValueId forget = op.input_forget ? one_minus(input) : seen(2, 2, s.c);
    const ValueId c = b.add(b.mul(forget, s.c), b.mul(input, candidate));
    return {b.mul(seen(1, 1, c), tanh(c)), c};
  }
};

/// Row `d` of the first axis, without it; does not exist() where v does not.
ValueId row(Backward& b, ValueId v, int64_t d) {
  if (!v.exists()) return {};
  Dims dims = b.dims(v);
  dims.erase(dims.begin());
  return b.reshape(b.part(v, 0, d, 1), dims);
}

ValueId joined(Backward& b, std::vector<ValueId> parts, int64_t axis) {
  return parts.size() == 1 ? parts[0] : b.apply(Concat{.axis = axis}, std::move(parts));
}

template <class Op>
std::vector<ValueId> unrolled(Backward& b, std::span<const ValueId> in) {
  const Op& op = b.op<Op>();
  const auto input = [&](size_t i) { return i < in.size() ? in[i] : ValueId{}; };
  const auto state = [&](size_t i) {
    return op.batch_first && input(i).exists() ? b.transpose(input(i), {1, 0, 2}) : input(i);
  };
  const ValueId x = op.batch_first ? b.transpose(in[0], {1, 0, 2}) : in[0], h0 = state(5), c0 = state(6);
  const int64_t time = b.dims(x)[0], batch = b.dims(x)[1], hidden = b.dims(in[2])[2];
  const int64_t directions = b.dims(in[1])[0], rows = b.dims(in[1])[1];
  std::vector<ValueId> all, last_h, last_c;
  for (int64_t d = 0; d < directions; ++d) {
    Unrolled layer{b, hidden, row(b, in[2], d), {}, {}, row(b, input(7), d)};
    if (const ValueId bias = row(b, input(3), d); bias.exists()) {
      layer.input_bias = b.part(bias, 0, 0, rows);
      layer.state_bias = b.part(bias, 0, rows, rows);
    }
    const ValueId share =
        layer.biased(b.apply(MatMul{.transpose_b = true}, {x, row(b, in[1], d)}), layer.input_bias);  // [T,B,G·H]
    const auto begin = [&](ValueId v) { return v.exists() ? row(b, v, d) : b.zeros({batch, hidden}); };
    CellState s{begin(h0), begin(c0)};
    std::vector<ValueId> steps(static_cast<size_t>(time));
    const bool is_reverse = op.direction == Direction::reverse || d == 1;
    for (int64_t k = 0; k < time; ++k) {
      const int64_t t = is_reverse ? time - 1 - k : k;
      s = layer.step(op, row(b, share, t), s);
      steps[static_cast<size_t>(t)] = b.reshape(s.h, {1, 1, batch, hidden});
    }
    all.push_back(joined(b, std::move(steps), 0));
    last_h.push_back(b.reshape(s.h, {1, batch, hidden}));
    if (s.c.exists()) last_c.push_back(b.reshape(s.c, {1, batch, hidden}));
  }
  std::vector<ValueId> out{joined(b, std::move(all), 1), joined(b, std::move(last_h), 0)};
  if (std::is_same_v<Op, Lstm>) out.push_back(joined(b, std::move(last_c), 0));
  if (op.batch_first) {
    out[0] = b.transpose(out[0], {2, 0, 1, 3});
    for (size_t i = 1; i < out.size(); ++i) out[i] = b.transpose(out[i], {1, 0, 2});
  }
  out.resize(b.node().outputs.size());
  return out;
}

/// Back through time: Werbos, Backpropagation Through Time, 1990.
template <class Op>
void recurrent(Backward& b) {
  const Op& op = b.op<Op>();
  if (!op.activations.empty() || !op.activation_alpha.empty() || !op.activation_beta.empty())
    b.refuse("with functions of its own in the gates");
  if (op.clip != 0) b.refuse("where it clips");
  if (b.has(4)) b.refuse("of sequences of several lengths");
  if (b.dims(b.x())[op.batch_first ? 1 : 0] == 0) b.refuse("of no steps");
  give_by_composition(b, [&](std::span<const ValueId> in) { return unrolled<Op>(b, in); });
}

constexpr GradientRow kRows[] = {
    {&Gru::def, recurrent<Gru>, weights({1, 2, 3})},
    {&Lstm::def, recurrent<Lstm>, weights({1, 2, 3, 7})},
    {&Rnn::def, recurrent<Rnn>, weights({1, 2, 3})},
};

}  // namespace

std::span<const GradientRow> recurrent_gradients() { return kRows; }

}  // namespace hone
