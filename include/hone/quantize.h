#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hone/model.h"

namespace hone {

/// Representative inputs, one sample at a time: `count` samples, each a tensor per model input.
struct Samples {
  size_t count = 0;
  std::function<std::vector<Tensor>(size_t i)> inputs;
};

struct Int8Options {
  std::string calibrator = "mse";       ///< minmax, percentile, entropy or mse
  std::vector<std::string> keep_float;  ///< layers that stay in float, by hone's names or by those of the file's nodes
  bool integer_io = false;              ///< inputs and outputs become int8 too
  int threads = 0;                      ///< for calibration; 0: all CPUs
};

/// Static post-training quantization: activations per tensor, weights per channel, as TFLite specifies it. The model is
/// simplified first. Throws Error(invalid_argument) without samples or when a value is not finite, Error(not_found) for
/// a name in keep_float that no layer has.
Model quantize_int8(const Model& model, const Samples& samples, const Int8Options& options = {});

/// Weights as int8, activations in float.
Model quantize_dynamic(const Model& model);

/// Weights as float16.
Model quantize_float16(const Model& model);

}  // namespace hone
