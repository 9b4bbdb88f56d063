#pragma once

#include <string_view>
#include <vector>

#include "passes/pass.h"

namespace hone {

/// The named pipelines, made at their first use. Each leaves a legal graph with the same outputs; quantized graphs pass
/// through all of them.

/// Constants folded, operators without effect dropped, equal nodes merged, shape arithmetic resolved, dead code gone.
const Pipeline& simplify_pipeline();
/// One way to say each thing: Clamp for Clip, FullyConnected for products with constant weights, Gelu, LayerNorm, … for
/// their parts. Includes what simplify does in between.
const Pipeline& canonical_pipeline();
/// Neighbours merged into operators that do both: BatchNorm, scales, padding and activations into convolutions.
const Pipeline& fuse_pipeline();
/// Transposes cancelled by choosing for each part of the graph the order of axes that needs the fewest.
const Pipeline& layout_pipeline();
/// Operators that a target has no form of said by simpler ones it has: for the writer of such a target, after the
/// others.
const Pipeline& expand_pipeline();
/// All but expand in the order that suits a freshly read model.
const Pipeline& standard_pipeline();

/// The pipeline of that name ("simplify", "canonical", "fuse", "layout", "expand", "standard"). Throws Error(not_found)
/// with a suggestion.
const Pipeline& find_pipeline(std::string_view name);

}  // namespace hone
