#pragma once

#include "formats/format.h"

namespace hone {

/// ONNX: reads operator sets up to 23, writes 17 (IR version 8) or the oldest that can say every node.
extern const Format kOnnxFormat;

}  // namespace hone
