#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Sampling on a grid.

/// Interpolation.
enum class ResizeMode : int { nearest, linear, cubic };
inline constexpr std::string_view kResizeModeNames[] = {"nearest", "linear", "cubic"};
constexpr std::span<const std::string_view> enum_names(ResizeMode) { return kResizeModeNames; }

/// Output index → input coordinate, ONNX Resize coordinate_transformation_mode.
enum class ResizeCoordinates : int {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn,
  tf_crop_and_resize
};
inline constexpr std::string_view kResizeCoordinatesNames[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
    "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize"};
constexpr std::span<const std::string_view> enum_names(ResizeCoordinates) { return kResizeCoordinatesNames; }

/// Rounding of the coordinate for mode nearest.
enum class NearestMode : int { round_prefer_floor, round_prefer_ceil, floor, ceil };
inline constexpr std::string_view kNearestModeNames[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
constexpr std::span<const std::string_view> enum_names(NearestMode) { return kNearestModeNames; }

/// ONNX Resize 18 keep_aspect_ratio_policy.
enum class AspectPolicy : int { stretch, not_larger, not_smaller };
inline constexpr std::string_view kAspectPolicyNames[] = {"stretch", "not_larger", "not_smaller"};
constexpr std::span<const std::string_view> enum_names(AspectPolicy) { return kAspectPolicyNames; }

/// Interpolation.
enum class GridMode : int { bilinear, nearest, bicubic };
inline constexpr std::string_view kGridModeNames[] = {"bilinear", "nearest", "bicubic"};
constexpr std::span<const std::string_view> enum_names(GridMode) { return kGridModeNames; }

/// Values outside the image.
enum class GridPadding : int { zeros, border, reflection };
inline constexpr std::string_view kGridPaddingNames[] = {"zeros", "border", "reflection"};
constexpr std::span<const std::string_view> enum_names(GridPadding) { return kGridPaddingNames; }

/// (x: any rank, roi?, scales?: f32[k], sizes?: i64[k]); k axes: `axes`, or all when empty.
struct Resize : Operator<"Resize"> {
  ResizeMode mode = ResizeMode::nearest;
  ResizeCoordinates coordinates = ResizeCoordinates::half_pixel;
  NearestMode nearest_mode = NearestMode::round_prefer_floor;
  AspectPolicy aspect = AspectPolicy::stretch;
  std::vector<int64_t> axes;
  float cubic_a = -0.75f;
  float extrapolation_value = 0;
  bool exclude_outside = false;
  bool antialias = false;
  static constexpr std::tuple fields{Field{"mode", &Resize::mode},
                                     Field{"coordinates", &Resize::coordinates},
                                     Field{"nearest_mode", &Resize::nearest_mode},
                                     Field{"aspect", &Resize::aspect},
                                     Field{"axes", &Resize::axes},
                                     Field{"cubic_a", &Resize::cubic_a},
                                     Field{"extrapolation_value", &Resize::extrapolation_value},
                                     Field{"exclude_outside", &Resize::exclude_outside},
                                     Field{"antialias", &Resize::antialias}};
  static const OpDef def;
};

/// (x: [N,s…,C], grid: [N,s'…,k]) → [N,s'…,C] with k = two or three spatial axes. A grid point holds −1 … 1 for each
/// axis, the last one first; cubic takes two axes. Source: ONNX GridSample 20.
struct GridSample : Operator<"GridSample"> {
  GridMode mode = GridMode::bilinear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;
  static constexpr std::tuple fields{Field{"mode", &GridSample::mode}, Field{"padding", &GridSample::padding},
                                     Field{"align_corners", &GridSample::align_corners}};
  static const OpDef def;
};

/// (theta: [N,k,k+1], size: [k+2] = N, C, s…) → [N,s…,k] with k = 2 or 3: for each pixel of an image of that size theta
/// · (its place in −1 … 1, the last axis first, then 1), as GridSample takes it. align_corners: −1 and 1 are the
/// centers of the outermost pixels, else their edges. Source: ONNX AffineGrid 20.
struct AffineGrid : Operator<"AffineGrid"> {
  bool align_corners = false;
  static constexpr std::tuple fields{Field{"align_corners", &AffineGrid::align_corners}};
  static const OpDef def;
};

}  // namespace hone
