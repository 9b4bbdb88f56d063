#pragma once

#include <string>

#include "formats/tflite/writer.h"

namespace hone::tflite {

/// The oldest TensorFlow Lite release that has every operator of the file in its version, as "2.3.0". Operators younger
/// than the table count as what it ends with.
std::string oldest_runtime(const WriteState& state);

}  // namespace hone::tflite
