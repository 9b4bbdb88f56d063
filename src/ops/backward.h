#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Operators that training is written with where no others say the same, or not as fast.

/// (dy, y) → dy where min < y < max, else 0: the gradient of a clamp.
struct ClampGradient : Operator<"ClampGradient"> {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"min", &ClampGradient::min}, Field{"max", &ClampGradient::max}};
  static const OpDef def;
};

/// (x, scale) → clamp(round(x / scale), low, high) · scale with NumPy broadcasting, halves to even: x as integers of
/// that scale would say it. What training against quantization puts in the way of weights and activations.
struct FakeQuantize : Operator<"FakeQuantize"> {
  int64_t low = -128;
  int64_t high = 127;
  static constexpr std::tuple fields{Field{"low", &FakeQuantize::low}, Field{"high", &FakeQuantize::high}};
  static const OpDef def;
};

/// (x: [N,s…,I], dy: [N,s'…,O]) → dw: [O,k…,I/groups]: the gradient of the weights of a Conv with these attributes,
/// one to three spatial axes, paddings stated.
struct ConvWeightGradient : Operator<"ConvWeightGradient"> {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  int64_t groups = 1;
  static constexpr std::tuple fields{
      Field{"kernel", &ConvWeightGradient::kernel}, Field{"strides", &ConvWeightGradient::strides},
      Field{"dilations", &ConvWeightGradient::dilations}, Field{"pads", &ConvWeightGradient::pads},
      Field{"groups", &ConvWeightGradient::groups}};
  static const OpDef def;
};

}  // namespace hone
