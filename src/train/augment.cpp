#include "train/augment.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

void flip(const Picture& p, double, Random& random) {
  if (random.below(2) == 0) return;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t a = 0, b = p.columns - 1; a < b; ++a, --b)
      for (int64_t c = 0; c < p.channels; ++c) std::swap(p.at(r, a, c), p.at(r, b, c));
}

/// Moves everything by `down` and `right`; what comes into view repeats the border.
void move(const Picture& p, int64_t down, int64_t right) {
  std::vector<float> old;
  old.reserve(static_cast<size_t>(p.rows * p.columns * p.channels));
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t x = 0; x < p.columns; ++x)
      for (int64_t c = 0; c < p.channels; ++c) old.push_back(p.at(r, x, c));
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t x = 0; x < p.columns; ++x) {
      const int64_t from_row = std::clamp<int64_t>(r - down, 0, p.rows - 1);
      const int64_t from_column = std::clamp<int64_t>(x - right, 0, p.columns - 1);
      const size_t from = static_cast<size_t>((from_row * p.columns + from_column) * p.channels);
      for (int64_t c = 0; c < p.channels; ++c) p.at(r, x, c) = old[from + static_cast<size_t>(c)];
    }
}

void shift(const Picture& p, double amount, Random& random) {
  const int64_t down = random.around(static_cast<int64_t>(amount));
  move(p, down, random.around(static_cast<int64_t>(amount)));
}

void shift_time(const Picture& p, double amount, Random& random) {
  move(p, random.around(static_cast<int64_t>(amount)), 0);
}

double mean_of(const Picture& p) {
  double sum = 0;
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t x = 0; x < p.columns; ++x)
      for (int64_t c = 0; c < p.channels; ++c) sum += static_cast<double>(p.at(r, x, c));
  return sum / static_cast<double>(p.rows * p.columns * p.channels);
}

/// Rows top … bottom − 1, columns left … right − 1, cut at the border.
void fill(const Picture& p, int64_t top, int64_t bottom, int64_t left, int64_t right, double value) {
  for (int64_t r = std::max<int64_t>(top, 0); r < std::min(bottom, p.rows); ++r)
    for (int64_t x = std::max<int64_t>(left, 0); x < std::min(right, p.columns); ++x)
      for (int64_t c = 0; c < p.channels; ++c) p.at(r, x, c) = static_cast<float>(value);
}

void cutout(const Picture& p, double amount, Random& random) {
  const auto side = static_cast<int64_t>(amount);
  const int64_t top = random.below(p.rows) - side / 2, left = random.below(p.columns) - side / 2;
  fill(p, top, top + side, left, left + side, mean_of(p));
}

void mask_rows(const Picture& p, double amount, Random& random) {
  const int64_t count = random.below(static_cast<int64_t>(amount) + 1), top = random.below(p.rows);
  fill(p, top, top + count, 0, p.columns, mean_of(p));
}

void mask_columns(const Picture& p, double amount, Random& random) {
  const int64_t count = random.below(static_cast<int64_t>(amount) + 1), left = random.below(p.columns);
  fill(p, 0, p.rows, left, left + count, mean_of(p));
}

void contrast(const Picture& p, double amount, Random& random) {
  const double mean = mean_of(p), factor = 1 + amount * (2 * random.share() - 1);
  for (int64_t r = 0; r < p.rows; ++r)
    for (int64_t x = 0; x < p.columns; ++x)
      for (int64_t c = 0; c < p.channels; ++c) {
        float& v = p.at(r, x, c);
        v = static_cast<float>(mean + (static_cast<double>(v) - mean) * factor);
      }
}

void color(const Picture& p, double amount, Random& random) {
  for (int64_t c = 0; c < p.channels; ++c) {
    const auto factor = static_cast<float>(1 + amount * (2 * random.share() - 1));
    for (int64_t r = 0; r < p.rows; ++r)
      for (int64_t x = 0; x < p.columns; ++x) p.at(r, x, c) *= factor;
  }
}

constexpr double kLargest = 1 << 20;

constexpr AugmentRow kRows[] = {
    {"flip", "left and right exchanged in half of the samples", 0, 0, flip},
    {"shift", "moved by up to N pixels up or down, left or right; the border is repeated", 4, kLargest, shift,
     AugmentRow::kSides},
    {"time", "moved by up to N rows: spectra with time along their rows", 4, kLargest, shift_time, AugmentRow::kRows},
    {"cutout", "a square of N pixels filled with the mean (DeVries and Taylor, 2017)", 8, kLargest, cutout,
     AugmentRow::kSides},
    {"rows", "up to N rows filled with the mean (Park et al., SpecAugment, 2019)", 4, kLargest, mask_rows,
     AugmentRow::kRows},
    {"columns", "up to N columns filled with the mean (Park et al., SpecAugment, 2019)", 2, kLargest, mask_columns,
     AugmentRow::kColumns},
    {"contrast", "differences from the mean scaled by 1 − N … 1 + N", 0.2, 1, contrast},
    {"color", "each channel scaled by 1 − N … 1 + N of its own", 0.2, 1, color},
};

Augment parse_one(std::string_view text) {
  const size_t equals = text.find('=');
  const std::string_view name = trim(text.substr(0, equals));
  std::vector<std::string> names;
  for (const AugmentRow& row : kRows) {
    names.emplace_back(row.name);
    if (row.name != name) continue;
    if (equals == std::string_view::npos) return {&row, row.amount};
    const std::string stated(trim(text.substr(equals + 1)));
    const std::optional<double> amount = parse_double(stated);
    if (!amount || !(*amount > 0) || *amount > row.most)
      throw invalid_argument(
          row.most > 0 ? cat("augment ", name, " is '", stated, "', expected a number above 0, ", row.most, " at most")
                       : cat("augment ", name, " takes no number"));
    return {&row, *amount};
  }
  throw invalid_argument(cat("no augment is called '", name, "', there are: ", join(names, ", ")));
}

std::optional<Picture> picture_of(Tensor& t, bool planes) {
  if (t.dtype() != DType::kF32 || t.elements() == 0) return std::nullopt;
  float* data = t.mutable_data<float>().data();
  if (t.rank() == 3) return Picture{data, t.dim(1), t.dim(2), 1, t.dim(2), 1, 1};
  if (t.rank() != 4) return std::nullopt;
  if (planes) return Picture{data, t.dim(2), t.dim(3), t.dim(1), t.dim(3), 1, t.dim(2) * t.dim(3)};
  return Picture{data, t.dim(1), t.dim(2), t.dim(3), t.dim(2) * t.dim(3), t.dim(3), 1};
}

}  // namespace

std::span<const AugmentRow> all_augments() { return kRows; }

std::vector<Augment> parse_augments(std::string_view text) {
  std::vector<Augment> out;
  while (!trim(text).empty()) {
    const size_t comma = text.find(',');
    out.push_back(parse_one(text.substr(0, comma)));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return out;
}

void require_fits(const Tensor& sample, bool planes, std::span<const Augment> augments) {
  Tensor copy = sample.clone();
  const auto picture = picture_of(copy, planes);
  if (!picture) return;
  const int64_t sides[] = {0, picture->rows, picture->columns, std::min(picture->rows, picture->columns)};
  for (const Augment& a : augments)
    if (a.row->below != AugmentRow::kNothing && a.amount >= static_cast<double>(sides[a.row->below]))
      throw invalid_argument(cat("augment ", a.row->name, "=", a.amount, ": samples have ", picture->rows, " rows and ",
                                 picture->columns, " columns, expected less than ", sides[a.row->below]));
}

void augment(Tensor& sample, bool planes, std::span<const Augment> augments, Random& random) {
  const auto picture = picture_of(sample, planes);
  if (!picture) return;
  for (const Augment& a : augments) a.row->apply(*picture, a.amount, random);
}

}  // namespace hone
