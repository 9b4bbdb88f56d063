#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hone {

/// `text` as a terminal may show it: control codes (C0 but newline and tab, DEL, C1), marks that reorder text and bytes
/// that are no UTF-8 become "\x1b" or "\u202e". Texts from files are shown through this and nothing else.
std::string printable(std::string_view text);
/// The same for what must stay in one line: newlines become "\n", tabs "\x09".
std::string printable_line(std::string_view text);

/// Whether a code point gives a terminal orders or changes the direction of what follows.
bool is_hidden(uint32_t code);

}  // namespace hone
