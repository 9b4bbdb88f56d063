#pragma once

#include <random>
#include <string>
#include <string_view>

namespace hone::sweep {

/// A .tflite model with one to four things changed in its structure: an operator's code, an option, which tensor it
/// reads or makes, a dtype, a size, quantization, a payload, an operator dropped or doubled. What comes out is a whole
/// container again. Bytes that are none come back as they are. The same bytes and state of `random` give the same
/// result.
std::string mutated_tflite(std::string_view model, std::mt19937_64& random);

}  // namespace hone::sweep
