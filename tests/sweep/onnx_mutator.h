#pragma once

#include <random>
#include <string>
#include <string_view>

namespace hone::sweep {

/// An encoded ONNX ModelProto with one to four things changed in its structure: a number, an operator's name, which
/// value a node reads, a dtype, a size, a payload, a field or a whole message dropped, doubled or put in another's
/// place. Lengths stay in order, so that what comes out is mostly a model again. Bytes that are no message come back as
/// they are. The same bytes and state of `random` give the same result.
std::string mutated_onnx(std::string_view model, std::mt19937_64& random);

}  // namespace hone::sweep
