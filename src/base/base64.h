#pragma once

#include <string>
#include <string_view>

namespace hone {

/// Base 64 (RFC 4648, section 4), with padding.
std::string to_base64(std::string_view bytes);
/// The bytes of the digits up to the first that is none.
std::string from_base64(std::string_view text);

}  // namespace hone
