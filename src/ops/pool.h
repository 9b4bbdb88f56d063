#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "ir/op_def.h"
#include "ops/conv.h"

namespace hone {

/// Pooling over channels-last tensors x: [N, s…, C]; windows as in conv.h.

/// Reduction inside a bin.
enum class RoiMode : int { avg, max };
inline constexpr std::string_view kRoiModeNames[] = {"avg", "max"};
constexpr std::span<const std::string_view> enum_names(RoiMode) { return kRoiModeNames; }

/// ONNX RoiAlign coordinate_transformation_mode.
enum class RoiCoordinates : int { half_pixel, output_half_pixel };
inline constexpr std::string_view kRoiCoordinatesNames[] = {"half_pixel", "output_half_pixel"};
constexpr std::span<const std::string_view> enum_names(RoiCoordinates) { return kRoiCoordinatesNames; }

/// x → y (, indices: i64 into the flattened NC s… tensor as ONNX defines them; column_major: storage_order 1).
struct MaxPool : Operator<"MaxPool"> {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
  bool ceil_mode = false;
  bool column_major = false;
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"kernel", &MaxPool::kernel},
                                     Field{"strides", &MaxPool::strides},
                                     Field{"dilations", &MaxPool::dilations},
                                     Field{"pads", &MaxPool::pads},
                                     Field{"auto_pad", &MaxPool::auto_pad},
                                     Field{"ceil_mode", &MaxPool::ceil_mode},
                                     Field{"column_major", &MaxPool::column_major},
                                     Field{"act_min", &MaxPool::act_min},
                                     Field{"act_max", &MaxPool::act_max}};
  static const OpDef def;
};

/// count_include_pad: padding counts in the divisor.
struct AveragePool : Operator<"AveragePool"> {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
  bool ceil_mode = false;
  bool count_include_pad = false;
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"kernel", &AveragePool::kernel},
                                     Field{"strides", &AveragePool::strides},
                                     Field{"dilations", &AveragePool::dilations},
                                     Field{"pads", &AveragePool::pads},
                                     Field{"auto_pad", &AveragePool::auto_pad},
                                     Field{"ceil_mode", &AveragePool::ceil_mode},
                                     Field{"count_include_pad", &AveragePool::count_include_pad},
                                     Field{"act_min", &AveragePool::act_min},
                                     Field{"act_max", &AveragePool::act_max}};
  static const OpDef def;
};

/// (Σ|x|ᵖ)^(1/p); TFLite L2_POOL_2D divides by the count first: mean.
struct LpPool : Operator<"LpPool"> {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads;
  AutoPad auto_pad = AutoPad::explicit_pads;
  bool ceil_mode = false;
  int64_t p = 2;
  bool mean = false;
  float act_min = -std::numeric_limits<float>::infinity();
  float act_max = std::numeric_limits<float>::infinity();
  static constexpr std::tuple fields{Field{"kernel", &LpPool::kernel},
                                     Field{"strides", &LpPool::strides},
                                     Field{"dilations", &LpPool::dilations},
                                     Field{"pads", &LpPool::pads},
                                     Field{"auto_pad", &LpPool::auto_pad},
                                     Field{"ceil_mode", &LpPool::ceil_mode},
                                     Field{"p", &LpPool::p},
                                     Field{"mean", &LpPool::mean},
                                     Field{"act_min", &LpPool::act_min},
                                     Field{"act_max", &LpPool::act_max}};
  static const OpDef def;
};

/// (x, indices: i64 as MaxPool, output_shape?: [rank], channels last).
struct MaxUnpool : Operator<"MaxUnpool"> {
  std::vector<int64_t> kernel;
  std::vector<int64_t> strides;
  std::vector<int64_t> pads;
  static constexpr std::tuple fields{Field{"kernel", &MaxUnpool::kernel}, Field{"strides", &MaxUnpool::strides},
                                     Field{"pads", &MaxUnpool::pads}};
  static const OpDef def;
};

/// (x: [N,H,W,C], rois: [R,5]) → [R,ph,pw,C].
struct MaxRoiPool : Operator<"MaxRoiPool"> {
  std::vector<int64_t> pooled_shape;
  float spatial_scale = 1;
  static constexpr std::tuple fields{Field{"pooled_shape", &MaxRoiPool::pooled_shape},
                                     Field{"spatial_scale", &MaxRoiPool::spatial_scale}};
  static const OpDef def;
};

/// (x: [N,H,W,C], rois: [R,4], batch: i64[R]) → [R,oh,ow,C].
struct RoiAlign : Operator<"RoiAlign"> {
  RoiMode mode = RoiMode::avg;
  RoiCoordinates coordinates = RoiCoordinates::half_pixel;
  int64_t output_height = 1;
  int64_t output_width = 1;
  int64_t sampling_ratio = 0;
  float spatial_scale = 1;
  static constexpr std::tuple fields{Field{"mode", &RoiAlign::mode},
                                     Field{"coordinates", &RoiAlign::coordinates},
                                     Field{"output_height", &RoiAlign::output_height},
                                     Field{"output_width", &RoiAlign::output_width},
                                     Field{"sampling_ratio", &RoiAlign::sampling_ratio},
                                     Field{"spatial_scale", &RoiAlign::spatial_scale}};
  static const OpDef def;
};

}  // namespace hone
