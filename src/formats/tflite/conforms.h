#pragma once

#include <memory>
#include <span>

#include "formats/tflite/schema.h"

namespace hone::tflite {

/// Holds an operator, as it will stand in the file, against what the oldest runtime that hone writes for can do: TFLite
/// 2.9. Its rules are data: for each builtin the last version, the combinations of element types and the ranks its
/// kernels take, and forms of quantization they would read differently. `tensors` are those of the operator's subgraph.
/// Throws Error(unsupported) that names operator, rule and runtime.
void check_conforms(const fb::OperatorCodeT& code, const fb::OperatorT& op,
                    std::span<const std::unique_ptr<fb::TensorT>> tensors);

}  // namespace hone::tflite
