#pragma once

#include <string>
#include <string_view>

#include "oracle/onnx_runtime.h"

namespace hone {

/// The graphs of tests/onnx/cases_onnx.txt as hone writes them, against the reference, with the runtime's optimizer and
/// without. Returns how many differ.
int compare_cases(OnnxRuntime& runtime);

/// The graphs of tests/suite in the same way: every operator as hone writes it. What hone refuses is counted.
int compare_operators(OnnxRuntime& runtime);

/// Model files of a folder, read by hone and written as ONNX as they are and after the standard passes, in the same
/// way. What hone refuses is counted. Returns how many differ.
int compare_files(OnnxRuntime& runtime, const std::string& folder);

}  // namespace hone
