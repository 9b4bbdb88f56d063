#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// Key of the preprocessing in a graph's metadata.
inline constexpr std::string_view kPreprocessKey = "hone.preprocess";

/// How an image becomes a model's input: resize, crop the centre, then per channel y = (x · scale − mean) / std with x
/// in 0…255, in the order of `color`, laid out as `layout` says. Fields that are not set follow the model's input.
struct Preprocess {
  /// Height and width; or one number: the shorter side, the other keeping the proportion. Empty: to the input's size.
  std::vector<int64_t> resize;
  std::vector<int64_t> crop;   ///< height and width around the centre, or one number for both; empty: none
  std::optional<float> scale;  ///< 1 when not set
  std::vector<float> mean;     ///< one for all channels or one each; empty: 0
  std::vector<float> std;      ///< likewise; empty: 1
  std::string layout;          ///< "NHWC", "NCHW"; "": from the input's shape
  std::string color;           ///< "RGB", "BGR", "GRAY"; "": RGB, or GRAY for an input of one channel
  /// Shrinking averages over all source pixels, as Pillow and torchvision do; false: reads four, as TensorFlow does.
  std::optional<bool> antialias;  ///< true when not set

  friend bool operator==(const Preprocess&, const Preprocess&) = default;
};

/// {"resize":[224,224],"scale":0.0078125,"mean":[1],"layout":"NHWC","color":"RGB"}; fields not set are left out.
std::string to_json(const Preprocess& preprocess);
/// Throws Error(invalid_argument) that names an unknown field or a value of the wrong kind.
Preprocess parse_preprocess(std::string_view json);

/// Fields set in `over` replace those of `base`.
Preprocess merge(Preprocess base, const Preprocess& over);

/// What is used for an input of `type` [N, H, W, C] or [N, C, H, W] when nobody says otherwise: 8-bit inputs take the
/// raw pixel (u8) or pixel − 128 (i8), expressed as real numbers by their scale and zero point; floats take 0…255.
/// The result has every field set but resize and crop. Throws Error(invalid_argument) when the shape is no image's.
Preprocess default_preprocess(const TensorType& type);

/// default_preprocess, overlaid with what the graph's metadata says, overlaid with `over`.
Preprocess resolve_preprocess(const TensorType& type, const std::map<std::string, std::string>& metadata,
                              const Preprocess& over = {});

/// Bilinear resize of a u8 image [H, W, C] to f32 [h, w, C], half-pixel centres, edges clamped; where it shrinks and
/// `antialias`, the triangle filter reaches as far as one target pixel.
Tensor resize_bilinear(const Tensor& image, int64_t height, int64_t width, bool antialias = true);

/// Turns a decoded image [H, W, 1 or 3] into a model input of `type`, batch 1, quantized if the type is.
/// `preprocess` is complete (from resolve_preprocess).
Tensor preprocess_image(const Tensor& image, const Preprocess& preprocess, const TensorType& type);

/// A u8 image [H, W, 1 or 3] with 1 or 3 channels: grey is 0.299 R + 0.587 G + 0.114 B.
Tensor with_channels(const Tensor& image, int64_t channels);

/// Channels to decode an image with: 1 when `preprocess` says GRAY, else 3.
int64_t image_channels(const Preprocess& preprocess);

/// Any tensor as an input of `type`: real numbers are quantized, stored integers dequantized by `stored` (or their own
/// parameters), a missing batch dimension is added. Plain integers whose dtype is the input's storage dtype pass as
/// they are. Throws Error(invalid_argument) when dtype or shape cannot be made to fit.
Tensor convert_input(const Tensor& value, const TensorType& type, const QuantPtr& stored = nullptr);

}  // namespace hone
