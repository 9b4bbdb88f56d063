#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "compress/calibrate.h"
#include "ir/graph.h"

namespace hone {

struct QuantizeOptions {
  std::set<std::string> keep_float;  ///< names of nodes that stay in float
  DType activations = DType::kI8;    ///< kI8 or kU8
  int weight_bits = 8;               ///< 8, or 4: −7…7 as int4, outer_layers() excepted
  /// Weights rounded beforehand, by node name; those of other nodes go to the nearest integer.
  std::map<std::string, Tensor> rounded = {};
  bool quantize_io = false;  ///< graph inputs and outputs become integers too, else Quantize and Dequantize stand there
};

/// Static post-training quantization of a fused graph, as TFLite specifies it: activations asymmetric per tensor over
/// `ranges`, weights symmetric (−127…127) per output channel (FullyConnected: per tensor, which every TFLite runs),
/// biases i32 with scale input · weight (Jacob et al., "Quantization and Training of Neural Networks for Efficient
/// Integer-Arithmetic-Only Inference", 2018). Which operators take part is their QuantRule; the others and
/// `keep_float` run in float between Dequantize and Quantize, and so does what stands
/// behind the last weights (the final Softmax, the decoding of boxes) unless quantize_io asks for integers throughout.
/// Names of values stay.
Graph quantize_static(const Graph& graph, const Ranges& ranges, const QuantizeOptions& options = {});

/// Names of the nodes that quantize_static would compute in integers and that carry weights or ranges of their own:
/// the layers that a mixed-precision search may leave in float. In execution order.
std::vector<std::string> quantizable_layers(const Graph& graph, const Ranges& ranges);

/// Weights of 1024 elements or more as symmetric int8, activations stay float (TFLite "dynamic range").
Graph quantize_dynamic_range(const Graph& graph);

/// Float constants of 16 elements or more as f16 behind a Cast; numbers that f16 cannot hold (beyond 65504) stay f32.
Graph to_float16(const Graph& graph);

}  // namespace hone
