#pragma once

#include "ir/graph.h"

namespace hone {

/// States in the metadata of `real`, unless it states preprocessing already, the one by which images mean to it what
/// they meant to `integer`, the same model with a quantized first input. Apart from to_float because it needs the
/// reading of images, which the library of the public API does without.
void keep_pixels(const Graph& integer, Graph& real);

}  // namespace hone
