#pragma once

#include "providers/cpu/support.h"

namespace hone::cpu {

/// What makes the steps of the provider's kernels; each returns null when it does not take the node. Grouped by file.

/// What an Add after a layer adds to its result, of the same shape: read while the result is still in registers.
struct Addend {
  int input = -1;                  ///< of the step; none: nothing is added
  float act_min = 0, act_max = 0;  ///< clamp of the sum
  BinaryQ sum = {};                ///< for bytes: x is the layer's own result
  bool exists() const { return input >= 0; }
};

/// A layer and the Add after it: `layer` feeds input `at` of `sum` alone.
struct SumRequest {
  KernelRequest layer, sum;
  size_t at = 0;
};

/// How a layer that may have an addend is made.
using MakeWithAddend = std::unique_ptr<Step> (*)(const KernelRequest&, const KernelTable&, const Addend&);

// steps_conv.cpp
std::unique_ptr<Step> make_dense_f32(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_winograd_f32(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_sliding_f32(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_depthwise_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_dense_bytes(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_winograd_bytes(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_depthwise_bytes(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_fully_connected_f32(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_fully_connected_bytes(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_conv_hybrid(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_fully_connected_hybrid(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_gemm_f32(const KernelRequest&, const KernelTable&, const Addend&);
std::unique_ptr<Step> make_conv_packing_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_fully_connected_packing_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_matmul_constant_f32(const KernelRequest&, const KernelTable&, const Addend&);

// steps_conv_transpose.cpp
std::unique_ptr<Step> make_conv_transpose_f32(const KernelRequest&, const KernelTable&);

// steps_backward.cpp
std::unique_ptr<Step> make_clamp_gradient_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_fake_quantize_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_conv_weight_gradient_f32(const KernelRequest&, const KernelTable&);
/// A ConvTranspose whose weights come at run time, as the convolution of stride 1 that it is.
std::unique_ptr<Step> make_conv_transpose_flipped_f32(const KernelRequest&, const KernelTable&);

// steps_matmul.cpp
std::unique_ptr<Step> make_matmul_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_matmul_bytes(const KernelRequest&, const KernelTable&);

// steps_elementwise.cpp
/// The addend for the step that computes the layer; does not exist() where its storage or shape does not fit.
Addend addend_of(const SumRequest&);
std::unique_ptr<Step> make_unary_f32(const KernelRequest&, const KernelTable&);
/// x · Sigmoid(x), of a Sigmoid and the Mul after it.
std::unique_ptr<Step> make_silu_f32(const KernelRequest& sigmoid, const KernelTable&);
std::unique_ptr<Step> make_lookup(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_binary_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_binary_bytes(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_sum_fixed(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_extremum_bytes(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_prelu_lookup(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_prelu_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_quantize(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_dequantize(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_batch_norm_f32(const KernelRequest&, const KernelTable&);

// steps_movement.cpp
std::unique_ptr<Step> make_reshape(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_transpose(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_concat(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_split(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_slice(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_pad(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_gather(const KernelRequest&, const KernelTable&);

// steps_pool.cpp
std::unique_ptr<Step> make_max_pool(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_average_pool(const KernelRequest&, const KernelTable&);

// steps_resize.cpp
std::unique_ptr<Step> make_bilinear(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_nearest(const KernelRequest&, const KernelTable&);

// steps_reduce.cpp
std::unique_ptr<Step> make_reduce_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_mean_bytes(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_softmax_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_softmax_rows_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_softmax_bytes(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_layer_norm_f32(const KernelRequest&, const KernelTable&);

// steps_select.cpp
std::unique_ptr<Step> make_arg_max(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_arg_min(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_where(const KernelRequest&, const KernelTable&);

// steps_recurrent.cpp
std::unique_ptr<Step> make_lstm_f32(const KernelRequest&, const KernelTable&);
std::unique_ptr<Step> make_gru_f32(const KernelRequest&, const KernelTable&);

}  // namespace hone::cpu
