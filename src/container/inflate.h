#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"

namespace hone {

/// How deflated bytes are framed.
enum class Deflated { raw, zlib };

/// Unpacks deflated bytes (RFC 1951, with zlib's frame RFC 1950) that must give exactly `size` bytes. Memory grows with
/// what really comes out. Throws Error(invalid_model) when they are damaged or give another number, Error(resource)
/// when there is no room.
Bytes inflate(std::span<const std::byte> packed, int64_t size, Deflated frame);

}  // namespace hone
