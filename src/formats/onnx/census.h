#pragma once

#include "formats/format.h"

namespace hone::onnx {

/// Nodes by operator, those of graphs in attributes and of functions counted in: "Conv", "com.microsoft.Gelu".
Census count_operators(const ReadRequest& request);

}  // namespace hone::onnx
