#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace hone {

/// SHA-256 (FIPS 180-4) as 64 hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);

/// Of a file's bytes. Throws Error(not_found) or Error(io).
std::string sha256_of_file(const std::string& path);

}  // namespace hone
