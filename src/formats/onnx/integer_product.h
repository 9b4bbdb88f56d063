#pragma once

#include <optional>
#include <string_view>

#include "formats/onnx/node_writer.h"
#include "ir/graph.h"

namespace hone::onnx {

/// ConvInteger and MatMulInteger. hone says them as a Conv or MatMul of i32 operands, each (Cast to i32) − zero point
/// of bytes, or a constant; they are written as the integer operators again.

/// One operand of such a product.
struct ByteOperand {
  ValueId stored;   ///< the bytes; absent for constant integers
  Tensor constant;  ///< bytes of a constant operand, in hone's layout
  int64_t zero_point = 0;
  ValueId zero_value;      ///< the zero point where it is known at run time only
  bool is_turned = false;  ///< a Transpose to channels last stands between `stored` and the product
};

/// What input `id` of a product is made of; nothing when it is no bytes less a number.
std::optional<ByteOperand> byte_operand(const Graph& graph, ValueId id);

/// Whether `node` is a Conv or MatMul of integers that both are bytes.
bool is_byte_product(const Graph& graph, const Node& node);

/// Whether `node` is a Cast, Sub or Transpose through which only byte products read: it is not written.
bool is_read_as_bytes(const Graph& graph, const Node& node);

/// Writes a byte product by the ONNX operator `integer`; throws Error(unsupported) for a `real` of other integers, for
/// which ONNX has no operator.
void write_integer_product(NodeWriter& w, std::string_view integer, std::string_view real,
                           const AttributeList& attributes);

}  // namespace hone::onnx
