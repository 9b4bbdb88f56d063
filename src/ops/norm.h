#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Normalisations. Channels last where channels are meant.

/// How per-sample losses are combined.
enum class LossReduction : int { none, mean, sum };
inline constexpr std::string_view kLossReductionNames[] = {"none", "mean", "sum"};
constexpr std::span<const std::string_view> enum_names(LossReduction) { return kLossReductionNames; }

/// (x: […,C], scale: [C], bias: [C], mean: [C], var: [C]) → y (, running mean, running var when training).
struct BatchNorm : Operator<"BatchNorm"> {
  float epsilon = 1e-5f;
  float momentum = 0.9f;
  bool training = false;
  static constexpr std::tuple fields{Field{"epsilon", &BatchNorm::epsilon}, Field{"momentum", &BatchNorm::momentum},
                                     Field{"training", &BatchNorm::training}};
  static const OpDef def;
};

/// (x: [N,s…,C], scale: [C], bias: [C]).
struct InstanceNorm : Operator<"InstanceNorm"> {
  float epsilon = 1e-5f;
  static constexpr std::tuple fields{Field{"epsilon", &InstanceNorm::epsilon}};
  static const OpDef def;
};

/// (x, scale, bias?) over dims axis… → (y, mean?, inverse std dev?).
struct LayerNorm : Operator<"LayerNorm"> {
  int64_t axis = -1;
  float epsilon = 1e-5f;
  static constexpr std::tuple fields{Field{"axis", &LayerNorm::axis}, Field{"epsilon", &LayerNorm::epsilon}};
  static const OpDef def;
};

/// (x: [N,s…,C], scale: [C], bias: [C]).
struct GroupNorm : Operator<"GroupNorm"> {
  int64_t groups = 1;
  float epsilon = 1e-5f;
  static constexpr std::tuple fields{Field{"groups", &GroupNorm::groups}, Field{"epsilon", &GroupNorm::epsilon}};
  static const OpDef def;
};

/// x / (bias + alpha/size · Σ x²)^beta over a window of `size` channels (last axis); ONNX LRN.
struct Lrn : Operator<"Lrn"> {
  int64_t size = 1;
  float alpha = 1e-4f;
  float beta = 0.75f;
  float bias = 1;
  static constexpr std::tuple fields{Field{"size", &Lrn::size}, Field{"alpha", &Lrn::alpha}, Field{"beta", &Lrn::beta},
                                     Field{"bias", &Lrn::bias}};
  static const OpDef def;
};

/// x / max(‖x‖₂, epsilon) along axis.
struct L2Normalize : Operator<"L2Normalize"> {
  int64_t axis = -1;
  float epsilon = 1e-12f;
  static constexpr std::tuple fields{Field{"axis", &L2Normalize::axis}, Field{"epsilon", &L2Normalize::epsilon}};
  static const OpDef def;
};

/// x / ‖x‖_p along axis, p 1 or 2.
struct LpNormalize : Operator<"LpNormalize"> {
  int64_t axis = -1;
  int64_t p = 2;
  static constexpr std::tuple fields{Field{"axis", &LpNormalize::axis}, Field{"p", &LpNormalize::p}};
  static const OpDef def;
};

/// (x − mean) / std over axes.
struct MeanVarianceNormalize : Operator<"MeanVarianceNormalize"> {
  std::vector<int64_t> axes;
  static constexpr std::tuple fields{Field{"axes", &MeanVarianceNormalize::axes}};
  static const OpDef def;
};

/// e^(beta·x) / Σ along axis.
struct Softmax : Operator<"Softmax"> {
  int64_t axis = -1;
  float beta = 1;
  static constexpr std::tuple fields{Field{"axis", &Softmax::axis}, Field{"beta", &Softmax::beta}};
  static const OpDef def;
};

/// along axis.
struct LogSoftmax : Operator<"LogSoftmax"> {
  int64_t axis = -1;
  static constexpr std::tuple fields{Field{"axis", &LogSoftmax::axis}};
  static const OpDef def;
};

/// 1 at the first maximum along axis, else 0.
struct Hardmax : Operator<"Hardmax"> {
  int64_t axis = -1;
  static constexpr std::tuple fields{Field{"axis", &Hardmax::axis}};
  static const OpDef def;
};

/// (log p: [N,C,d…], target: [N,d…], weight?: [C]); channels at axis 1 as in ONNX.
struct NllLoss : Operator<"NllLoss"> {
  LossReduction reduction = LossReduction::mean;
  int64_t ignore_index = 0;
  bool has_ignore_index = false;
  static constexpr std::tuple fields{Field{"reduction", &NllLoss::reduction},
                                     Field{"ignore_index", &NllLoss::ignore_index},
                                     Field{"has_ignore_index", &NllLoss::has_ignore_index}};
  static const OpDef def;
};

/// (scores: [N,C,d…], target: [N,d…], weight?: [C]) → (loss, log p?).
struct SoftmaxCrossEntropyLoss : Operator<"SoftmaxCrossEntropyLoss"> {
  LossReduction reduction = LossReduction::mean;
  int64_t ignore_index = 0;
  bool has_ignore_index = false;
  static constexpr std::tuple fields{Field{"reduction", &SoftmaxCrossEntropyLoss::reduction},
                                     Field{"ignore_index", &SoftmaxCrossEntropyLoss::ignore_index},
                                     Field{"has_ignore_index", &SoftmaxCrossEntropyLoss::has_ignore_index}};
  static const OpDef def;
};

}  // namespace hone
