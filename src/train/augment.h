#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"
#include "train/random.h"

namespace hone {

/// One sample as rows of columns of channels, wherever those lie: an image, or a spectrum with time along its rows.
struct Picture {
  float* data;
  int64_t rows, columns, channels;
  int64_t row_stride, column_stride, channel_stride;

  float& at(int64_t row, int64_t column, int64_t channel) const {
    return data[row * row_stride + column * column_stride + channel * channel_stride];
  }
};

/// A way to change a sample without changing what it shows. A row of the table in augment.cpp.
struct AugmentRow {
  /// What an amount has to stay below, so that something of the sample is left.
  enum Below : uint8_t { kNothing, kRows, kColumns, kSides };

  std::string_view name;
  std::string_view about;
  double amount;  ///< when none is stated
  double most;    ///< that may be stated; 0: none may
  void (*apply)(const Picture&, double amount, Random&);
  Below below = kNothing;
};
std::span<const AugmentRow> all_augments();

struct Augment {
  const AugmentRow* row = nullptr;
  double amount = 0;
};

/// "flip,shift=4". Throws Error(invalid_argument) naming what does not exist or is out of range.
std::vector<Augment> parse_augments(std::string_view text);

/// Throws Error(invalid_argument) where an augment would leave nothing of samples like this one.
void require_fits(const Tensor& sample, bool planes, std::span<const Augment> augments);

/// Changes `sample`: f32 [1, H, W, C], or [1, C, H, W] when `planes`, or of rank 3 without channels, by each in turn.
/// Other tensors stay.
void augment(Tensor& sample, bool planes, std::span<const Augment> augments, Random& random);

}  // namespace hone
