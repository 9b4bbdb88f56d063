#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Recurrent layers as TFLite defines them, with what ONNX's have no words for: projection, layer normalisation, a
/// clipped cell state, filters over time.

/// Activation inside a recurrent layer.
enum class CellActivation : int { none, relu, relu6, tanh, sigmoid };
inline constexpr std::string_view kCellActivationNames[] = {"none", "relu", "relu6", "tanh", "sigmoid"};
constexpr std::span<const std::string_view> enum_names(CellActivation) { return kCellActivationNames; }

/// Inputs of SequenceLstm in TFLite's order: x: [T,B,I] (time_major) or [B,T,I]; input weights of the gates input
/// (absent: 1 − forget), forget, cell, output: [H,I]; recurrent weights: [H,P]; peepholes of input, forget, output:
/// [H]; biases: [H]; projection: [P,H] and its bias: [P]; output state: [B,P]; cell state: [B,H]; layer normalisation
/// coefficients of the four gates: [H]. P = H without a projection. → y: [T,B,P] or [B,T,P], and where asked for the
/// states after the last step: [B,P], [B,H]. cell = clip(forget · cell
/// + input · act(…), cell_clip); 0 does not clip. An integer layer has scales inside: `hidden_scale` and
/// `hidden_zero_point` of what goes into the projection (or is y), `gate_scales` of the four gates before a layer
/// normalisation, else none.
struct SequenceLstm : Operator<"SequenceLstm"> {
  CellActivation activation = CellActivation::tanh;
  float cell_clip = 0;
  float proj_clip = 0;
  bool time_major = false;
  std::vector<float> gate_scales;
  float hidden_scale = 0;
  int64_t hidden_zero_point = 0;
  static constexpr std::tuple fields{Field{"activation", &SequenceLstm::activation},
                                     Field{"cell_clip", &SequenceLstm::cell_clip},
                                     Field{"proj_clip", &SequenceLstm::proj_clip},
                                     Field{"time_major", &SequenceLstm::time_major},
                                     Field{"gate_scales", &SequenceLstm::gate_scales},
                                     Field{"hidden_scale", &SequenceLstm::hidden_scale},
                                     Field{"hidden_zero_point", &SequenceLstm::hidden_zero_point}};
  static const OpDef def;
};

/// (x: [T,B,I] or [B,T,I], w: [H,I], r: [H,H], b: [H], state: [B,H]) → y: [T,B,H] or [B,T,H], state?: [B,H];
/// h = activation(w·x + r·h + b).
struct SequenceRnn : Operator<"SequenceRnn"> {
  CellActivation activation = CellActivation::tanh;
  bool time_major = false;
  static constexpr std::tuple fields{Field{"activation", &SequenceRnn::activation},
                                     Field{"time_major", &SequenceRnn::time_major}};
  static const OpDef def;
};

/// (x: [B,I], features: [F,I], time: [F,M], b?: [F/rank], state: [B,M·F]) → y: [B, F/rank], state?: the newest of M
/// memories of each filter is features·x; they are weighed by time, `rank` filters are added up for a unit. Nakkiran et
/// al., "Compressing deep neural networks using a rank-constrained topology", 2015.
struct Svdf : Operator<"Svdf"> {
  int64_t rank = 1;
  CellActivation activation = CellActivation::none;
  static constexpr std::tuple fields{Field{"rank", &Svdf::rank}, Field{"activation", &Svdf::activation}};
  static const OpDef def;
};

}  // namespace hone
