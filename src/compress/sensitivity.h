#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "compress/quantize.h"

namespace hone {

/// How much one layer alone in int8 disturbs the outputs of a model.
struct LayerSensitivity {
  std::string layer;  ///< node name
  std::string op;
  double sqnr_db = 0;  ///< signal to quantization noise of the outputs, dB; larger is better
};

struct SensitivityOptions {
  size_t samples = 16;  ///< of the calibration data, spread evenly
  PlanOptions plan;
};

/// Quantizes each layer by itself, everything else in float, and compares the outputs with the float model's.
/// Sorted from the most to the least sensitive; equal ones by name.
std::vector<LayerSensitivity> layer_sensitivity(const Graph& graph, const Ranges& ranges, const SampleSource& samples,
                                                std::span<const Provider* const> providers,
                                                const SensitivityOptions& options = {},
                                                const std::function<void(size_t done, size_t of)>& progress = {});

/// Sums of squares of a signal and of its error, over many tensors.
struct SignalToNoise {
  double signal = 0;
  double noise = 0;
  /// Adds two tensors of equal size, quantized or not.
  void add(const Tensor& reference, const Tensor& other);
  double db() const;  ///< 10·log₁₀(signal / noise), at most 200
};

}  // namespace hone
