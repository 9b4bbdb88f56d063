#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "formats/onnx/kernels.h"

namespace hone::onnx {

/// An ONNX node in the operator set it is written in, with the types of its operands as far as they are known.
struct TypedNode {
  std::string_view op;
  int opset;
  std::vector<std::optional<DType>> in, out;
  std::optional<DType> attribute;  ///< the element type an attribute states
};

/// How a node becomes one that the runtime takes: the type in which each operand is given, where it is another than the
/// operand's own, and what its outputs are.
struct Conformed {
  std::vector<std::optional<DType>> cast_in, cast_out;  ///< empty: as it is
  std::vector<std::optional<DType>> out;                ///< of the outputs, before any cast
};

/// Checks a node against the runtime's kernels (kernels.h). What none takes is computed in a wider type where one holds
/// every value; else throws Error(unsupported) that names the operator, the types it takes and the runtime.
Conformed conform(const TypedNode& node);

}  // namespace hone::onnx
