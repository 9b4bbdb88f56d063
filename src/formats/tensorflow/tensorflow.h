#pragma once

#include "formats/format.h"

namespace hone {

/// TensorFlow's SavedModel folders and frozen GraphDefs (.pb). Only read.
extern const Format kTensorflowFormat;

}  // namespace hone
