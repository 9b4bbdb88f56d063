#pragma once

#include <span>
#include <string_view>

#include "formats/onnx/node_reader.h"
#include "formats/onnx/node_writer.h"
#include "ops/pool.h"

namespace hone::onnx {

inline constexpr int kNewestOpset = 24;   ///< highest operator set that is read
inline constexpr int kWrittenOpset = 17;  ///< written, unless a node needs a newer one

/// One ONNX operator over a range of operator sets, and how it is said in hone and back. `read` and `write` stand side
/// by side; a row without `write` is one that hone says in other words, a row without `read` the reverse.
struct Row {
  std::string_view op;
  int first = 1;  ///< operator sets for which `read` holds
  int last = kNewestOpset;
  void (*read)(NodeReader&) = nullptr;
  const OpDef* def = nullptr;  ///< the hone operator that `write` takes
  void (*write)(NodeWriter&) = nullptr;
};

/// Rows by topic, each in a file of its own.
std::span<const Row> elementwise_rows();
std::span<const Row> movement_rows();
std::span<const Row> shaping_rows();
std::span<const Row> reduce_rows();
std::span<const Row> spatial_rows();
std::span<const Row> resize_rows();
std::span<const Row> matrix_rows();
std::span<const Row> norm_rows();
std::span<const Row> quantize_rows();
std::span<const Row> recurrent_rows();
std::span<const Row> control_rows();
std::span<const Row> misc_rows();
std::span<const Row> attention_rows();

/// Rows of ONNX Runtime's domain "com.microsoft", which are read only.
std::span<const Row> microsoft_rows();
std::span<const Row> transformer_rows();

/// Rows of the domain "ai.onnx.ml".
std::span<const Row> ml_rows();

/// The row that reads `op` (of ONNX's own domain) at `opset`, or null.
const Row* find_reader(std::string_view op, int64_t opset);
/// The row that reads `op` of ONNX Runtime's domain "com.microsoft", or null.
const Row* find_microsoft_reader(std::string_view op);
/// The row that reads `op` of the domain "ai.onnx.ml", or null.
const Row* find_ml_reader(std::string_view op);
/// The row that writes nodes of `def`, or null.
const Row* find_writer(const OpDef* def);
/// Every row of ONNX's own domain, for documentation and tests.
std::vector<const Row*> all_rows();

/// Reads a node whose attributes have hone's names and meanings; inputs in the same order.
template <class Op>
void read_same(NodeReader& r) {
  Op op;
  read_fields(r, attr_type<Op>(), &op);
  const std::vector<ValueId> outputs = r.emit_many(std::move(op), r.inputs(), r.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

/// Kernel, strides, dilations, pads and auto_pad of an average pool.
AveragePool average_pool_of(NodeReader& r);

/// Sets each field whose name is an attribute of the node.
void read_fields(NodeReader& r, const AttrType& type, void* op);

/// A row that is the same in both worlds.
template <class Op>
constexpr Row same(std::string_view op, int first = 1, int last = kNewestOpset) {
  return {op, first, last, read_same<Op>, &Op::def, write_same};
}
/// The same for reading, at older operator sets.
template <class Op>
constexpr Row reads_same(std::string_view op, int first = 1, int last = kNewestOpset) {
  return {op, first, last, read_same<Op>, nullptr, nullptr};
}

}  // namespace hone::onnx
