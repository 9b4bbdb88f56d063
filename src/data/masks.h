#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace hone {

/// The class of each pixel of a picture, as somebody saw it.
struct Mask {
  static constexpr uint8_t kVoid = 255;  ///< of a pixel that counts for nothing

  int64_t height = 0, width = 0;
  std::vector<uint8_t> classes;  ///< row by row

  /// The class in the middle of cell (row, column) of a grid of rows × columns laid over the picture.
  uint8_t at(int64_t row, int64_t column, int64_t rows, int64_t columns) const;
};

/// The files NAME.png for each picture NAME.*, in masks/, SegmentationClass/ (VOC) or annotations/ (ADE20K) beside the
/// pictures' folder; "" for a picture that has none. Empty when no picture has one.
std::vector<std::string> find_masks(const Dataset& data);

/// Reads a PNG whose pixels are numbers of classes: of a palette, or grey of up to 8 bits. Throws Error with a frame
/// naming the file.
Mask read_mask(const std::string& path);

}  // namespace hone
