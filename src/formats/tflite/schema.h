#pragma once

// The generated header and its library are not ours to warn about.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include "schema_generated.h"
#pragma GCC diagnostic pop

namespace hone::tflite {

/// "CONV_2D"; "builtin 777" for a code this version does not know.
std::string name_of(fb::BuiltinOperator code);

}  // namespace hone::tflite
