#include "formats/tflite/rows.h"

#include <algorithm>
#include <array>

namespace hone::tflite {

std::span<const std::span<const Row>> all_rows() {
  static const std::array kTables = {
      elementwise_rows(), binary_rows(),   conv_rows(),      matmul_rows(), pool_rows(),   movement_rows(),
      slice_rows(),       indexing_rows(), reduce_rows(),    norm_rows(),   resize_rows(), quantize_rows(),
      shaping_rows(),     control_rows(),  recurrent_rows(), detect_rows(), signal_rows(),
  };
  return kTables;
}

const Row* reading_row(fb::BuiltinOperator code) {
  for (const std::span<const Row> table : all_rows())
    for (const Row& row : table)
      if (row.code == code && row.read) return &row;
  return nullptr;
}

}  // namespace hone::tflite
