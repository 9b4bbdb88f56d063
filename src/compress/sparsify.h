#pragma once

#include "compress/evidence.h"
#include "ir/graph.h"

namespace hone {

struct SparsifyOptions {
  int64_t n = 2, m = 4;  ///< 1 ≤ n < m ≤ 32
};

/// A float graph in whose layers, of every m weights of an output channel in a row along the input channels, at most n
/// are not zero: 2:4 is the pattern of sparse tensor cores. Without training: input by input, block after block, those
/// weights go whose loss costs least with the ones behind making up for it, w²/[H⁻¹]ₖₖ with H the second moments of the
/// layer's inputs (Frantar and Alistarh, "SparseGPT", 2023, section 3); then the ones that stay become the least
/// squares fit to what the layer made, with the bias; at last layer after layer on what the sparse ones before it give,
/// as refit.h does, outer layers behind included. outer_layers(), depthwise layers and those whose input channels m
/// does not divide get no zeros. Throws Error(invalid_argument) for other n and m, or when no layer can be made sparse.
Graph sparsify(const Graph& source, const Evidence& evidence, const SparsifyOptions& options = {});

}  // namespace hone
