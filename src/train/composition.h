#pragma once

#include <functional>
#include <span>
#include <vector>

#include "train/backward.h"

namespace hone {

/// Gives the gradients of a node whose forward pass `forward` writes anew from simpler operators: inputs in, as many
/// outputs as the node has out. What is differentiated is that; it runs a second time.
void give_by_composition(Backward& b,
                         const std::function<std::vector<ValueId>(std::span<const ValueId> inputs)>& forward);

}  // namespace hone
