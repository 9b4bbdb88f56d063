#include "providers/cpu/provider.h"

#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "ops/backward.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "ops/quantize.h"
#include "ops/recurrent.h"
#include "ops/reduce.h"
#include "ops/resize.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "providers/cpu/gates.h"
#include "providers/cpu/rows.h"
#include "providers/cpu/sums.h"

namespace hone {
namespace cpu {
namespace {

template <MakeStep kMake, Isa kIsa>
std::unique_ptr<Step> bind(const KernelRequest& request) {
  return kMake(request, kernels_for(kIsa));
}

template <MakeWithAddend kMake, Isa kIsa>
std::unique_ptr<Step> bind_alone(const KernelRequest& request) {
  return kMake(request, kernels_for(kIsa), {});
}

template <MakeWithAddend kMake, Isa kIsa>
std::unique_ptr<Step> bind_sum(const SumRequest& request) {
  const Addend addend = addend_of(request);
  return addend.exists() ? kMake(request.layer, kernels_for(kIsa), addend) : nullptr;
}

/// Which kernels run which operator, best first; what none of them takes falls to the reference.
template <Isa kIsa>
struct Rows {
  template <MakeStep kMake>
  static constexpr auto kBound = &bind<kMake, kIsa>;
  template <MakeWithAddend kMake>
  static constexpr auto kAlone = &bind_alone<kMake, kIsa>;
  template <MakeWithAddend kMake>
  static constexpr auto kSum = &bind_sum<kMake, kIsa>;

  static constexpr int kGemms = 4;  ///< variants that any level may have of a GEMM

  static constexpr Kernel kConv[] = {
      {"hybrid", kBound<make_conv_hybrid>},           {"depthwise_f32", kBound<make_depthwise_f32>},
      {"winograd_f32", kAlone<make_winograd_f32>},    {"sliding_f32", kAlone<make_sliding_f32>},
      {"dense_f32", kAlone<make_dense_f32>},          {"packing_f32", kBound<make_conv_packing_f32>},
      {"depthwise_q8", kBound<make_depthwise_bytes>}, {"winograd_q8", kAlone<make_winograd_bytes>},
      {"dense_q8", kAlone<make_dense_bytes>, kGemms}};
  static constexpr Kernel kConvTranspose[] = {{"flipped_f32", kBound<make_conv_transpose_flipped_f32>},
                                              {"spread_f32", kBound<make_conv_transpose_f32>}};
  static constexpr Kernel kConvWeightGradient[] = {{"products_f32", kBound<make_conv_weight_gradient_f32>}};
  static constexpr Kernel kFakeQuantize[] = {{"round_f32", kBound<make_fake_quantize_f32>}};
  static constexpr Kernel kClampGradient[] = {{"select_f32", kBound<make_clamp_gradient_f32>}};
  static constexpr Kernel kFullyConnected[] = {{"hybrid", kBound<make_fully_connected_hybrid>},
                                               {"dense_f32", kAlone<make_fully_connected_f32>},
                                               {"packing_f32", kBound<make_fully_connected_packing_f32>},
                                               {"dense_q8", kAlone<make_fully_connected_bytes>, kGemms}};
  static constexpr Kernel kGemm[] = {{"dense_f32", kAlone<make_gemm_f32>}};
  static constexpr Kernel kMatMul[] = {{"dense_f32", kAlone<make_matmul_constant_f32>},
                                       {"matmul_f32", kBound<make_matmul_f32>},
                                       {"matmul_q8", kBound<make_matmul_bytes>}};
  static constexpr Kernel kUnary[] = {{"unary_f32", kBound<make_unary_f32>}, {"lookup_q8", kBound<make_lookup>}};
  static constexpr Kernel kLookup[] = {{"lookup_q8", kBound<make_lookup>}};
  static constexpr Kernel kBinary[] = {{"binary_f32", kBound<make_binary_f32>},
                                       {"binary_q8", kBound<make_binary_bytes>},
                                       {"sum_fixed", kBound<make_sum_fixed>}};
  static constexpr Kernel kBinaryF32[] = {{"binary_f32", kBound<make_binary_f32>}};
  static constexpr Kernel kExtremum[] = {{"binary_f32", kBound<make_binary_f32>},
                                         {"extremum_q8", kBound<make_extremum_bytes>}};
  static constexpr Kernel kPRelu[] = {{"prelu_f32", kBound<make_prelu_f32>}, {"lookup_q8", kBound<make_prelu_lookup>}};
  static constexpr Kernel kWhere[] = {{"where", kBound<make_where>}};
  static constexpr Kernel kArgMax[] = {{"arg", kBound<make_arg_max>}};
  static constexpr Kernel kArgMin[] = {{"arg", kBound<make_arg_min>}};
  static constexpr Kernel kQuantize[] = {{"quantize", kBound<make_quantize>}, {"lookup_q8", kBound<make_lookup>}};
  static constexpr Kernel kDequantize[] = {{"dequantize", kBound<make_dequantize>}};
  static constexpr Kernel kBatchNorm[] = {{"affine_f32", kBound<make_batch_norm_f32>}};
  static constexpr Kernel kReshape[] = {{"view", kBound<make_reshape>}};
  static constexpr Kernel kTranspose[] = {{"transpose", kBound<make_transpose>}};
  static constexpr Kernel kConcat[] = {{"concat", kBound<make_concat>}};
  static constexpr Kernel kSplit[] = {{"split", kBound<make_split>}};
  static constexpr Kernel kSlice[] = {{"slice", kBound<make_slice>}};
  static constexpr Kernel kPad[] = {{"pad", kBound<make_pad>}};
  static constexpr Kernel kGather[] = {{"gather", kBound<make_gather>}};
  static constexpr Kernel kMaxPool[] = {{"max_pool", kBound<make_max_pool>}};
  static constexpr Kernel kAveragePool[] = {{"average_pool", kBound<make_average_pool>}};
  static constexpr Kernel kResize[] = {{"bilinear", kBound<make_bilinear>}, {"nearest", kBound<make_nearest>}};
  static constexpr Kernel kMean[] = {{"reduce_f32", kBound<make_reduce_f32>}, {"mean_q8", kBound<make_mean_bytes>}};
  static constexpr Kernel kReduce[] = {{"reduce_f32", kBound<make_reduce_f32>}};
  static constexpr Kernel kSoftmax[] = {{"softmax_f32", kBound<make_softmax_f32>},
                                        {"softmax_rows_f32", kBound<make_softmax_rows_f32>},
                                        {"softmax_q8", kBound<make_softmax_bytes>}};
  static constexpr Kernel kLayerNorm[] = {{"layer_norm_f32", kBound<make_layer_norm_f32>}};
  static constexpr Kernel kLstm[] = {{"lstm_f32", kBound<make_lstm_f32>}};
  static constexpr Kernel kGru[] = {{"gru_f32", kBound<make_gru_f32>}};

  static constexpr KernelRow kAll[] = {
      {&Conv::def, kConv},
      {&ConvTranspose::def, kConvTranspose},
      {&ConvWeightGradient::def, kConvWeightGradient},
      {&ClampGradient::def, kClampGradient},
      {&FakeQuantize::def, kFakeQuantize},
      {&FullyConnected::def, kFullyConnected},
      {&Gemm::def, kGemm},
      {&MatMul::def, kMatMul},
      {&Relu::def, kUnary},
      {&Clamp::def, kUnary},
      {&Sigmoid::def, kUnary},
      {&Tanh::def, kUnary},
      {&HardSwish::def, kUnary},
      {&HardSigmoid::def, kUnary},
      {&LeakyRelu::def, kUnary},
      {&Elu::def, kUnary},
      {&Gelu::def, kUnary},
      {&Exp::def, kUnary},
      {&Erf::def, kUnary},
      {&Sqrt::def, kUnary},
      {&Rsqrt::def, kUnary},
      {&Reciprocal::def, kUnary},
      {&Neg::def, kUnary},
      {&Abs::def, kUnary},
      {&Log::def, kLookup},
      {&Mish::def, kUnary},
      {&Floor::def, kUnary},
      {&Ceil::def, kUnary},
      {&Round::def, kUnary},
      {&Softplus::def, kLookup},
      {&Softsign::def, kLookup},
      {&Selu::def, kLookup},
      {&Celu::def, kLookup},
      {&Add::def, kBinary},
      {&Sub::def, kBinary},
      {&Mul::def, kBinary},
      {&Div::def, kBinaryF32},
      {&Maximum::def, kExtremum},
      {&Minimum::def, kExtremum},
      {&SquaredDifference::def, kBinaryF32},
      {&PRelu::def, kPRelu},
      {&Where::def, kWhere},
      {&ArgMax::def, kArgMax},
      {&ArgMin::def, kArgMin},
      {&Quantize::def, kQuantize},
      {&Dequantize::def, kDequantize},
      {&BatchNorm::def, kBatchNorm},
      {&Reshape::def, kReshape},
      {&Flatten::def, kReshape},
      {&Squeeze::def, kReshape},
      {&Unsqueeze::def, kReshape},
      {&Identity::def, kReshape},
      {&Transpose::def, kTranspose},
      {&Concat::def, kConcat},
      {&Split::def, kSplit},
      {&Slice::def, kSlice},
      {&Pad::def, kPad},
      {&Gather::def, kGather},
      {&MaxPool::def, kMaxPool},
      {&AveragePool::def, kAveragePool},
      {&Resize::def, kResize},
      {&ReduceMean::def, kMean},
      {&ReduceSum::def, kReduce},
      {&ReduceMax::def, kReduce},
      {&Softmax::def, kSoftmax},
      {&LayerNorm::def, kLayerNorm},
      {&Lstm::def, kLstm},
      {&Gru::def, kGru},
  };

  static constexpr SumKernel kSums[] = {
      {&Conv::def, "Conv+Add", "winograd_f32", kSum<make_winograd_f32>},
      {&Conv::def, "Conv+Add", "sliding_f32", kSum<make_sliding_f32>},
      {&Conv::def, "Conv+Add", "dense_f32", kSum<make_dense_f32>},
      {&Conv::def, "Conv+Add", "winograd_q8", kSum<make_winograd_bytes>},
      {&Conv::def, "Conv+Add", "dense_q8", kSum<make_dense_bytes>},
      {&FullyConnected::def, "FullyConnected+Add", "dense_f32", kSum<make_fully_connected_f32>},
      {&FullyConnected::def, "FullyConnected+Add", "dense_q8", kSum<make_fully_connected_bytes>},
      {&Gemm::def, "Gemm+Add", "dense_f32", kSum<make_gemm_f32>},
      {&MatMul::def, "MatMul+Add", "dense_f32", kSum<make_matmul_constant_f32>},
  };

  static std::vector<Claim> claim(const ClaimRequest& request) {
    std::vector<Claim> claims = claim_sums(request, kSums);
    for (Claim& claim : claim_silu(request, make_silu_f32, kernels_for(kIsa))) claims.push_back(std::move(claim));
    return claims;
  }

  static constexpr Provider kProvider{
      .name = "cpu", .description = "own kernels for this machine's processor", .rows = kAll, .claim = claim};
};

Isa chosen_isa() {
  const char* name = std::getenv("HONE_CPU_ISA");
  if (name == nullptr || *name == '\0') return best_isa();
  std::string expected;
  for (Isa isa : all_levels()) {
    if (std::string_view(name) == isa_name(isa)) return isa;
    expected += cat(expected.empty() ? "" : ", ", isa_name(isa));
  }
  throw invalid_argument(cat("HONE_CPU_ISA is '", name, "', expected one of ", expected));
}

}  // namespace

const Provider& provider_for(Isa isa) {
  if (!is_supported(isa)) {
    throw unsupported(cat("this machine does not run ", isa_name(isa), " kernels"), "hone devices lists what it has");
  }
  static constexpr const Provider* kProviders[] = {&Rows<Isa::kPortable>::kProvider, &Rows<Isa::kAvx2>::kProvider,
                                                   &Rows<Isa::kAvxVnni>::kProvider, &Rows<Isa::kAvx512>::kProvider};
  return *kProviders[static_cast<int>(isa)];
}

const Provider& portable_provider() { return provider_for(Isa::kPortable); }

}  // namespace cpu

const Provider& cpu_provider() {
  static const Provider& chosen = cpu::provider_for(cpu::chosen_isa());
  return chosen;
}

}  // namespace hone
