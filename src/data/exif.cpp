#include "data/exif.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace hone {

namespace {

/// Numbers of a TIFF block, in the byte order that it states.
class Block {
 public:
  explicit Block(std::span<const std::byte> bytes) : bytes_(bytes) {
    is_big_ = bytes.size() > 0 && bytes[0] == std::byte{'M'};
  }
  std::optional<uint32_t> number(size_t at, size_t width) const {
    if (at > bytes_.size() || width > bytes_.size() - at) return std::nullopt;
    uint32_t value = 0;
    for (size_t i = 0; i < width; ++i)
      value |= std::to_integer<uint32_t>(bytes_[at + i]) << 8 * (is_big_ ? width - 1 - i : i);
    return value;
  }

 private:
  std::span<const std::byte> bytes_;
  bool is_big_ = false;
};

int orientation_of(std::span<const std::byte> tiff) {
  constexpr uint32_t kOrientation = 0x0112, kEntryBytes = 12;
  const Block block(tiff);
  if (block.number(2, 2) != 42u) return 1;
  const uint32_t directory = block.number(4, 4).value_or(0);
  const uint32_t entries = block.number(directory, 2).value_or(0);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = size_t{directory} + 2 + size_t{i} * kEntryBytes;
    if (block.number(entry, 2) != kOrientation) continue;
    const uint32_t value = block.number(entry + 8, 2).value_or(1);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

}  // namespace

int exif_orientation(std::span<const std::byte> jpeg) {
  constexpr std::string_view kExif{"Exif\0\0", 6};
  const auto byte = [&](size_t at) { return std::to_integer<unsigned>(jpeg[at]); };
  for (size_t at = 2; at + 4 <= jpeg.size() && byte(at) == 0xFF;) {
    const unsigned marker = byte(at + 1);
    if (marker == 0xDA || marker == 0xD9) break;  // pixels begin
    const size_t length = byte(at + 2) << 8 | byte(at + 3);
    if (length < 2 || at + 2 + length > jpeg.size()) break;
    const auto segment = jpeg.subspan(at + 4, length - 2);
    if (marker == 0xE1 && segment.size() > kExif.size() && std::memcmp(segment.data(), kExif.data(), kExif.size()) == 0)
      return orientation_of(segment.subspan(kExif.size()));
    at += 2 + length;
  }
  return 1;
}

Tensor upright(const Tensor& image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool is_turned = orientation >= 5;
  const int64_t h = image.dim(0), w = image.dim(1), c = image.dim(2);
  Tensor out = Tensor::empty(DType::kU8, {is_turned ? w : h, is_turned ? h : w, c});
  const auto* from = image.data<uint8_t>().data();
  auto* to = out.mutable_data<uint8_t>().data();
  // Row and column of the file as the standard says where they lie in the scene.
  const bool flips_rows = orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8;
  const bool flips_columns = orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7;
  for (int64_t y = 0; y < out.dim(0); ++y)
    for (int64_t x = 0; x < out.dim(1); ++x, to += c) {
      // Of a turned picture the scene's rows are the file's columns.
      const int64_t row = is_turned ? x : y, column = is_turned ? y : x;
      const bool flip_row = is_turned ? flips_columns : flips_rows,
                 flip_column = is_turned ? flips_rows : flips_columns;
      const int64_t source_row = flip_row ? h - 1 - row : row, source_column = flip_column ? w - 1 - column : column;
      std::memcpy(to, from + (source_row * w + source_column) * c, static_cast<size_t>(c));
    }
  return out;
}

}  // namespace hone
