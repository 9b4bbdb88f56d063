#pragma once

#include <string>

namespace hone::testing {

/// The library that HONE_ORT_LIB names, or the one that tests/oracle/fetch.sh put under the build tree; "" when there
/// is none.
std::string onnx_runtime_path();
/// The same of TensorFlow Lite, HONE_TFLITE_LIB.
std::string tflite_path();
/// Null for "". Throws Error(io) when it cannot be loaded.
void* open_library(const std::string& path);

}  // namespace hone::testing
