#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "formats/format.h"
#include "ir/graph.h"

namespace hone {

/// The TFLite container, schema version 3.
extern const Format kTfliteFormat;

/// Reads a model from untrusted bytes, which `owner` keeps alive: constants view them without a copy wherever layout
/// and alignment allow. Throws Error(invalid_model), Error(unsupported) or Error(resource); memory stays within a small
/// multiple of the file's size. The graph computes quantized operators in fixed point as TFLite's kernels do.
/// Operators hone does not know become Opaque nodes.
Graph read_tflite(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

/// The graph as a .tflite file, the same bytes for the same graph. Throws Error(unsupported) that lists every node
/// TFLite has no operator for.
std::vector<std::byte> write_tflite(const Graph& graph);

}  // namespace hone
