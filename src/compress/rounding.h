#pragma once

#include "compress/moments.h"
#include "tensor/tensor.h"

namespace hone {

/// Weights of `layer`, a float tensor along whose axis 0 the scales lie (`per_channel`) or which has one, as symmetric
/// integers of 8 or 4 bits, rounded one column after the other so that each column's error is made up for by those that
/// follow: least Σ ‖(W − Ŵ)·(x − E[x])‖² over what `moments` saw, greedily; (W − Ŵ)·E[x] is for the bias to take, see
/// correct_bias (Frantar et al., "GPTQ", 2022; Hassibi and Stork,
/// "Optimal Brain Surgeon", 1993). Columns go from the largest second moment to the smallest. With 4 bits the scale
/// of a row is the one of least error too. `levels` above 0: only so many different integers, by k-means over those of
/// the layer (Han, Mao and Dally, "Deep Compression", 2016, section 3), which general compression then stores in few
/// bits.
Tensor round_compensated(const Tensor& weights, const LayerMatrix& layer, const Moments& moments, int bits,
                         bool per_channel, int64_t levels = 0);

/// Every layer's weights so rounded, by node name, with moments of the float graph itself; outer_layers() with 8 bits
/// and all levels.
/// Left out are layers of more than kMostGramColumns columns.
std::map<std::string, Tensor> compensated_weights(const Graph& graph, const Evidence& evidence, int bits,
                                                  int64_t levels = 0);

}  // namespace hone
