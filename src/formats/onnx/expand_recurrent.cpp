#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/expand.h"
#include "ops/binary.h"
#include "ops/control.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/recurrent.h"
#include "ops/reduce.h"
#include "ops/sequence_lstm_q.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

constexpr size_t kGates = 4;  ///< TFLite's order: input, forget, cell, output

/// ONNX's name of an activation of a recurrent operator.
std::string activation_name(CellActivation activation) {
  switch (activation) {
    case CellActivation::none:
      return "Affine";
    case CellActivation::relu:
      return "Relu";
    case CellActivation::tanh:
      return "Tanh";
    case CellActivation::sigmoid:
      return "Sigmoid";
    case CellActivation::relu6:
      break;
  }
  throw unsupported("onnx: recurrent layer whose activation is relu6");
}

/// Tensors of rank 1 or 2 one below the other, as [1, rows…]. Bytes stay bytes, with a scale for each row.
Tensor stacked(const std::vector<Tensor>& parts) {
  int64_t rows = 0;
  for (const Tensor& part : parts) rows += part.dim(0);
  Dims dims{1, rows};
  if (parts[0].rank() == 2) dims.push_back(parts[0].dim(1));
  const bool is_bytes = std::all_of(parts.begin(), parts.end(), [](const Tensor& part) {
    return part.dtype() == DType::kI8 && part.quant() && part.quant()->is_per_tensor();
  });
  if (!is_bytes) {
    std::vector<float> values;
    for (const Tensor& part : parts)
      for (const double v : to_doubles(part)) values.push_back(static_cast<float>(v));
    return Tensor::of<float>(dims, values);
  }
  std::vector<int8_t> bytes;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  for (const Tensor& part : parts) {
    const auto values = part.with_quant(nullptr).data<int8_t>();
    bytes.insert(bytes.end(), values.begin(), values.end());
    scales.insert(scales.end(), static_cast<size_t>(part.dim(0)), part.quant()->scale());
    zeros.insert(zeros.end(), static_cast<size_t>(part.dim(0)), part.quant()->zero_point());
  }
  return Tensor::of<int8_t>(dims, bytes).with_quant(QuantParams::per_channel(scales, zeros, 1));
}

const Tensor& constant(Expansion& e, size_t i) {
  const Tensor& tensor = e.graph().value(e.node().inputs.at(i)).constant;
  if (!tensor.exists()) throw unsupported("onnx: recurrent layer with weights that are computed at run time");
  return tensor;
}

/// [B,H] → [1,B,H], or batch first [B,1,H].
ValueId with_direction(Expansion& e, ValueId x, bool time_major) {
  return e.add(Unsqueeze{}, {x, e.ints({time_major ? 0 : 1})});
}

/// The outputs of an ONNX layer, as many as the node has, without the direction. y: [T,1,B,H] or batch first [B,T,1,H];
/// states: [1,B,H] or [B,1,H].
template <class Layer>
std::vector<ValueId> layer_outputs(Expansion& e, Layer layer, std::vector<ValueId> inputs, bool time_major) {
  const NodeId id = e.graph().add({.def = &Layer::def,
                                   .attrs = Attrs::of(std::move(layer)),
                                   .inputs = std::move(inputs),
                                   .outputs = e.node().outputs.size(),
                                   .name = e.node().name + "/layer",
                                   .source = e.node().source});
  std::vector<ValueId> values = e.graph().node(id).outputs;
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = e.add(Squeeze{}, {values[i], e.ints({(time_major ? 0 : 1) + (i == 0 ? 1 : 0)})});
  return values;
}

/// Whether ONNX's LSTM says the layer: it has no projection, no layer normalisation, no clip of the cell, and an input
/// gate of its own.
bool is_plain(Expansion& e) {
  const auto& op = e.op<SequenceLstm>();
  for (size_t g = 0; g < kGates; ++g)
    if (e.has(kNormalisation + g)) return false;
  return e.has(kInputWeights) && !e.has(kProjection) && op.cell_clip == 0 && op.activation != CellActivation::relu6;
}

std::vector<ValueId> plain_lstm(Expansion& e) {
  const auto& op = e.op<SequenceLstm>();
  constexpr std::array<size_t, kGates> kOrder{0, 3, 1, 2};  // ONNX's: input, output, forget, cell
  std::vector<Tensor> weights, recurrent, biases, peepholes;
  const int64_t hidden = constant(e, kInputWeights + 3).dim(0);
  const Tensor zeros = Tensor::zeros(DType::kF32, {hidden});
  for (const size_t gate : kOrder) {
    weights.push_back(constant(e, kInputWeights + gate));
    recurrent.push_back(constant(e, kRecurrentWeights + gate));
    biases.push_back(e.has(kBiases + gate) ? constant(e, kBiases + gate) : zeros);
  }
  biases.insert(biases.end(), kGates, zeros);
  constexpr std::array<size_t, 3> kPeepholeOrder{0, 2, 1};
  for (const size_t gate : kPeepholeOrder)
    peepholes.push_back(e.has(kPeepholes + gate) ? constant(e, kPeepholes + gate) : zeros);
  const bool has_peepholes = e.has(kPeepholes) || e.has(kPeepholes + 1) || e.has(kPeepholes + 2);
  Graph& graph = e.graph();
  const std::string activation = activation_name(op.activation);
  const Lstm lstm{.hidden_size = hidden,
                  .batch_first = !op.time_major,
                  .activations = {"Sigmoid", activation, activation},
                  .activation_alpha = activation == "Affine" ? std::vector<float>{1, 1} : std::vector<float>{}};
  return layer_outputs(
      e, lstm,
      {e.real(kX), graph.add_constant(stacked(weights)), graph.add_constant(stacked(recurrent)),
       graph.add_constant(stacked(biases)), ValueId{}, with_direction(e, e.real(kOutputState), op.time_major),
       with_direction(e, e.real(kCellState), op.time_major),
       has_peepholes ? graph.add_constant(stacked(peepholes)) : ValueId{}},
      op.time_major);
}

/// The body of a Scan: one step of one layer for a whole batch.
class CellBody {
 public:
  explicit CellBody(Expansion& e) : e_(e), op_(e.op<SequenceLstm>()) {}

  /// (state: [B,P], cell: [B,H], x: [B,I]) → (state, cell, state).
  Graph build() {
    const Shape& x = e_.type(kX).shape;
    const Dim batch = x.has_rank() ? x[op_.time_major ? 1 : 0] : Dim();
    const auto input = [&](const char* name, const Dim& size) {
      return body_.add_input(name, {DType::kF32, Shape({batch, size}), nullptr});
    };
    state_ = input("state", e_.type(kOutputState).shape[1]);
    cell_ = input("cell", e_.type(kCellState).shape[1]);
    x_ = input("x", x.has_rank() ? x[2] : Dim());
    const ValueId forget = gate(1, cell_, kPeepholes + 1);
    const ValueId in = e_.has(kInputWeights) ? gate(0, cell_, kPeepholes) : body_.add(Sub{}, {number(1), forget});
    const ValueId kept = body_.add(Mul{}, {forget, cell_});
    const ValueId fresh = body_.add(Mul{}, {in, gate(2, cell_, 0)});
    const ValueId cell = clipped(body_.add(Add{}, {kept, fresh}), op_.cell_clip);
    const ValueId out = gate(3, cell, kPeepholes + 2);
    const ValueId state = projected(body_.add(Mul{}, {out, activated(cell, op_.activation)}));
    body_.set_outputs({state, cell, body_.add(Identity{}, {state})});
    return std::move(body_);
  }

 private:
  ValueId number(float v) { return body_.add_constant(Tensor::scalar(v)); }
  ValueId weight(size_t i) { return body_.add_constant(constant(e_, i)); }
  ValueId product(ValueId x, size_t w) { return body_.add(MatMul{.transpose_b = true}, {x, weight(w)}); }

  ValueId gate(size_t g, ValueId cell, size_t peephole) {
    ValueId z = body_.add(Add{}, {product(x_, kInputWeights + g), product(state_, kRecurrentWeights + g)});
    if (peephole != 0 && e_.has(peephole)) z = body_.add(Add{}, {z, body_.add(Mul{}, {cell, weight(peephole)})});
    if (e_.has(kNormalisation + g)) z = normalised(z, kNormalisation + g);
    if (e_.has(kBiases + g)) z = body_.add(Add{}, {z, weight(kBiases + g)});
    return activated(z, g == 2 ? op_.activation : CellActivation::sigmoid);
  }

  ValueId normalised(ValueId z, size_t coefficients) {
    const auto mean = [&](ValueId v) {
      return body_.add(ReduceMean{.keepdims = true}, {v, body_.add_constant(Tensor::of<int64_t>({1}, {-1}))});
    };
    const ValueId centered = body_.add(Sub{}, {z, mean(z)});
    const ValueId variance = body_.add(Add{}, {mean(body_.add(Mul{}, {centered, centered})), number(1e-8f)});
    return body_.add(Mul{}, {body_.add(Mul{}, {centered, body_.add(Rsqrt{}, {variance})}), weight(coefficients)});
  }

  ValueId activated(ValueId v, CellActivation activation) {
    switch (activation) {
      case CellActivation::relu:
        return body_.add(Relu{}, {v});
      case CellActivation::relu6:
        return body_.add(Clamp{.min = 0, .max = 6}, {v});
      case CellActivation::tanh:
        return body_.add(Tanh{}, {v});
      case CellActivation::sigmoid:
        return body_.add(Sigmoid{}, {v});
      case CellActivation::none:
        break;
    }
    return v;
  }

  ValueId clipped(ValueId v, float limit) { return limit > 0 ? body_.add(Clamp{.min = -limit, .max = limit}, {v}) : v; }

  ValueId projected(ValueId v) {
    if (!e_.has(kProjection)) return v;
    v = product(v, kProjection);
    if (e_.has(kProjectionBias)) v = body_.add(Add{}, {v, weight(kProjectionBias)});
    return clipped(v, op_.proj_clip);
  }

  Expansion& e_;
  const SequenceLstm& op_;
  Graph body_;
  ValueId state_, cell_, x_;
};

}  // namespace

std::vector<ValueId> expand_sequence_lstm(Expansion& e) {
  if (e.type(kX).quant)
    throw unsupported("onnx: an LSTM on integers: on reals its state would drift from TFLite's by more than a step");
  if (is_plain(e)) return plain_lstm(e);
  const int64_t axis = e.op<SequenceLstm>().time_major ? 0 : 1;
  NodeSpec spec{
      .def = &Scan::def,
      .attrs = Attrs::of(Scan{.num_state = 2, .num_scan = 1, .scan_input_axes = {axis}, .scan_output_axes = {axis}}),
      .inputs = {e.real(kOutputState), e.real(kCellState), e.real(kX)},
      .outputs = 3,
      .name = e.node().name + "/steps",
      .source = e.node().source};
  spec.subgraphs.push_back(CellBody(e).build());
  const std::vector<ValueId>& made = e.graph().node(e.graph().add(std::move(spec))).outputs;
  return {made[2], made[0], made[1]};
}

std::vector<ValueId> expand_sequence_rnn(Expansion& e) {
  const auto& op = e.op<SequenceRnn>();
  Graph& graph = e.graph();
  const int64_t hidden = constant(e, 1).dim(0);
  const std::string activation = activation_name(op.activation);
  const Rnn rnn{.hidden_size = hidden,
                .batch_first = !op.time_major,
                .activations = {activation},
                .activation_alpha = activation == "Affine" ? std::vector<float>{1} : std::vector<float>{}};
  return layer_outputs(
      e, rnn,
      {e.real(0), graph.add_constant(stacked({constant(e, 1)})), graph.add_constant(stacked({constant(e, 2)})),
       graph.add_constant(stacked({constant(e, 3), Tensor::zeros(DType::kF32, {hidden})})), ValueId{},
       with_direction(e, e.real(4), op.time_major)},
      op.time_major);
}

/// Every memory moves one place towards the past and features · x is the newest: what Svdf does, spelled out.
std::vector<ValueId> expand_svdf(Expansion& e) {
  const auto& op = e.op<Svdf>();
  const Shape& time = e.type(2).shape;
  if (!time.is_static()) throw unsupported("onnx: filters over time of unknown shape");
  const int64_t filters = time.dims()[0], memory = time.dims()[1];
  const ValueId fresh = e.add(MatMul{.transpose_b = true}, {e.real(0), e.real(1)});
  const ValueId newest = e.add(Unsqueeze{}, {fresh, e.ints({2})});
  const ValueId past = e.add(Reshape{}, {e.real(4), e.ints({-1, filters, memory})});
  const ValueId all = memory > 1 ? e.add(Concat{.axis = 2}, {e.cut(past, 2, 1, memory), newest}) : newest;
  const ValueId weighed = e.add(ReduceSum{.keepdims = false}, {e.add(Mul{}, {all, e.real(2)}), e.ints({2})});
  const ValueId units = e.add(Reshape{}, {weighed, e.ints({-1, filters / op.rank, op.rank})});
  ValueId y = e.add(ReduceSum{.keepdims = false}, {units, e.ints({2})});
  if (e.has(3)) y = e.add(Add{}, {y, e.real(3)});
  if (op.activation == CellActivation::relu) y = e.add(Relu{}, {y});
  if (op.activation == CellActivation::relu6) y = e.add(Clamp{.min = 0, .max = 6}, {y});
  if (op.activation == CellActivation::tanh) y = e.add(Tanh{}, {y});
  if (op.activation == CellActivation::sigmoid) y = e.add(Sigmoid{}, {y});
  if (e.node().outputs.size() == 1) return {y};
  return {y, e.add(Reshape{}, {all, e.ints({-1, filters * memory})})};
}

}  // namespace hone::onnx
