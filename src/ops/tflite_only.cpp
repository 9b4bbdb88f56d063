#include "ops/tflite_only.h"

#include <algorithm>
#include <cmath>

#include "ops/kernel.h"
#include "ops/sequence_lstm_q.h"

namespace hone {
namespace {

float activated(CellActivation activation, float v) {
  switch (activation) {
    case CellActivation::none:
      return v;
    case CellActivation::relu:
      return std::max(v, 0.0f);
    case CellActivation::relu6:
      return std::clamp(v, 0.0f, 6.0f);
    case CellActivation::tanh:
      return std::tanh(v);
    case CellActivation::sigmoid:
      return 1 / (1 + std::exp(-v));
  }
  return v;
}

float clipped(float v, float limit) { return limit > 0 ? std::clamp(v, -limit, limit) : v; }

constexpr size_t kGates = 4;

/// Throws unless input i, when present and known, has shape `dims`; −1 matches anything.
void require_dims(std::string_view op, const InferContext& ctx, size_t i, const Dims& dims) {
  if (!ctx.has_input(i)) return;
  const Shape& shape = ctx.shape(i);
  if (!shape.has_rank()) return;
  bool fits = shape.rank() == static_cast<int64_t>(dims.size());
  for (size_t k = 0; fits && k < dims.size(); ++k) {
    const Dim& d = shape[static_cast<int64_t>(k)];
    fits = dims[k] < 0 || !d.is_known() || d.value() == dims[k];
  }
  if (!fits) throw op_error(op, cat("input ", i, " has shape ", shape, ", expected ", dims));
}

/// Size of one axis of an input, −1 when unknown.
int64_t size_at(std::string_view op, const InferContext& ctx, size_t i, int64_t axis, int64_t rank) {
  const Shape& shape = ctx.shape(i);
  if (!shape.has_rank()) return -1;
  if (shape.rank() != rank) throw op_error(op, cat("input ", i, " has shape ", shape, ", expected rank ", rank));
  return shape[axis].is_known() ? shape[axis].value() : -1;
}

/// [T,B,last] or [B,T,last] after x.
void output_sequence(InferContext& ctx, int64_t last) {
  Shape y = Shape::unknown_of_rank(3);
  if (ctx.shape(0).has_rank()) {
    y[0] = ctx.shape(0)[0];
    y[1] = ctx.shape(0)[1];
  }
  y[2] = Dim(last);
  ctx.output(0, DType::kF32, y);
}

/// The state that input `from` holds before, where the node gives it.
void output_state(InferContext& ctx, size_t i, size_t from) {
  if (i < ctx.output_count()) ctx.output(i, DType::kF32, ctx.shape(from));
}

void infer_lstm(InferContext& ctx) {
  constexpr std::string_view kOp = SequenceLstm::kName;
  if (const size_t scales = ctx.attrs<SequenceLstm>().gate_scales.size(); scales != 0 && scales != kGates)
    throw op_error(kOp, cat("found ", scales, " gate scales, expected 4"));
  for (const size_t i :
       {kInputWeights + 1, kInputWeights + 2, kInputWeights + 3, kRecurrentWeights + 1, kRecurrentWeights + 2,
        kRecurrentWeights + 3, kBiases + 1, kBiases + 2, kBiases + 3, size_t(kOutputState), size_t(kCellState)})
    if (!ctx.has_input(i)) throw op_error(kOp, cat("input ", i, " is absent"));
  if (ctx.has_input(kInputWeights) != ctx.has_input(kRecurrentWeights))
    throw op_error(kOp, "the input gate has one of its two weights");
  const int64_t in = size_at(kOp, ctx, kX, 2, 3);
  const int64_t batch = size_at(kOp, ctx, kX, ctx.attrs<SequenceLstm>().time_major ? 1 : 0, 3);
  const int64_t hidden = size_at(kOp, ctx, kInputWeights + 3, 0, 2);
  const int64_t out = ctx.has_input(kProjection) ? size_at(kOp, ctx, kProjection, 0, 2) : hidden;
  for (size_t g = 0; g < kGates; ++g) {
    require_dims(kOp, ctx, kInputWeights + g, {hidden, in});
    require_dims(kOp, ctx, kRecurrentWeights + g, {hidden, out});
    require_dims(kOp, ctx, kBiases + g, {hidden});
    require_dims(kOp, ctx, kNormalisation + g, {hidden});
  }
  for (size_t p = 0; p < 3; ++p) require_dims(kOp, ctx, kPeepholes + p, {hidden});
  require_dims(kOp, ctx, kProjection, {out, hidden});
  require_dims(kOp, ctx, kProjectionBias, {out});
  require_dims(kOp, ctx, kOutputState, {batch, out});
  require_dims(kOp, ctx, kCellState, {batch, hidden});
  output_sequence(ctx, out);
  output_state(ctx, 1, kOutputState);
  output_state(ctx, 2, kCellState);
}

/// y += m · x; m: [y.size, x.size].
void add_product(const Tensor& m, std::span<const float> x, std::span<float> y) {
  const float* row = m.data<float>().data();
  for (float& out : y) {
    float sum = 0;
    for (const float v : x) sum += *row++ * v;
    out += sum;
  }
}

/// Mean 0 and variance 1 over the gate's units, then coefficients (Ba, Kiros, Hinton: "Layer Normalization", 2016).
void normalise(std::span<float> gate, const Tensor& coefficients) {
  float mean = 0, variance = 0;
  for (const float v : gate) mean += v;
  mean /= static_cast<float>(gate.size());
  for (const float v : gate) variance += (v - mean) * (v - mean);
  variance /= static_cast<float>(gate.size());
  const float inverse = 1 / std::sqrt(variance + 1e-8f);
  for (size_t i = 0; i < gate.size(); ++i) gate[i] = (gate[i] - mean) * inverse * coefficients.data<float>()[i];
}

/// One step of one batch entry; `state` and `cell` are read and replaced.
class LstmCell {
 public:
  LstmCell(const EvalContext& ctx, size_t hidden) : ctx_(ctx), op_(ctx.op<SequenceLstm>()), hidden_(hidden) {
    for (auto& gate : gates_) gate.resize(hidden);
  }

  void step(std::span<const float> x, std::span<float> state, std::span<float> cell) {
    for (size_t g = 0; g < kGates; ++g) {
      if (g == 0 && !has_input_gate()) continue;
      if (g < 2) compute_gate(g, x, state, cell, kPeepholes + g);
    }
    compute_gate(2, x, state, cell, 0);
    for (size_t i = 0; i < hidden_; ++i) {
      const float in = has_input_gate() ? gates_[0][i] : 1 - gates_[1][i];
      cell[i] = clipped(gates_[1][i] * cell[i] + in * gates_[2][i], op_.cell_clip);
    }
    compute_gate(3, x, state, cell, kPeepholes + 2);
    for (size_t i = 0; i < hidden_; ++i) gates_[3][i] *= activated(op_.activation, cell[i]);
    project(state);
  }

 private:
  bool has_input_gate() const { return ctx_.has(kInputWeights); }

  void compute_gate(size_t g, std::span<const float> x, std::span<const float> state, std::span<const float> cell,
                    size_t peephole) {
    std::vector<float>& gate = gates_[g];
    const bool is_normalised = ctx_.has(kNormalisation + g);
    const auto add_bias = [&] {
      if (!ctx_.has(kBiases + g)) return;
      for (size_t i = 0; i < hidden_; ++i) gate[i] += ctx_.in(kBiases + g).data<float>()[i];
    };
    std::fill(gate.begin(), gate.end(), 0.0f);
    if (!is_normalised) add_bias();
    add_product(ctx_.in(kInputWeights + g), x, gate);
    add_product(ctx_.in(kRecurrentWeights + g), state, gate);
    if (peephole != 0 && ctx_.has(peephole))
      for (size_t i = 0; i < hidden_; ++i) gate[i] += ctx_.in(peephole).data<float>()[i] * cell[i];
    if (is_normalised) {
      normalise(gate, ctx_.in(kNormalisation + g));
      add_bias();
    }
    const CellActivation activation = g == 2 ? op_.activation : CellActivation::sigmoid;
    for (float& v : gate) v = activated(activation, v);
  }

  void project(std::span<float> state) {
    if (!ctx_.has(kProjection)) {
      std::copy(gates_[3].begin(), gates_[3].end(), state.begin());
      return;
    }
    for (size_t i = 0; i < state.size(); ++i)
      state[i] = ctx_.has(kProjectionBias) ? ctx_.in(kProjectionBias).data<float>()[i] : 0.0f;
    add_product(ctx_.in(kProjection), gates_[3], state);
    for (float& v : state) v = clipped(v, op_.proj_clip);
  }

  const EvalContext& ctx_;
  const SequenceLstm& op_;
  size_t hidden_;
  std::vector<float> gates_[kGates];
};

/// Calls step(x, b, y) for every step of every batch entry, the steps of one entry in order of time.
template <class Step>
void for_each_step(const Tensor& x, Tensor& y, bool time_major, Step step) {
  const int64_t time = x.dim(time_major ? 0 : 1), batch = x.dim(time_major ? 1 : 0);
  const auto in = static_cast<size_t>(x.dim(2)), out = static_cast<size_t>(y.dim(2));
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t t = 0; t < time; ++t) {
      const auto row = static_cast<size_t>(time_major ? t * batch + b : b * time + t);
      step(x.data<float>().subspan(row * in, in), static_cast<size_t>(b),
           y.mutable_data<float>().subspan(row * out, out));
    }
}

void eval_lstm(EvalContext& ctx) {
  const bool time_major = ctx.op<SequenceLstm>().time_major;
  Tensor state = ctx.in(kOutputState).clone(), cell = ctx.in(kCellState).clone();
  const auto hidden = static_cast<size_t>(cell.dim(1)), out = static_cast<size_t>(state.dim(1));
  const Tensor& x = ctx.in(kX);
  Tensor& y = ctx.make_output(0, DType::kF32, {x.dim(0), x.dim(1), state.dim(1)});
  LstmCell lstm(ctx, hidden);
  for_each_step(x, y, time_major, [&](std::span<const float> in, size_t b, std::span<float> to) {
    const auto s = state.mutable_data<float>().subspan(b * out, out);
    lstm.step(in, s, cell.mutable_data<float>().subspan(b * hidden, hidden));
    std::copy(s.begin(), s.end(), to.begin());
  });
  if (ctx.outputs.size() > 1) ctx.outputs[1] = std::move(state);
  if (ctx.outputs.size() > 2) ctx.outputs[2] = std::move(cell);
}

void infer_rnn(InferContext& ctx) {
  constexpr std::string_view kOp = SequenceRnn::kName;
  const int64_t hidden = size_at(kOp, ctx, 1, 0, 2);
  require_dims(kOp, ctx, 1, {hidden, size_at(kOp, ctx, 0, 2, 3)});
  require_dims(kOp, ctx, 2, {hidden, hidden});
  require_dims(kOp, ctx, 3, {hidden});
  require_dims(kOp, ctx, 4, {size_at(kOp, ctx, 0, ctx.attrs<SequenceRnn>().time_major ? 1 : 0, 3), hidden});
  output_sequence(ctx, hidden);
  output_state(ctx, 1, 4);
}

void eval_rnn(EvalContext& ctx) {
  const SequenceRnn& op = ctx.op<SequenceRnn>();
  const Tensor& x = ctx.in(0);
  Tensor state = ctx.in(4).clone();
  const auto hidden = static_cast<size_t>(state.dim(1));
  Tensor& y = ctx.make_output(0, DType::kF32, {x.dim(0), x.dim(1), state.dim(1)});
  std::vector<float> next(hidden);
  for_each_step(x, y, op.time_major, [&](std::span<const float> in, size_t b, std::span<float> to) {
    const auto h = state.mutable_data<float>().subspan(b * hidden, hidden);
    std::copy_n(ctx.in(3).data<float>().begin(), hidden, next.begin());
    add_product(ctx.in(1), in, next);
    add_product(ctx.in(2), h, next);
    for (size_t i = 0; i < hidden; ++i) to[i] = h[i] = activated(op.activation, next[i]);
  });
  if (ctx.outputs.size() > 1) ctx.outputs[1] = std::move(state);
}

void infer_svdf(InferContext& ctx) {
  constexpr std::string_view kOp = Svdf::kName;
  const int64_t rank = ctx.attrs<Svdf>().rank;
  const int64_t batch = size_at(kOp, ctx, 0, 0, 2), filters = size_at(kOp, ctx, 1, 0, 2);
  const int64_t memory = size_at(kOp, ctx, 2, 1, 2);
  if (rank < 1 || (filters >= 0 && filters % rank != 0))
    throw op_error(kOp, cat("rank is ", rank, ", expected a divisor of ", filters, " filters"));
  const int64_t units = filters < 0 ? -1 : filters / rank;
  require_dims(kOp, ctx, 1, {filters, size_at(kOp, ctx, 0, 1, 2)});
  require_dims(kOp, ctx, 2, {filters, memory});
  require_dims(kOp, ctx, 3, {units});
  if (memory == 0) throw op_error(kOp, "memory is empty");
  if (memory > 0 && filters >= 0 && memory < int64_t(1) << 31 && filters < int64_t(1) << 31)
    require_dims(kOp, ctx, 4, {batch, memory * filters});
  ctx.output(0, DType::kF32, Shape{Dim(batch), Dim(units)});
  output_state(ctx, 1, 4);
}

void eval_svdf(EvalContext& ctx) {
  const Svdf& op = ctx.op<Svdf>();
  const int64_t batch = ctx.in(0).dim(0), filters = ctx.in(1).dim(0), memory = ctx.in(2).dim(1);
  const auto in = static_cast<size_t>(ctx.in(0).dim(1));
  const auto time = ctx.in(2).data<float>(), state = ctx.in(4).data<float>();
  Tensor& y = ctx.make_output(0, DType::kF32, {batch, filters / op.rank});
  Tensor moved = ctx.in(4).clone();
  const auto newest = moved.mutable_data<float>();
  std::vector<float> fresh(static_cast<size_t>(filters));
  for (int64_t b = 0; b < batch; ++b) {
    std::fill(fresh.begin(), fresh.end(), 0.0f);
    add_product(ctx.in(1), ctx.in(0).data<float>().subspan(static_cast<size_t>(b) * in, in), fresh);
    for (int64_t u = 0; u < filters / op.rank; ++u) {
      float sum = ctx.has(3) ? ctx.in(3).data<float>()[static_cast<size_t>(u)] : 0.0f;
      for (int64_t f = u * op.rank; f < (u + 1) * op.rank; ++f) {
        // Every memory has moved one place towards the past since the state was stored.
        for (int64_t m = 0; m + 1 < memory; ++m)
          sum += time[static_cast<size_t>(f * memory + m)] *
                 state[static_cast<size_t>((b * filters + f) * memory + m + 1)];
        sum += time[static_cast<size_t>((f + 1) * memory - 1)] * fresh[static_cast<size_t>(f)];
        const auto begin = newest.begin() + (b * filters + f) * memory;
        std::copy(begin + 1, begin + memory, begin);
        begin[memory - 1] = fresh[static_cast<size_t>(f)];
      }
      y.mutable_data<float>()[static_cast<size_t>(b * (filters / op.rank) + u)] = activated(op.activation, sum);
    }
  }
  if (ctx.outputs.size() > 1) ctx.outputs[1] = std::move(moved);
}

constexpr InputRule kLstmInputs[] = {{.dtypes = {DType::kF32}, .is_optional = true}};

constexpr InputRule kRnnInputs[] = {{.name = "x", .dtypes = {DType::kF32}},
                                    {.name = "weight", .dtypes = {DType::kF32}},
                                    {.name = "recurrent weight", .dtypes = {DType::kF32}},
                                    {.name = "bias", .dtypes = {DType::kF32}},
                                    {.name = "state", .dtypes = {DType::kF32}}};

constexpr InputRule kSvdfInputs[] = {{.name = "x", .dtypes = {DType::kF32}},
                                     {.name = "feature weight", .dtypes = {DType::kF32}},
                                     {.name = "time weight", .dtypes = {DType::kF32}},
                                     {.name = "bias", .dtypes = {DType::kF32}, .is_optional = true},
                                     {.name = "state", .dtypes = {DType::kF32}}};

}  // namespace

constinit const OpDef SequenceLstm::def{.name = SequenceLstm::kName,
                                        .attrs = &attr_type<SequenceLstm>(),
                                        .min_inputs = 20,
                                        .max_inputs = 24,
                                        .max_outputs = 3,
                                        .infer = infer_lstm,
                                        .eval = eval_lstm,
                                        .eval_quantized = eval_quantized_lstm,
                                        .inputs = kLstmInputs};

constinit const OpDef SequenceRnn::def{.name = SequenceRnn::kName,
                                       .attrs = &attr_type<SequenceRnn>(),
                                       .min_inputs = 5,
                                       .max_inputs = 5,
                                       .max_outputs = 2,
                                       .infer = infer_rnn,
                                       .eval = eval_rnn,
                                       .inputs = kRnnInputs};

constinit const OpDef Svdf::def{.name = Svdf::kName,
                                .attrs = &attr_type<Svdf>(),
                                .min_inputs = 5,
                                .max_inputs = 5,
                                .max_outputs = 2,
                                .infer = infer_svdf,
                                .eval = eval_svdf,
                                .inputs = kSvdfInputs};

}  // namespace hone
