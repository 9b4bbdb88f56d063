#pragma once

#include <span>
#include <string>

#include "ir/graph.h"

namespace hone {

/// The one of `layers`, names of nodes of `prepared`, that `name` means: a layer's own name, or the name of a node of
/// `source`, the model as its file has it, that is this layer now or was merged into it (a convolution into the
/// activation behind it). "" when it is none of them.
std::string find_layer(const std::string& name, const Graph& source, const Graph& prepared,
                       std::span<const std::string> layers);

}  // namespace hone
