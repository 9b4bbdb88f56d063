#pragma once

#include "ops/tflite_only.h"

namespace hone {

/// Positions of SequenceLstm's inputs; gates in the order input, forget, cell, output.
enum LstmInput : size_t {
  kX = 0,
  kInputWeights = 1,
  kRecurrentWeights = 5,
  kPeepholes = 9,
  kBiases = 12,
  kProjection = 16,
  kProjectionBias = 17,
  kOutputState = 18,
  kCellState = 19,
  kNormalisation = 20,
};

/// TFLite's integer LSTM: i8 activations and weights, i16 cell state in steps of a power of two, gates in 16 bits. What
/// has another form (see `has_integer_lstm`) computes on real values.
void eval_quantized_lstm(EvalContext& ctx);

}  // namespace hone
