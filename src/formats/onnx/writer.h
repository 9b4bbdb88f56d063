#pragma once

#include <cstdint>

#include "formats/format.h"

namespace hone::onnx {

/// Options of the writer.
struct WriteOptions {
  /// Models with more constant bytes than this keep them in PATH.data: a protobuf message ends at 2 GB.
  int64_t max_inline_bytes = int64_t{1900} * 1000 * 1000;
  /// Leaves weights signed whose products can overflow 16 bits in ONNX Runtime on CPUs without VNNI (saturation.h).
  bool may_saturate = false;
};

/// Writes operator set 17, IR version 8. The same graph gives the same bytes. Throws Error(unsupported) that lists
/// every node without a form in ONNX.
void write_model(const Graph& graph, const WriteRequest& request, const WriteOptions& options);

/// The same into memory, constants inside.
std::string encode_model(const Graph& graph, const WriteOptions& options = {});

}  // namespace hone::onnx
