#pragma once

#include <cstdint>

#include "ir/graph.h"

namespace hone {

/// Bytes of the smaller of the .tflite and .onnx files that hold `graph`; a format that cannot express it does not
/// count. 0 when neither can. Writes to a temporary folder, which is removed.
int64_t smallest_file_size(const Graph& graph);

}  // namespace hone
