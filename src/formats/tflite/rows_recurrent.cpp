#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "ops/movement.h"
#include "ops/recurrent.h"
#include "ops/sequence_lstm_q.h"
#include "ops/tflite_only.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

CellActivation cell_activation(fb::Activation activation) {
  switch (activation) {
    case fb::Activation::NONE:
      return CellActivation::none;
    case fb::Activation::RELU:
      return CellActivation::relu;
    case fb::Activation::RELU6:
      return CellActivation::relu6;
    case fb::Activation::TANH:
      return CellActivation::tanh;
    default:
      throw unsupported(cat("activation ", static_cast<int64_t>(activation), " of a recurrent layer"));
  }
}

fb::Activation file_activation(CellActivation activation) {
  switch (activation) {
    case CellActivation::none:
      return fb::Activation::NONE;
    case CellActivation::relu:
      return fb::Activation::RELU;
    case CellActivation::relu6:
      return fb::Activation::RELU6;
    case CellActivation::tanh:
      return fb::Activation::TANH;
    case CellActivation::sigmoid:
      break;
  }
  throw unsupported("recurrent layer with activation sigmoid");
}

constexpr size_t kLstmInputs = 24;

std::vector<ValueId> lstm_inputs(ReadNode& n) {
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < std::min(n.input_count(), kLstmInputs); ++i) inputs.push_back(n.optional(i));
  return inputs;
}

/// The scales inside an integer layer, from its five intermediate tensors.
void read_inner_scales(ReadNode& n, SequenceLstm& op) {
  const QuantPtr hidden = n.intermediate_quant(4);
  if (!n.type(0).quant || !hidden || !hidden->is_per_tensor()) return;
  op.hidden_scale = hidden->scale();
  op.hidden_zero_point = hidden->zero_point();
  for (size_t g = 0; g < 4 && n.has(21); ++g) {
    const QuantPtr gate = n.intermediate_quant(g);
    op.gate_scales.push_back(gate && gate->is_per_tensor() ? gate->scale() : 0.0f);
  }
}

/// Inputs with the scales that biases of an integer layer have even where the file does not say so.
std::vector<ValueId> scaled_lstm_inputs(ReadNode& n) {
  std::vector<ValueId> inputs = lstm_inputs(n);
  const auto scale = [&](size_t bias, size_t x, size_t w, float by) {
    if (!n.is_constant(bias) || n.type(bias).dtype != DType::kI32 || n.type(bias).quant) return;
    if (!n.has(w) || !n.type(w).quant) return;
    const float inner = x == 4 ? by : n.type(x).quant->scale();
    inputs[bias] = n.add_constant(
        n.constant(bias).with_quant(QuantParams::per_tensor(inner * n.type(w).quant->scale(), 0)), "bias");
  };
  const QuantPtr hidden = n.intermediate_quant(4);
  for (size_t g = 0; g < 4 && n.type(0).quant; ++g)
    if (n.has(20 + g))
      scale(12 + g, 4, 20 + g, 1.0f / 1024);
    else
      scale(12 + g, 0, 1 + g, 1);
  if (n.type(0).quant && hidden) scale(17, 4, 16, hidden->scale());
  return inputs;
}

void read_sequence_lstm(ReadNode& n) {
  const auto o = n.options<fb::UnidirectionalSequenceLSTMOptionsT>();
  if (o.diagonal_recurrent_tensors) throw unsupported("diagonal recurrent weights");
  SequenceLstm op{.activation = cell_activation(o.fused_activation_function),
                  .cell_clip = o.cell_clip,
                  .proj_clip = o.proj_clip,
                  .time_major = o.time_major};
  read_inner_scales(n, op);
  n.bind(0, n.add_keeping(std::move(op), scaled_lstm_inputs(n), {kOutputState, kCellState}));
}

/// A single step: a sequence of length one.
void read_lstm(ReadNode& n) {
  const auto o = n.options<fb::LSTMOptionsT>();
  if (o.kernel_type != fb::LSTMKernelType::FULL) throw unsupported("basic LSTM kernel");
  SequenceLstm op{.activation = cell_activation(o.fused_activation_function),
                  .cell_clip = o.cell_clip,
                  .proj_clip = o.proj_clip,
                  .time_major = true};
  std::vector<ValueId> inputs = lstm_inputs(n);
  inputs[0] = n.temp(Unsqueeze{}, {n.in(0), n.add_ints({0})});
  const ValueId y = n.add_keeping(std::move(op), std::move(inputs), {kOutputState, kCellState});
  n.emit(Squeeze{}, {y, n.add_ints({0})});
}

/// x flipped along the axis of time when `flip`.
ValueId flipped(ReadNode& n, ValueId x, bool time_major, bool flip) {
  return flip ? n.temp(Reverse{}, {x, n.add_ints({time_major ? 0 : 1}, "time")}) : x;
}

void emit_directions(ReadNode& n, ValueId forward, ValueId backward, bool merge) {
  if (merge) return n.emit(Concat{.axis = 2}, {forward, backward});
  n.bind(0, forward);
  n.bind(1, backward);
}

/// Inputs: x, 17 of each direction, the four states, and the auxiliary inputs, which are not read.
void read_bidirectional_lstm(ReadNode& n) {
  const auto o = n.options<fb::BidirectionalSequenceLSTMOptionsT>();
  if (n.has(39)) throw unsupported("auxiliary input of a bidirectional LSTM");
  const SequenceLstm op{.activation = cell_activation(o.fused_activation_function),
                        .cell_clip = o.cell_clip,
                        .proj_clip = o.proj_clip,
                        .time_major = o.time_major};
  const auto direction = [&](size_t weights, size_t state, bool backward) {
    std::vector<ValueId> inputs{flipped(n, n.in(0), o.time_major, backward)};
    for (size_t i = 0; i < 17; ++i) inputs.push_back(n.optional(weights + i));
    inputs.push_back(n.in(state));
    inputs.push_back(n.in(state + 1));
    return flipped(n, n.add_keeping(op, std::move(inputs), {state, state + 1}), o.time_major, backward);
  };
  const ValueId forward = direction(1, 35, false);
  emit_directions(n, forward, direction(18, 37, true), o.merge_outputs);
}

void read_sequence_rnn(ReadNode& n) {
  const auto o = n.options<fb::SequenceRNNOptionsT>();
  SequenceRnn op{.activation = cell_activation(o.fused_activation_function), .time_major = o.time_major};
  n.bind(0, n.add_keeping(std::move(op), {n.in(0), n.in(1), n.in(2), n.in(3), n.in(4)}, {4}));
}

void read_rnn(ReadNode& n) {
  SequenceRnn op{.activation = cell_activation(n.options<fb::RNNOptionsT>().fused_activation_function),
                 .time_major = true};
  const ValueId x = n.temp(Unsqueeze{}, {n.in(0), n.add_ints({0})});
  const ValueId y = n.add_keeping(std::move(op), {x, n.in(1), n.in(2), n.in(3), n.in(4)}, {4});
  n.emit(Squeeze{}, {y, n.add_ints({0})});
}

void read_bidirectional_rnn(ReadNode& n) {
  const auto o = n.options<fb::BidirectionalSequenceRNNOptionsT>();
  if (n.has(9)) throw unsupported("auxiliary input of a bidirectional RNN");
  const SequenceRnn op{.activation = cell_activation(o.fused_activation_function), .time_major = o.time_major};
  const auto direction = [&](size_t first, bool backward) {
    const ValueId x = flipped(n, n.in(0), o.time_major, backward);
    const ValueId y =
        n.add_keeping(op, {x, n.in(first), n.in(first + 1), n.in(first + 2), n.in(first + 3)}, {first + 3});
    return flipped(n, y, o.time_major, backward);
  };
  const ValueId forward = direction(1, false);
  emit_directions(n, forward, direction(5, true), o.merge_outputs);
}

void read_svdf(ReadNode& n) {
  const auto o = n.options<fb::SVDFOptionsT>();
  Svdf op{.rank = o.rank, .activation = cell_activation(o.fused_activation_function)};
  n.bind(0, n.add_keeping(std::move(op), {n.in(0), n.in(1), n.in(2), n.optional(3), n.in(4)}, {4}));
}

bool write_sequence_lstm(WriteNode& n) {
  const SequenceLstm& op = n.as<SequenceLstm>();
  const bool is_integer = n.type(0).quant != nullptr;
  if (is_integer && !(op.hidden_scale > 0)) throw unsupported("LSTM on integers without the scales inside its cells");
  fb::UnidirectionalSequenceLSTMOptionsT o;
  o.fused_activation_function = file_activation(op.activation);
  o.cell_clip = op.cell_clip;
  o.proj_clip = op.proj_clip;
  o.time_major = op.time_major;
  std::vector<TensorIndex> inputs;
  for (size_t i = 0; i < kLstmInputs; ++i)
    inputs.push_back(i == kOutputState || i == kCellState ? n.kept(i) : n.optional(i));
  const TensorIndex state = inputs[kOutputState], cell = inputs[kCellState];
  fb::OperatorT file_op;
  file_op.builtin_options.Set(std::move(o));
  for (size_t k = 0; k < 5 && is_integer; ++k) {
    const float scale = k == 4 ? op.hidden_scale : op.gate_scales.empty() ? 1.0f / 4096 : op.gate_scales[k];
    const int64_t zero = k == 4 ? op.hidden_zero_point : 0;
    const TensorType type{k == 4 ? DType::kI8 : DType::kI16, Shape(Dims{0}),
                          QuantParams::per_tensor(scale > 0 ? scale : 1, static_cast<int32_t>(zero))};
    file_op.intermediates.push_back(n.temp(type, "intermediate"));
  }
  const int32_t version = is_integer ? 3 : n.type(2).quant ? 2 : 1;
  n.emit_operator(B::UNIDIRECTIONAL_SEQUENCE_LSTM, version, {}, std::move(file_op), std::move(inputs), {n.out()});
  n.hand_on(state, 1);
  n.hand_on(cell, 2);
  return true;
}

bool write_sequence_rnn(WriteNode& n) {
  const SequenceRnn& op = n.as<SequenceRnn>();
  fb::SequenceRNNOptionsT o;
  o.fused_activation_function = file_activation(op.activation);
  o.time_major = op.time_major;
  const TensorIndex state = n.kept(4);
  n.emit(B::UNIDIRECTIONAL_SEQUENCE_RNN, n.type(1).quant ? 2 : 1, o, {n.in(0), n.in(1), n.in(2), n.in(3), state},
         {n.out()});
  n.hand_on(state, 1);
  return true;
}

bool write_svdf(WriteNode& n) {
  fb::SVDFOptionsT o;
  o.rank = static_cast<int32_t>(n.as<Svdf>().rank);
  o.fused_activation_function = file_activation(n.as<Svdf>().activation);
  const TensorIndex state = n.kept(4);
  n.emit(B::SVDF, Versions{1, 3, 3}.of(n.type(0)), o, {n.in(0), n.in(1), n.in(2), n.optional(3), state}, {n.out()});
  n.hand_on(state, 1);
  return true;
}

/// Rows first … first + count of a [1, rows, columns] or [1, rows] constant.
Tensor rows_of(const Tensor& x, int64_t first, int64_t count) {
  const int64_t columns = x.rank() == 3 ? x.dim(2) : 1;
  Tensor y = Tensor::empty(DType::kF32, x.rank() == 3 ? Dims{count, columns} : Dims{count});
  const auto in = x.data<float>().subspan(static_cast<size_t>(first * columns), static_cast<size_t>(count * columns));
  std::copy(in.begin(), in.end(), y.mutable_data<float>().begin());
  return y;
}

/// What an ONNX LSTM must be for the runtime's operator: one direction, default activations, whole sequences.
void check_lstm(WriteNode& n, const Lstm& op) {
  if (op.direction == Direction::bidirectional) throw unsupported("bidirectional LSTM");
  if (!op.activations.empty() && op.activations != std::vector<std::string>{"Sigmoid", "Tanh", "Tanh"})
    throw unsupported("LSTM with other activations than Sigmoid, Tanh, Tanh");
  if (op.clip != 0 || op.input_forget) throw unsupported("LSTM with clipped or coupled gates");
  if (n.has(4)) throw unsupported("LSTM with sequence lengths");
  if (n.type(0).quant || n.type(0).dtype != DType::kF32) throw unsupported("LSTM of other types than f32");
}

bool write_lstm(WriteNode& n) {
  const Lstm& op = n.as<Lstm>();
  check_lstm(n, op);
  const int64_t h = op.hidden_size;
  const Tensor &w = n.constant(1), &r = n.constant(2);
  // ONNX's gates stand in the order input, output, forget, cell; TFLite's are input, forget, cell, output.
  constexpr int64_t kOrder[] = {0, 2, 3, 1};
  std::vector<TensorIndex> inputs(kLstmInputs, -1);
  for (size_t g = 0; g < 4; ++g) {
    inputs[1 + g] = n.add_constant(rows_of(w, kOrder[g] * h, h), "w");
    inputs[5 + g] = n.add_constant(rows_of(r, kOrder[g] * h, h), "r");
    Tensor bias = Tensor::zeros(DType::kF32, {h});
    if (n.has(3)) {
      const Tensor wb = rows_of(n.constant(3), kOrder[g] * h, h), rb = rows_of(n.constant(3), (4 + kOrder[g]) * h, h);
      for (size_t i = 0; i < static_cast<size_t>(h); ++i)
        bias.mutable_data<float>()[i] = wb.data<float>()[i] + rb.data<float>()[i];
    }
    inputs[12 + g] = n.add_constant(bias, "b");
  }
  if (n.has(7)) {
    constexpr int64_t kPeepholes[] = {0, 2, 1};
    for (size_t p = 0; p < 3; ++p) inputs[9 + p] = n.add_constant(rows_of(n.constant(7), kPeepholes[p] * h, h), "p");
  }
  const Dims x = n.dims(0);
  const int64_t time = x[op.batch_first ? 1 : 0], batch = x[op.batch_first ? 0 : 1];
  const TensorType state_type{DType::kF32, Shape(Dims{batch, h}), nullptr};
  const TensorIndex state = n.kept(5, state_type), cell = n.kept(6, state_type);
  inputs[kOutputState] = state;
  inputs[kCellState] = cell;
  const bool backward = op.direction == Direction::reverse;
  const TensorIndex axis = n.add_ints({op.batch_first ? 1 : 0}, "time");
  inputs[0] = n.in(0);
  if (backward) {
    inputs[0] = n.temp(n.type(0), "reversed");
    n.emit(B::REVERSE_V2, 1, fb::ReverseV2OptionsT(), {n.in(0), axis}, {inputs[0]});
  }
  TensorType sequence{DType::kF32, Shape(op.batch_first ? Dims{batch, time, h} : Dims{time, batch, h}), nullptr};
  TensorIndex y = n.temp(sequence, "sequence");
  fb::UnidirectionalSequenceLSTMOptionsT o;
  o.fused_activation_function = fb::Activation::TANH;
  o.time_major = !op.batch_first;
  n.emit(B::UNIDIRECTIONAL_SEQUENCE_LSTM, 1, o, std::move(inputs), {y});
  if (backward) {
    const TensorIndex forward = n.temp(sequence, "forward");
    n.emit(B::REVERSE_V2, 1, fb::ReverseV2OptionsT(), {y, axis}, {forward});
    y = forward;
  }
  n.reshape(y, n.out());
  n.hand_on(state, 1);
  n.hand_on(cell, 2);
  return true;
}

constexpr Row kRows[] = {
    {B::UNIDIRECTIONAL_SEQUENCE_LSTM, 4, read_sequence_lstm, &SequenceLstm::def, write_sequence_lstm},
    {B::LSTM, 4, read_lstm, nullptr, nullptr},
    {B::BIDIRECTIONAL_SEQUENCE_LSTM, 3, read_bidirectional_lstm, nullptr, nullptr},
    {B::UNIDIRECTIONAL_SEQUENCE_RNN, 4, read_sequence_rnn, &SequenceRnn::def, write_sequence_rnn},
    {B::RNN, 3, read_rnn, nullptr, nullptr},
    {B::BIDIRECTIONAL_SEQUENCE_RNN, 3, read_bidirectional_rnn, nullptr, nullptr},
    {B::SVDF, 4, read_svdf, &Svdf::def, write_svdf},
    {B::UNIDIRECTIONAL_SEQUENCE_LSTM, 1, nullptr, &Lstm::def, write_lstm},
};

}  // namespace

std::span<const Row> recurrent_rows() { return kRows; }

}  // namespace hone::tflite
