#pragma once

#include <cstdint>
#include <string>

#include "hone/model.h"

namespace hone {

/// A decoded picture: rows from the top, of `channels` bytes a pixel, R, G, B or grey alone. The bytes are the
/// caller's.
struct Picture {
  const uint8_t* pixels = nullptr;
  int64_t height = 0, width = 0;
  int64_t channels = 3;  ///< 3 or 1
};

/// How pictures become the model's input, as JSON: what its metadata carries ("hone.preprocess"), else "".
std::string preprocessing(const Model& model);

/// The model with that preprocessing in its metadata, for whoever runs its file next: {"resize": [224, 224], "scale":
/// 0.0039, "mean": [0.5], "std": [0.25], …}. Throws Error(invalid_argument) that names an unknown field.
Model with_preprocessing(const Model& model, const std::string& json);

/// `picture` as input number `input` of the model takes it: resized, cropped, normalized, laid out and stored by the
/// preprocessing that it carries; without one, resized to the input's size, 8-bit inputs take the pixels, floats 0…255.
/// Throws Error(invalid_argument) when the input is no image's or the picture none.
Tensor image_input(const Model& model, const Picture& picture, size_t input = 0);

}  // namespace hone
