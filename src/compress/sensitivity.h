#pragma once

#include <string>
#include <vector>

#include "compress/quantize.h"
#include "measure/engine.h"

namespace hone {

/// How much one layer alone in int8 disturbs the outputs of a model.
struct LayerSensitivity {
  std::string layer;  ///< node name
  std::string op;
  double sqnr_db = 0;  ///< signal to quantization noise of the outputs, dB, at most 200; larger is better
  Range seen;          ///< of its result, over the calibration data
  Range held;          ///< what its integers cover
  double clipped = 0;  ///< share of the numbers seen beyond that
};

struct SensitivityOptions {
  size_t samples = 16;  ///< of the calibration data, spread evenly
  Progress progress;    ///< in layers
};

/// Quantizes each layer by itself, everything else in float, and compares the outputs with the float model's.
/// `statistics` are those that `ranges` came from. Sorted from the most to the least sensitive; equal ones by name.
std::vector<LayerSensitivity> layer_sensitivity(const Graph& graph, const Statistics& statistics, const Ranges& ranges,
                                                const SampleSource& samples, const Engine& engine,
                                                const SensitivityOptions& options = {});

}  // namespace hone
