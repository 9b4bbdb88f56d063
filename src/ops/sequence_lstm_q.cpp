#include "ops/sequence_lstm_q.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/compute.h"
#include "ops/fixed_point.h"
#include "ops/gate_q.h"
#include "ops/inverse_sqrt.h"
#include "ops/kernel.h"

namespace hone {
namespace {

int16_t to_i16(int64_t v) { return static_cast<int16_t>(std::clamp<int64_t>(v, -32768, 32767)); }
int8_t to_i8(int64_t v) { return static_cast<int8_t>(std::clamp<int64_t>(v, -128, 127)); }

/// A matrix of symmetric 8-bit weights with what a row adds to each sum: its bias and the vector's zero point.
struct Product {
  const int8_t* weight = nullptr;  ///< [rows, columns]
  size_t columns = 0;
  std::vector<uint32_t> offsets;  ///< [rows], sums wrap to 32 bits
  FixedMultiplier scale;

  int32_t row(size_t r, const int8_t* x) const {
    uint32_t sum = offsets[r];
    const int8_t* w = weight + r * columns;
    for (size_t k = 0; k < columns; ++k) sum += static_cast<uint32_t>(int32_t(w[k]) * x[k]);
    return multiply_by_quantized_multiplier(static_cast<int32_t>(sum), scale);
  }
};

Product product_of(const Tensor& weight, const Tensor* bias, int32_t zero_point, float scale) {
  const auto rows = static_cast<size_t>(weight.dim(0)), columns = static_cast<size_t>(weight.dim(1));
  Product p{weight.data<int8_t>().data(), columns, std::vector<uint32_t>(rows),
            quantize_multiplier(static_cast<double>(scale))};
  for (size_t r = 0; r < rows; ++r) {
    int64_t sum = 0;
    for (size_t k = 0; k < columns; ++k) sum += p.weight[r * columns + k];
    p.offsets[r] =
        static_cast<uint32_t>(zero_point * sum) + (bias ? static_cast<uint32_t>(bias->data<int32_t>()[r]) : 0u);
  }
  return p;
}

struct Gate {
  Product input, recurrent;
  const int16_t* peephole = nullptr;
  FixedMultiplier peephole_scale;
  const int16_t* normalisation = nullptr;
  const int32_t* bias = nullptr;  ///< added after normalisation
  FixedMultiplier normalisation_scale;
  int32_t least_variance = 1;
};

/// Mean 0, variance 1, coefficients and bias, in TFLite's integers.
void normalise(const Gate& gate, std::vector<int16_t>& values) {
  const auto n = static_cast<int64_t>(values.size());
  int64_t sum = 0, squares = 0;
  for (const int16_t v : values) {
    sum += v;
    squares += int32_t(v) * v;
  }
  const auto mean = static_cast<int32_t>(sum * 1024 / n);
  const int64_t variance = squares * ((1 << 20) / n) - int64_t(mean) * mean;
  auto stored = static_cast<int32_t>(variance / (1 << 20));
  if (stored < 1) stored = gate.least_variance;
  const FixedMultiplier inverse = inverse_sqrt(stored);
  FixedMultiplier scale = gate.normalisation_scale;
  scale.shift += 12;
  for (size_t i = 0; i < values.size(); ++i) {
    const int32_t rescaled = multiply_by_quantized_multiplier(1024 * int32_t(values[i]) - mean, inverse);
    const auto weighed =
        static_cast<int32_t>(static_cast<uint32_t>(rescaled) * static_cast<uint32_t>(gate.normalisation[i]) +
                             static_cast<uint32_t>(gate.bias[i]));
    const int64_t wide = weighed;
    const auto rounded = static_cast<int32_t>((wide > 0 ? wide + 512 : wide - 512) / 1024);
    values[i] = to_i16(multiply_by_quantized_multiplier(rounded, scale));
  }
}

/// One layer made ready: parameters of the gates and what the states are stored in.
class IntegerLstm {
 public:
  explicit IntegerLstm(const EvalContext& ctx) : ctx_(ctx), op_(ctx.op<SequenceLstm>()) {
    hidden_ = static_cast<size_t>(ctx.in(kCellState).dim(1));
    out_ = static_cast<size_t>(ctx.in(kOutputState).dim(1));
    cell_log2_ = std::ilogb(ctx.in(kCellState).quant()->scale());
    state_zero_ = ctx.in(kOutputState).quant()->zero_point();
    has_input_gate_ = ctx.has(kInputWeights);
    for (size_t g = has_input_gate_ ? 0 : 1; g < 4; ++g) prepare(g);
    const float hidden_scale = op_.hidden_scale;
    const double steps = std::pow(2.0, -15.0);
    hidden_scale_ = quantize_multiplier(static_cast<double>(static_cast<float>(steps / double(hidden_scale) * steps)));
    if (ctx.has(kProjection)) {
      const float scale = scale_of(kProjection) * hidden_scale / scale_of(kOutputState);
      const Tensor* bias = ctx.has(kProjectionBias) ? &ctx.in(kProjectionBias) : nullptr;
      projection_ = product_of(ctx.in(kProjection), bias, hidden_zero(), scale);
    }
    cell_clip_ = clip(op_.cell_clip, kCellState, 32767);
    proj_clip_ = static_cast<int8_t>(
        op_.proj_clip > 0 ? std::clamp(op_.proj_clip / ctx.output_types[0].quant->scale(), -128.0f, 127.0f) : 0);
    for (auto& gate : values_) gate.resize(hidden_);
    projected_.resize(hidden_);
  }

  void step(const int8_t* x, int8_t* state, int16_t* cell) {
    for (size_t g = has_input_gate_ ? 0 : 1; g < 3; ++g) compute(g, x, state, cell);
    for (size_t i = 0; i < hidden_; ++i) update(i, cell);
    compute(3, x, state, cell);
    for (size_t i = 0; i < hidden_; ++i) {
      const int32_t value = int32_t(values_[3][i]) * tanh_q(cell[i], 15 + cell_log2_);
      // The runtime takes the zero point away where others add it.
      projected_[i] = to_i8(int64_t(multiply_by_quantized_multiplier(value, hidden_scale_)) - hidden_zero());
    }
    if (!ctx_.has(kProjection)) {
      std::copy(projected_.begin(), projected_.end(), state);
      return;
    }
    for (size_t r = 0; r < out_; ++r) {
      state[r] = to_i8(int64_t(projection_.row(r, projected_.data())) + state_zero_);
      if (proj_clip_ > 0) state[r] = std::clamp(state[r], static_cast<int8_t>(-proj_clip_), proj_clip_);
    }
  }

 private:
  float scale_of(size_t i) const { return ctx_.in(i).quant()->scale(); }
  int32_t hidden_zero() const { return static_cast<int32_t>(op_.hidden_zero_point); }
  int16_t clip(float limit, size_t input, float most) const {
    return limit > 0 ? static_cast<int16_t>(std::min(limit / scale_of(input), most)) : int16_t(0);
  }

  void prepare(size_t g) {
    const bool is_normalised = ctx_.has(kNormalisation + g);
    const float sum_scale = is_normalised ? op_.gate_scales[g] : 1.0f / 4096;
    Gate& gate = gates_[g];
    const Tensor* bias = ctx_.has(kBiases + g) ? &ctx_.in(kBiases + g) : nullptr;
    gate.input = product_of(ctx_.in(kInputWeights + g), is_normalised ? nullptr : bias,
                            -ctx_.in(kX).quant()->zero_point(), scale_of(kInputWeights + g) * scale_of(kX) / sum_scale);
    gate.recurrent = product_of(ctx_.in(kRecurrentWeights + g), nullptr, -state_zero_,
                                scale_of(kRecurrentWeights + g) * scale_of(kOutputState) / sum_scale);
    const size_t peephole = g == 3 ? kPeepholes + 2 : kPeepholes + g;
    if (g != 2 && ctx_.has(peephole)) {
      gate.peephole = ctx_.in(peephole).data<int16_t>().data();
      const double scale = std::pow(2.0, cell_log2_) * double(scale_of(peephole)) / double(sum_scale);
      gate.peephole_scale = quantize_multiplier(static_cast<double>(static_cast<float>(scale)));
    }
    if (!is_normalised) return;
    gate.normalisation = ctx_.in(kNormalisation + g).data<int16_t>().data();
    gate.bias = bias->data<int32_t>().data();
    const float scale = scale_of(kNormalisation + g);
    gate.normalisation_scale = quantize_multiplier(static_cast<double>(scale));
    gate.least_variance = std::max(1, static_cast<int32_t>(10000 * scale));
  }

  void compute(size_t g, const int8_t* x, const int8_t* state, const int16_t* cell) {
    const Gate& gate = gates_[g];
    std::vector<int16_t>& values = values_[g];
    for (size_t i = 0; i < hidden_; ++i) {
      int16_t v = to_i16(gate.input.row(i, x));
      v = to_i16(int64_t(gate.recurrent.row(i, state)) + v);
      if (gate.peephole) {
        const int32_t held = int32_t(gate.peephole[i]) * cell[i];
        v = to_i16(int64_t(multiply_by_quantized_multiplier(held, gate.peephole_scale)) + v);
      }
      values[i] = v;
    }
    if (gate.normalisation) normalise(gate, values);
    for (int16_t& v : values) v = g == 2 ? tanh_q(v, 3) : sigmoid_q12(v);
  }

  void update(size_t i, int16_t* cell) const {
    const int16_t forget = values_[1][i];
    const auto kept = static_cast<int16_t>(rounding_divide_by_pot(int32_t(forget) * cell[i], 15));
    const int16_t in = has_input_gate_ ? values_[0][i] : static_cast<int16_t>(32767 - forget);
    const auto added = static_cast<int16_t>(rounding_divide_by_pot(int32_t(in) * values_[2][i], 30 + cell_log2_));
    cell[i] = to_i16(int32_t(kept) + added);
    if (cell_clip_ > 0) cell[i] = std::clamp(cell[i], static_cast<int16_t>(-cell_clip_), cell_clip_);
  }

  const EvalContext& ctx_;
  const SequenceLstm& op_;
  size_t hidden_ = 0, out_ = 0;
  int cell_log2_ = 0;
  int32_t state_zero_ = 0;
  bool has_input_gate_ = true;
  Gate gates_[4];
  Product projection_;
  FixedMultiplier hidden_scale_;
  int16_t cell_clip_ = 0;
  int8_t proj_clip_ = 0;
  std::vector<int16_t> values_[4];
  std::vector<int8_t> projected_;
};

bool is_stored(const EvalContext& ctx, size_t i, DType dtype) {
  return !ctx.has(i) || (ctx.in(i).dtype() == dtype && ctx.in(i).quant() && ctx.in(i).quant()->is_per_tensor());
}

bool is_symmetric(const EvalContext& ctx, size_t i, DType dtype) {
  return !ctx.has(i) || (is_stored(ctx, i, dtype) && ctx.in(i).quant()->zero_point() == 0);
}

/// i8 in and out, symmetric weights, a cell in steps of 2⁻¹⁵ … 2⁻⁹, the scales inside, TANH, and no peepholes beside a
/// projection, whose sizes the runtime confuses.
bool has_integer_lstm(const EvalContext& ctx) {
  const SequenceLstm& op = ctx.op<SequenceLstm>();
  const TensorType& y = ctx.output_types[0];
  if (op.activation != CellActivation::tanh || !(op.hidden_scale > 0) || y.dtype != DType::kI8 || !y.quant)
    return false;
  if (!is_stored(ctx, kX, DType::kI8) || !is_stored(ctx, kOutputState, DType::kI8)) return false;
  if (!is_symmetric(ctx, kCellState, DType::kI16)) return false;
  for (size_t i = kInputWeights; i < kPeepholes; ++i)
    if (!is_symmetric(ctx, i, DType::kI8)) return false;
  for (size_t i = kPeepholes; i < kBiases; ++i)
    if (!is_symmetric(ctx, i, DType::kI16) || (ctx.has(i) && ctx.has(kProjection))) return false;
  for (size_t i = kBiases; i < kProjection; ++i)
    if (ctx.has(i) && ctx.in(i).dtype() != DType::kI32) return false;
  if (!is_symmetric(ctx, kProjection, DType::kI8)) return false;
  if (ctx.has(kProjectionBias) && ctx.in(kProjectionBias).dtype() != DType::kI32) return false;
  for (size_t g = 0; g < 4; ++g) {
    if (!ctx.has(kNormalisation + g)) continue;
    const bool is_ready = op.gate_scales.size() == 4 && op.gate_scales[g] > 0 && ctx.has(kBiases + g);
    if (!is_ready || !is_symmetric(ctx, kNormalisation + g, DType::kI16)) return false;
    if (!(ctx.in(kNormalisation + g).quant()->scale() < 1)) return false;
  }
  if (ctx.in(kCellState).elements() == 0) return false;
  const float cell = ctx.in(kCellState).quant()->scale();
  const int log2 = std::ilogb(cell);
  return std::ldexp(1.0f, log2) == cell && log2 >= -15 && log2 <= -9;
}

}  // namespace

void eval_quantized_lstm(EvalContext& ctx) {
  if (!has_integer_lstm(ctx)) return eval_in_float(ctx, SequenceLstm::def.eval);
  const bool time_major = ctx.op<SequenceLstm>().time_major;
  const Tensor& x = ctx.in(kX);
  const int64_t time = x.dim(time_major ? 0 : 1), batch = x.dim(time_major ? 1 : 0);
  const auto in = static_cast<size_t>(x.dim(2));
  Tensor states = ctx.in(kOutputState).clone(), cells = ctx.in(kCellState).clone();
  const auto out = static_cast<size_t>(states.dim(1)), hidden = static_cast<size_t>(cells.dim(1));
  Tensor& y = make_stored(ctx, 0, {x.dim(0), x.dim(1), states.dim(1)});
  IntegerLstm lstm(ctx);
  for (int64_t b = 0; b < batch; ++b) {
    int8_t* state = states.mutable_data<int8_t>().data() + static_cast<size_t>(b) * out;
    int16_t* cell = cells.mutable_data<int16_t>().data() + static_cast<size_t>(b) * hidden;
    for (int64_t t = 0; t < time; ++t) {
      const auto row = static_cast<size_t>(time_major ? t * batch + b : b * time + t);
      lstm.step(x.data<int8_t>().data() + row * in, state, cell);
      std::copy_n(state, out, y.mutable_data<int8_t>().data() + row * out);
    }
  }
  if (ctx.outputs.size() > 1) ctx.outputs[1] = std::move(states);
  if (ctx.outputs.size() > 2) ctx.outputs[2] = std::move(cells);
}

}  // namespace hone
