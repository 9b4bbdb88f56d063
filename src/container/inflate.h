#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace hone {

/// How deflated bytes are framed.
enum class Deflated { raw, zlib, gzip };
/// What zlib calls the window of a frame.
int zlib_window(Deflated frame);

/// Unpacks deflated bytes (RFC 1951, in zlib's frame RFC 1950, in gzip's RFC 1952) that must give exactly `size` bytes.
/// Memory grows with what really comes out. Throws Error(invalid_model) when they are damaged or give another number,
/// Error(resource) when there is no room.
Bytes inflate(std::span<const std::byte> packed, int64_t size, Deflated frame);

}  // namespace hone
