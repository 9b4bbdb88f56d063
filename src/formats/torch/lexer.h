#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hone::torch {

struct Token {
  enum class Kind { name, integer, real, text, sign, line_end, indent, dedent, end };
  Kind kind = Kind::end;
  std::string text = {};  ///< as written; of a text its content
  int line = 0, column = 0;
};

/// Tokens of a source, with Python's rules of lines and indentation. Throws Error(invalid_model).
std::vector<Token> tokenize(std::string_view source);

}  // namespace hone::torch
