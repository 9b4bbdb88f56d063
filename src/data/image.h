#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace hone {

/// Images are u8 tensors [H, W, C], C = 3 in the order R, G, B, or 1 for grey. An alpha channel is dropped, 16-bit
/// channels keep their upper byte, palettes are expanded, no colour profile is applied. Photos stand upright: the
/// orientation that a JPEG's Exif data states is applied.

/// Whether the name ends in .png, .jpg, .jpeg or .bmp, in any case.
bool is_image_name(std::string_view path);

/// Decodes PNG, JPEG or BMP, told apart by content. `channels`: 3 or 1, grey being 0.299 R + 0.587 G + 0.114 B.
/// Throws Error(invalid_argument) on a broken image, Error(unsupported) on another kind, Error(resource) above 16384
/// pixels a side or 64 million pixels.
Tensor decode_image(std::span<const std::byte> bytes, int64_t channels = 3);
Tensor read_image(const std::string& path, int64_t channels = 3);

/// Writes a u8 tensor [H, W, 1 or 3] as PNG. Throws Error(io).
void write_png(const std::string& path, const Tensor& image);

namespace detail {
/// The decoders behind decode_image; each gives [H, W, 3].
Tensor decode_png(std::span<const std::byte> bytes);
/// The numbers that a PNG of up to 8 bits a pixel stores, of grey or of places in its palette: [H, W, 1].
Tensor decode_png_numbers(std::span<const std::byte> bytes);
Tensor decode_jpeg(std::span<const std::byte> bytes);
Tensor decode_bmp(std::span<const std::byte> bytes);
std::string encode_png(const Tensor& image);
/// A new image tensor. Throws Error as decode_image does for sizes.
Tensor make_image(int64_t height, int64_t width, int64_t channels);
}  // namespace detail

}  // namespace hone
