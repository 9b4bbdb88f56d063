#include <bit>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "data/image.h"

namespace hone {

namespace {

/// Little-endian numbers at checked places.
struct Bytes {
  std::span<const std::byte> data;
  uint32_t u8(size_t at) const {
    if (at >= data.size()) throw invalid_argument(cat("bmp: the file ends at byte ", data.size()));
    return static_cast<uint32_t>(data[at]);
  }
  uint32_t u16(size_t at) const { return u8(at) | u8(at + 1) << 8; }
  uint32_t u32(size_t at) const { return u16(at) | u16(at + 2) << 16; }
  int32_t i32(size_t at) const { return static_cast<int32_t>(u32(at)); }
};

/// A channel of a 16- or 32-bit pixel, scaled to 0…255.
uint8_t masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  const int shift = std::countr_zero(mask);
  const uint64_t top = mask >> shift;
  return static_cast<uint8_t>((uint64_t((pixel & mask) >> shift) * 255 + top / 2) / top);
}

}  // namespace

/// Windows bitmaps with 8 (palette), 16, 24 or 32 bits a pixel, without compression, rows in either direction.
Tensor detail::decode_bmp(std::span<const std::byte> data) {
  const Bytes in{data};
  const uint32_t pixels = in.u32(10), header = in.u32(14);
  if (header < 40) throw unsupported(cat("bmp: header of ", header, " bytes, expected 40 or more"));
  const int64_t width = in.i32(18), raw_height = in.i32(22);
  const uint32_t bits = in.u16(28), compression = in.u32(30);
  if (compression != 0 && compression != 3 && compression != 6)
    throw unsupported(cat("bmp: compression ", compression, ", expected none"));
  if (bits != 8 && bits != 16 && bits != 24 && bits != 32)
    throw unsupported(cat("bmp: ", bits, " bits a pixel, expected 8, 16, 24 or 32"));
  const int64_t height = std::abs(raw_height);
  Tensor image = make_image(height, width, 3);
  const int64_t stride = (width * bits + 31) / 32 * 4;
  if (static_cast<int64_t>(data.size()) < pixels + stride * height)
    throw invalid_argument(cat("bmp: ", height, " rows of ", stride, " bytes from byte ", pixels,
                               " do not fit into a file of ", data.size(), " bytes"));
  uint32_t masks[3] = {0x00FF0000, 0x0000FF00, 0x000000FF};
  if (bits == 16) masks[0] = 0x7C00, masks[1] = 0x03E0, masks[2] = 0x001F;
  if (compression != 0)
    for (size_t c = 0; c < 3; ++c) masks[c] = in.u32(54 + 4 * c);
  const size_t palette = size_t(14) + header;
  uint8_t* out = image.mutable_data<uint8_t>().data();
  for (int64_t y = 0; y < height; ++y) {
    size_t at = pixels + static_cast<size_t>(stride * (raw_height > 0 ? height - 1 - y : y));
    for (int64_t x = 0; x < width; ++x, at += bits / 8, out += 3) {
      const size_t bgr = bits == 8 ? palette + 4 * in.u8(at) : at;
      if (bits == 8 || bits == 24) {
        for (size_t c = 0; c < 3; ++c) out[c] = static_cast<uint8_t>(in.u8(bgr + 2 - c));
      } else {
        const uint32_t pixel = bits == 16 ? in.u16(at) : in.u32(at);
        for (size_t c = 0; c < 3; ++c) out[c] = masked(pixel, masks[c]);
      }
    }
  }
  return image;
}

}  // namespace hone
