#pragma once

#include "formats/tflite/rows.h"

namespace hone::tflite {

/// Reads an operator without options whose inputs and single output are the canonical operator's.
template <class Op>
void read_simple(ReadNode& n) {
  std::vector<ValueId> inputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.optional(i));
  n.emit(Op{}, std::move(inputs));
}

/// Writes such an operator.
template <fb::BuiltinOperator Code, int32_t F32 = 1, int32_t I8 = 2, int32_t I16 = I8>
bool write_simple(WriteNode& n) {
  std::vector<TensorIndex> inputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.optional(i));
  n.emit(Code, Versions{F32, I8, I16}.of(n.type(0)), std::move(inputs), {n.out()});
  return true;
}

/// A row of both.
template <class Op, fb::BuiltinOperator Code, int32_t F32 = 1, int32_t I8 = 2, int32_t I16 = I8>
constexpr Row simple_row() {
  return {Code, I16 > I8 ? I16 + 1 : I8 + 1, read_simple<Op>, &Op::def, write_simple<Code, F32, I8, I16>};
}

}  // namespace hone::tflite
