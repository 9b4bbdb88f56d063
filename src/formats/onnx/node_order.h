#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "formats/onnx/proto.h"

namespace hone::onnx {

/// Deepest nesting of subgraphs and of function calls.
constexpr int kMaxDepth = 32;

/// Names that an encoded graph at nesting `depth` uses but does not define, nested graphs included, in order of use.
/// Throws Error(invalid_model) when graphs nest deeper than kMaxDepth.
std::vector<std::string_view> free_names(const Decoder& decoder, std::string_view graph_bytes, int depth);

/// Indices of `nodes`, each behind those that make what it (or a graph inside it) uses, otherwise as they stand. The
/// format wants files sorted so (ONNX IR, "Graphs"), but tools that insert nodes at the end do not sort, and other
/// runtimes do not mind. Nodes on a cycle keep their place at the end.
std::vector<size_t> order_of(const Decoder& decoder, const std::vector<NodeProto>& nodes, int depth);

}  // namespace hone::onnx
