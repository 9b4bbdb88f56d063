#pragma once

#include "formats/format.h"

namespace hone {

/// ONNX: reads operator sets up to 21, writes operator set 17 (IR version 8).
extern const Format kOnnxFormat;

}  // namespace hone
