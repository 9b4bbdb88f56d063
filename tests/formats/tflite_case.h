#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "formats/tflite/schema.h"
#include "tensor/tensor.h"

namespace hone {

/// A model of one operator, built table by table without hone's writer.
struct TfliteCase {
  /// One input of the operator: fed, constant, a variable that begins at zero, or absent.
  struct Input {
    enum Kind { kFed, kConstant, kVariable, kAbsent } kind = kFed;
    Tensor value;
    bool is_complex = false;  ///< the last axis of two is the parts of complex64
  };
  /// Declared type of an output; shape is what the runtime finds by itself.
  struct Output {
    DType dtype = DType::kF32;
    Dims dims;
    QuantPtr quant;
    bool is_complex = false;
  };

  std::string name;
  fb::BuiltinOperator code = fb::BuiltinOperator::ADD;
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  std::function<void(fb::OperatorT&)> options;  ///< fills in the options; may be empty
  int32_t version = 1;
  std::string custom = {};                 ///< name of a custom operator
  double tolerance = 1e-5;                 ///< relative and absolute, of floats
  int64_t steps = 0;                       ///< of stored integers
  bool is_rewritable = true;               ///< hone can write what it read
  std::vector<Output> intermediates = {};  ///< tensors inside the operator, for their scales

  std::vector<std::byte> model() const { return model(false); }
  /// `open`: the first dim of every fed input of two and more is 1, and open in its signature, as converters leave a
  /// batch.
  std::vector<std::byte> model(bool open) const;
  std::vector<Tensor> fed() const;  ///< plain tensors for the fed inputs
};

/// Every operator the reader knows, with the options and types that matter.
std::vector<TfliteCase> tflite_cases();

/// Deterministic values in low…high (integers: over that range, rounded down).
Tensor some_floats(Dims dims, float low = -2, float high = 2, uint32_t seed = 1);
Tensor some_ints(DType dtype, Dims dims, int64_t low, int64_t high, uint32_t seed = 1);
Tensor some_stored(DType dtype, Dims dims, float scale, int32_t zero_point, uint32_t seed = 1);

}  // namespace hone
