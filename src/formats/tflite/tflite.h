#pragma once

#include "formats/format.h"

namespace hone {

/// TensorFlow Lite, schema version 3.
extern const Format kTfliteFormat;

}  // namespace hone
