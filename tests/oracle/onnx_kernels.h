#pragma once

#include <set>
#include <string>
#include <string_view>

#include "oracle/onnx_form.h"
#include "oracle/onnx_runtime.h"

namespace hone {

/// The line of a form with the type of all operands of a letter (formats/onnx/kernels.h) replaced; where the operator
/// states this type in an attribute, there.
std::string with_type(std::string_view line, std::string_view letters, char letter, DType dtype);

/// The line of a form in another operator set.
std::string with_opset(std::string_view line, int opset);

/// Asks the runtime for each operator, operator set and type whether it takes them, and prints where formats/onnx has
/// another answer. Returns how many lines claim a type that the runtime refuses.
int compare_kernels(OnnxRuntime& runtime, std::string_view only);

/// Every form in every type: what hone writes must run, with the runtime's optimizer and without, and give what the
/// reference gives. Types that hone itself refuses to read or to write are counted. Returns how many differ.
int compare_types(OnnxRuntime& runtime, const std::set<std::string>& known, std::string_view only);

}  // namespace hone
