#pragma once

#include <random>
#include <string>
#include <string_view>

#include "ir/op_def.h"

namespace hone::sweep {

/// The text form of a graph (ir/text.h) with one to four things changed: a dtype, a number, the length of a list, a
/// rank, an operator's name, an argument, an attribute, a line. What comes out mostly still parses. The same text,
/// operators and state of `random` give the same result.
std::string mutated(std::string_view text, const OpSet& ops, std::mt19937_64& random);

}  // namespace hone::sweep
