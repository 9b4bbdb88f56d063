#pragma once

#include "formats/format.h"

namespace hone {

/// Keras models: .h5 (HDF5, of Keras 2 and 3) and .keras (the zip archive of version 3). Only read.
extern const Format kKerasFormat;

}  // namespace hone
