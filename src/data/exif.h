#pragma once

#include <cstddef>
#include <span>

#include "tensor/tensor.h"

namespace hone {

/// How a camera was held, from the Exif segment of a JPEG file (tag 0x0112 of its first directory): 1 to 8 as Exif 2.3
/// table 6 numbers them, 1 when nothing is said or what is said is broken.
int exif_orientation(std::span<const std::byte> jpeg);

/// The pixels of an image u8[H,W,C] as the scene stood. Orientations 5 to 8 exchange height and width.
Tensor upright(const Tensor& image, int orientation);

}  // namespace hone
