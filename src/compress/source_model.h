#pragma once

#include <cstdint>
#include <string>

#include "ir/graph.h"

namespace hone {

/// A model and where it came from.
struct SourceModel {
  std::string path;    ///< empty for a model that came from memory
  std::string sha256;  ///< of the file
  int64_t bytes = 0;
  Graph graph;  ///< simplified by the standard pipeline
};
/// Simplifies `graph`, which was read from `path` ("": from memory).
SourceModel source_model(Graph graph, const std::string& path = {});

}  // namespace hone
