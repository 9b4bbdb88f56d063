#pragma once

#include <string>
#include <string_view>

namespace hone {

/// A script that completes commands and flags, made from what the commands declare; everything else completes as files.
/// `shell`: "bash" or "zsh". Throws Error(invalid_argument) for others.
std::string completion(std::string_view shell);

}  // namespace hone
