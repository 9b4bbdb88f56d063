#include "base/error.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/types.h"
#include "ops/quantize.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

void read_quantize(ReadNode& n) {
  if (!n.out_type(0).quant) throw invalid_model("quantize: the result has no scale");
  n.emit(Quantize{}, {n.in(0)});
}

void read_dequantize(ReadNode& n) {
  if (n.out_type(0).quant) return n.emit(Quantize{}, {n.in(0)});
  if (n.type(0).quant) return n.emit(Dequantize{}, {n.in(0)});
  n.emit(Cast{.to = n.out_type(0).dtype}, {n.in(0)});
}

bool write_quantize(WriteNode& n) {
  const TensorType& to = n.out_type();
  if (!to.quant) return false;
  const bool is_requantized = n.type(0).is_quantized();
  TensorIndex from = n.in(0);
  if (!is_requantized && n.type(0).dtype != DType::kF32) {
    from = n.temp({DType::kF32, n.type(0).shape, nullptr}, "real");
    n.emit_cast(n.in(0), from, n.is_constant(0));
  }
  const int32_t version = !to.quant->is_per_tensor() ? 3 : to.dtype == DType::kI16 || is_requantized ? 2 : 1;
  n.emit(B::QUANTIZE, version, fb::QuantizeOptionsT(), {from}, {n.out()});
  return true;
}

bool write_dequantize(WriteNode& n) {
  if (n.out_type().quant) return write_quantize(n);
  if (!n.type(0).quant) return false;
  n.dequantize(n.in(0), n.out());
  return true;
}

/// A sparse constant has been made dense while it was read.
void read_densify(ReadNode& n) { n.bind(0, n.in(0)); }

constexpr Row kRows[] = {
    {B::QUANTIZE, 3, read_quantize, &Quantize::def, write_quantize},
    {B::DEQUANTIZE, 6, read_dequantize, &Dequantize::def, write_dequantize},
    {B::DENSIFY, 1, read_densify, nullptr, nullptr},
};

}  // namespace

std::span<const Row> quantize_rows() { return kRows; }

}  // namespace hone::tflite
