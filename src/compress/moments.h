#pragma once

#include <map>
#include <string>
#include <vector>

#include "compress/evidence.h"
#include "compress/layer_matrix.h"
#include "compress/linear.h"

namespace hone {

/// What a layer saw of its input x at all places of all samples: per group, Σ x and Σ x·xᵀ.
struct Moments {
  int64_t count = 0;
  std::vector<double> sum;   ///< [groups · K]
  std::vector<Matrix> gram;  ///< [K, K] for each group; empty where only sums were asked for

  std::vector<double> mean() const;
  /// Σ (x − E[x])·(x − E[x])ᵀ of a group.
  Matrix scatter(size_t group) const;
};

struct MomentOptions {
  size_t samples = 512;  ///< of the evidence at most, spread evenly
  bool gram = true;
};

/// Layers with more columns than this have sums alone: 4096² numbers are 128 MB.
inline constexpr int64_t kMostGramColumns = 4096;

/// Adds what `layer` of `graph` sees of x, at `most` places at most.
void add_moments(Moments& moments, const Graph& graph, const LayerMatrix& layer, const Tensor& x, int64_t most,
                 bool gram);

/// Moments of every matrix_layers(graph) by node name, in one pass over the samples. Places are drawn so that a layer
/// of K columns sees about 16·K of them in all. Memory: 8·K² bytes for each group of each layer.
std::map<std::string, Moments> collect_moments(const Graph& graph, const Evidence& evidence,
                                               const MomentOptions& options = {});

}  // namespace hone
