#pragma once

#include "formats/format.h"

namespace hone::onnx {

/// Reads a model. Operators without a row, of other domains than ONNX's own or in a form hone cannot say become Opaque
/// nodes; everything else that is wrong is an Error that names the node.
Graph read_model(const ReadRequest& request);

}  // namespace hone::onnx
