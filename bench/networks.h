#pragma once

#include <span>
#include <string_view>

#include "ir/graph.h"

namespace hone::bench {

/// How a network stores what flows through it. Integers have weights per channel.
enum class Stored { kF32, kU8, kI8 };

/// Networks of the field with random weights (He et al. 2015, section 2.2): six of ImageNet at 224 × 224, the four of
/// MLPerf Tiny. One input, one output, batch 1.
std::span<const std::string_view> network_names();

/// The network of that name. `is_channels_first`: the input is [1, C, H, W], as ONNX models have it, else [1, H, W, C].
/// Throws Error(invalid_argument) for a name that is none.
Graph network(std::string_view name, Stored stored, bool is_channels_first);

}  // namespace hone::bench
