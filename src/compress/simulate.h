#pragma once

#include <map>
#include <set>
#include <string>

#include "ir/graph.h"

namespace hone {

/// What of a quantized model is to be exact.
struct Exact {
  std::set<int32_t> values;               ///< activations by index, kept as real numbers
  std::map<std::string, Tensor> weights;  ///< by node name, in place of the stored ones
  std::map<std::string, Tensor> biases;   ///< likewise
};

/// A quantized graph in float arithmetic: weights as the real numbers they stand for, each activation rounded to its
/// integers and back where it is made, so that each of these roundings can be left out by itself.
Graph simulate(const Graph& quantized, const Exact& exact = {});

}  // namespace hone
