#pragma once

#include <span>

#include "formats/tflite/read_node.h"
#include "formats/tflite/write_node.h"

namespace hone::tflite {

/// How one TFLite operator and one canonical operator stand for each other. Reading finds the row by `code`; writing
/// tries the rows whose `op` matches in the order of the tables until one takes the node.
struct Row {
  fb::BuiltinOperator code;
  int32_t max_version = 1;              ///< highest operator version whose meaning the row knows
  void (*read)(ReadNode&) = nullptr;    ///< null: this operator is only written by another row
  const OpDef* op = nullptr;            ///< null: never written
  bool (*write)(WriteNode&) = nullptr;  ///< false: this row cannot express the node
};

std::span<const Row> elementwise_rows();
std::span<const Row> binary_rows();
std::span<const Row> conv_rows();
std::span<const Row> matmul_rows();
std::span<const Row> pool_rows();
std::span<const Row> movement_rows();
std::span<const Row> slice_rows();
std::span<const Row> indexing_rows();
std::span<const Row> reduce_rows();
std::span<const Row> norm_rows();
std::span<const Row> resize_rows();
std::span<const Row> quantize_rows();
std::span<const Row> shaping_rows();
std::span<const Row> control_rows();
std::span<const Row> recurrent_rows();
std::span<const Row> detect_rows();
std::span<const Row> signal_rows();

/// Every table above.
std::span<const std::span<const Row>> all_rows();
/// The row that reads `code`, or null.
const Row* reading_row(fb::BuiltinOperator code);

}  // namespace hone::tflite
