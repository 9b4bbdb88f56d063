#pragma once

#include <string>

namespace hone {

/// SHA-256 of a file's bytes as 64 hexadecimal digits. Throws Error(not_found) or Error(io).
std::string sha256_of_file(const std::string& path);

}  // namespace hone
