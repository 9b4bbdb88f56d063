#pragma once

#include "formats/format.h"

namespace hone::tflite {

/// Operators of all subgraphs: "CONV_2D", a custom operator by its own name.
Census count_operators(const ReadRequest& request);

}  // namespace hone::tflite
