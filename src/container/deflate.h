#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "container/inflate.h"

namespace hone {

/// Deflates (RFC 1951) in the given frame, a gzip one without time and name: the same bytes give the same bytes, of any
/// size. `piece`: what zlib is given at once, below 4 GB; an interruption is looked for in between. Throws
/// Error(resource) when memory is short.
std::string deflate(std::string_view bytes, Deflated frame, size_t piece = size_t{1} << 20);

}  // namespace hone
