// LSTM and GRU in f32: the input's share of the gates for all steps in one product, then step by step.
#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "ops/recurrent.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// What one direction holds: packed matrices of `gates` · hidden columns.
struct Weights {
  std::unique_ptr<DenseF32> input;       // x → gates, biases included
  std::vector<AlignedBuffer> recurrent;  // h → gates, in the parts that a step multiplies
};

struct Layer {
  int64_t time, batch, input, hidden, gates, directions;
  bool is_reverse;
  std::vector<Weights> weights;
  const KernelTable* table;
  const GemmF32Variant* gemm;
  // Scratch, in floats from its start: gates of all steps, gates of one step, work, state.
  int64_t all_gates, step_gates, work, state;

  void multiply(const float* h, const AlignedBuffer& b, int64_t columns, float* y, int64_t y_stride, const float* add,
                int64_t add_stride) const {
    gemm->run({batch, columns, hidden, h, hidden, b.as<float>(), y, y_stride, {-kInf, kInf, add, add_stride}});
  }
};

template <class Op>
bool is_plain(const Op& op) {
  return op.activations.empty() && op.clip == 0 && !op.batch_first;
}

// x, w, r, b?, no lengths; states may be given.
template <class Op>
std::shared_ptr<Layer> layer_of(const KernelRequest& r, const KernelTable& table, const Op& op, int64_t gates) {
  if (!r.is_static() || !is_plain(op) || !is_f32(r.input(0)) || !is_f32(r.output()) || r.has_input(4)) return nullptr;
  const Tensor w = constant_f32(r, 1);
  const Tensor rec = constant_f32(r, 2);
  if (!w.exists() || !rec.exists() || (r.has_input(3) && !r.constant(3).exists())) return nullptr;
  const Dims x = r.input(0).shape.dims();
  auto l = std::make_shared<Layer>();
  l->time = x[0];
  l->batch = x[1];
  l->input = x[2];
  l->hidden = rec.dim(2);
  l->gates = gates;
  l->directions = w.dim(0);
  l->is_reverse = op.direction == Direction::reverse;
  l->table = &table;
  l->gemm = &gemm_f32_of(table);
  const int64_t width = gates * l->hidden;
  if (l->time * l->batch * l->input * l->hidden == 0) return nullptr;
  const auto floats = [](int64_t n) { return align_64(n * 4) / 4; };
  l->all_gates = 0;
  l->step_gates = floats(l->time * l->batch * width);
  l->work = l->step_gates + floats(l->batch * width);
  l->state = l->work + 2 * floats(l->batch * l->hidden);
  return l;
}

// The input's product of direction d with `bias` ([gates · hidden]).
std::unique_ptr<DenseF32> input_product(const KernelRequest& r, const Layer& l, int64_t d, const float* bias) {
  const Tensor w = constant_f32(r, 1);
  const ConvShape shape{
      .in_w = l.time * l.batch, .in_c = l.input, .out_w = l.time * l.batch, .out_c = l.gates * l.hidden};
  return std::make_unique<DenseF32>(*l.gemm, shape, w.data<float>().data() + d * l.gates * l.hidden * l.input, bias,
                                    r.threads);
}

// Rows [from, from + columns) of direction d's recurrent matrix, and a bias or null.
AlignedBuffer recurrent_part(const KernelRequest& r, const Layer& l, int64_t d, int64_t from, int64_t columns,
                             const float* bias) {
  const Tensor rec = constant_f32(r, 2);
  const float* rows = rec.data<float>().data() + (d * l.gates * l.hidden + from) * l.hidden;
  AlignedBuffer packed(static_cast<size_t>(packed_f32_size(*l.gemm, l.hidden, columns)) * 4);
  pack_f32(*l.gemm, {rows, 1, l.hidden, l.hidden, columns}, bias, packed.as<float>());
  return packed;
}

// Halves of direction d's bias: input's and recurrent's, zeros when absent.
std::pair<std::vector<float>, std::vector<float>> biases_of(const KernelRequest& r, const Layer& l, int64_t d) {
  const auto width = static_cast<size_t>(l.gates * l.hidden);
  std::vector<float> wb(width), rb(width);
  if (const Tensor b = constant_f32(r, 3); b.exists()) {
    const float* p = b.data<float>().data() + d * 2 * static_cast<int64_t>(width);
    std::copy_n(p, width, wb.begin());
    std::copy_n(p + width, width, rb.begin());
  }
  return {wb, rb};
}

int64_t scratch_of(const Layer& l, int64_t states) {
  int64_t inner = 0;
  for (const Weights& w : l.weights) inner = std::max(inner, w.input->scratch_bytes());
  return align_64((l.state + states * (align_64(l.batch * l.hidden * 4) / 4)) * 4) + inner;
}

const float* optional_input(const RunContext& c, size_t i, int64_t at) {
  if (i >= c.inputs.size() || c.inputs[i] == nullptr || !c.inputs[i]->exists()) return nullptr;
  return in<float>(c, i) + at;
}

void load_state(float* state, const float* given, int64_t n) {
  if (given == nullptr) {
    std::fill(state, state + n, 0.0f);
  } else {
    std::copy(given, given + n, state);
  }
}

void store_state(const RunContext& c, size_t output, const float* state, int64_t at, int64_t n) {
  if (output >= c.outputs.size() || c.outputs[output] == nullptr) return;
  std::copy(state, state + n, out<float>(c, output) + at);
}

// One direction: calls step(gates of the time step, h: [batch, hidden] in and out), then files h under y.
template <class F>
void run_direction(const RunContext& c, const Layer& l, int64_t d, int64_t scratch_used, const F& step) {
  auto* floats = static_cast<float*>(c.scratch);
  auto* inner = static_cast<std::byte*>(c.scratch) + scratch_used;
  float* h = floats + l.state;
  const int64_t n = l.batch * l.hidden;
  l.weights[static_cast<size_t>(d)].input->run(
      {in<float>(c, 0), floats + l.all_gates, nullptr, -kInf, kInf, c.pool, inner});
  load_state(h, optional_input(c, 5, d * n), n);
  for (int64_t i = 0; i < l.time; ++i) {
    const int64_t t = l.is_reverse || d == 1 ? l.time - 1 - i : i;
    step(floats + l.all_gates + t * l.batch * l.gates * l.hidden, h);
    std::copy(h, h + n, out<float>(c) + (t * l.directions + d) * n);
  }
  store_state(c, 1, h, d * n, n);
}

}  // namespace

std::unique_ptr<Step> make_lstm_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<Lstm>();
  if (op.input_forget || r.has_input(7)) return nullptr;
  const auto l = layer_of(r, table, op, 4);
  if (!l) return nullptr;
  for (int64_t d = 0; d < l->directions; ++d) {
    auto [bias, recurrent_bias] = biases_of(r, *l, d);
    for (size_t i = 0; i < bias.size(); ++i) bias[i] += recurrent_bias[i];
    Weights w;
    w.input = input_product(r, *l, d, bias.data());
    w.recurrent.push_back(recurrent_part(r, *l, d, 0, 4 * l->hidden, nullptr));
    l->weights.push_back(std::move(w));
  }
  const int64_t own = scratch_of(*l, 2) - [&] {
    int64_t inner = 0;
    for (const Weights& w : l->weights) inner = std::max(inner, w.input->scratch_bytes());
    return inner;
  }();
  return make_step(
      [l, own](RunContext& c) {
        const int64_t n = l->batch * l->hidden;
        float* gates = static_cast<float*>(c.scratch) + l->step_gates;
        float* cell = static_cast<float*>(c.scratch) + l->state + align_64(n * 4) / 4;
        for (int64_t d = 0; d < l->directions; ++d) {
          load_state(cell, optional_input(c, 6, d * n), n);
          const AlignedBuffer& recurrent = l->weights[static_cast<size_t>(d)].recurrent[0];
          run_direction(c, *l, d, own, [&](const float* x, float* h) {
            l->multiply(h, recurrent, 4 * l->hidden, gates, 4 * l->hidden, x, 4 * l->hidden);
            for (int64_t b = 0; b < l->batch; ++b) {
              l->table->lstm_cell({l->hidden, gates + b * 4 * l->hidden, cell + b * l->hidden, h + b * l->hidden});
            }
          });
          store_state(c, 2, cell, d * n, n);
        }
      },
      scratch_of(*l, 2));
}

// Gates z, r, h. linear_before_reset: h' = tanh(x_h + r · (h R + b)), else tanh(x_h + (r · h) R + b);
// next h = h' + z · (h − h').
std::unique_ptr<Step> make_gru_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<Gru>();
  const auto l = layer_of(r, table, op, 3);
  if (!l) return nullptr;
  const bool is_linear_first = op.linear_before_reset;
  for (int64_t d = 0; d < l->directions; ++d) {
    auto [bias, recurrent_bias] = biases_of(r, *l, d);
    const size_t joined = static_cast<size_t>(l->hidden * (is_linear_first ? 2 : 3));
    for (size_t i = 0; i < joined; ++i) bias[i] += recurrent_bias[i];
    Weights w;
    w.input = input_product(r, *l, d, bias.data());
    w.recurrent.push_back(recurrent_part(r, *l, d, 0, 2 * l->hidden, nullptr));
    const float* own_bias = is_linear_first ? recurrent_bias.data() + 2 * l->hidden : nullptr;
    w.recurrent.push_back(recurrent_part(r, *l, d, 2 * l->hidden, l->hidden, own_bias));
    l->weights.push_back(std::move(w));
  }
  int64_t inner = 0;
  for (const Weights& w : l->weights) inner = std::max(inner, w.input->scratch_bytes());
  const int64_t own = scratch_of(*l, 1) - inner;
  return make_step(
      [l, own, is_linear_first](RunContext& c) {
        const KernelTable& t = *l->table;
        const auto mul = t.binary[static_cast<int>(Binary::kMul)];
        const auto add = t.binary[static_cast<int>(Binary::kAdd)];
        const auto sub = t.binary[static_cast<int>(Binary::kSub)];
        const int64_t hidden = l->hidden;
        float* gates = static_cast<float*>(c.scratch) + l->step_gates;  // [batch, 2 · hidden]
        float* next = static_cast<float*>(c.scratch) + l->work;         // [batch, hidden]
        float* reset = next + align_64(l->batch * hidden * 4) / 4;      // [batch, hidden]
        for (int64_t d = 0; d < l->directions; ++d) {
          const Weights& w = l->weights[static_cast<size_t>(d)];
          run_direction(c, *l, d, own, [&](const float* x, float* h) {
            l->multiply(h, w.recurrent[0], 2 * hidden, gates, 2 * hidden, x, 3 * hidden);
            t.unary[static_cast<int>(Unary::kSigmoid)](gates, gates, l->batch * 2 * hidden, 0, 0);
            if (is_linear_first) l->multiply(h, w.recurrent[1], hidden, next, hidden, nullptr, 0);
            for (int64_t b = 0; b < l->batch; ++b) {
              const float* r_gate = gates + (b * 2 + 1) * hidden;
              if (is_linear_first) {
                mul(r_gate, next + b * hidden, next + b * hidden, hidden, -kInf, kInf);
                add(x + (b * 3 + 2) * hidden, next + b * hidden, next + b * hidden, hidden, -kInf, kInf);
              } else {
                mul(r_gate, h + b * hidden, reset + b * hidden, hidden, -kInf, kInf);
              }
            }
            if (!is_linear_first) {
              l->multiply(reset, w.recurrent[1], hidden, next, hidden, x + 2 * hidden, 3 * hidden);
            }
            t.unary[static_cast<int>(Unary::kTanh)](next, next, l->batch * hidden, 0, 0);
            for (int64_t b = 0; b < l->batch; ++b) {
              float* state = h + b * hidden;
              sub(state, next + b * hidden, state, hidden, -kInf, kInf);
              mul(gates + b * 2 * hidden, state, state, hidden, -kInf, kInf);
              add(next + b * hidden, state, state, hidden, -kInf, kInf);
            }
          });
        }
      },
      scratch_of(*l, 1));
}

}  // namespace hone::cpu
