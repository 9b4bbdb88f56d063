#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "providers/cpu/kernels/gemm.h"

namespace hone::cpu {

/// One-input elementwise functions; `a` and `b` are the parameters named beside each.
enum class Unary {
  kClamp,      ///< min(max(x, a), b); NaN stays NaN
  kLeakyRelu,  ///< x < 0 ? a * x : x
  kSigmoid,
  kTanh,
  kHardSwish,    ///< x * clamp(x + 3, 0, 6) / 6
  kHardSigmoid,  ///< clamp(a * x + b, 0, 1)
  kSilu,         ///< x * sigmoid(a * x)
  kGelu,         ///< x / 2 * (1 + erf(x / sqrt 2))
  kGeluTanh,     ///< the tanh approximation of gelu
  kElu,          ///< x < 0 ? a * (exp(x) - 1) : x
  kExp,
  kErf,
  kSqrt,
  kRsqrt,
  kReciprocal,
  kNeg,
  kAbs,
  kSquare,
  kAffine,  ///< a * x + b
  kFloor,
  kCeil,
  kRound,  ///< halves to even
  kMish,   ///< x * tanh(log(1 + exp(x)))
  kCount
};

/// Two-input elementwise functions.
enum class Binary { kAdd, kSub, kMul, kDiv, kMax, kMin, kSquaredDifference, kCount };

/// Depthwise over one run of output pixels. `taps` has kernel_h rows of `taps_stride` pointers: entry
/// [r][x * stride_w + s * dilation_w] is the input pixel that tap (r, s) of output pixel x reads, a pixel of zeros
/// (or zero points) outside the image.
struct DepthwiseRun {
  int64_t pixels, channels, kernel_h, kernel_w, stride_w, dilation_w;
  const void* const* taps;
  ptrdiff_t taps_stride;
  const void* weights;  ///< packed
  void* out;
  ptrdiff_t out_stride;  ///< elements between output pixels
  bool is_unsigned;      ///< integer kernels: input bytes are uint8
  EpilogueF32 f32;
  EpilogueS8 s8;
  int32_t* raw;  ///< integer kernels: [pixels, channels] accumulators instead of bytes, or null
};

/// The depthwise kernel for floats; weights packed by pack_depthwise_f32.
struct DepthwiseKernelF32 {
  int block;  ///< channels that are packed together
  void (*run)(const DepthwiseRun&);
};

/// Tiles [first, last) of 4 × 4 output pixels of one image of a 3 × 3 convolution of stride 1, counted row by row, in
/// the form in which they are multiplied: a matrix [tiles, channels] for each of 36 points.
template <class T>
struct WinogradTiles {
  const ConvShape& shape;
  int64_t first, last, channels;
  T* points;
  ptrdiff_t row_stride, point_stride;  ///< in elements
};
constexpr int64_t kWinogradTile = 4, kWinogradPoints = 36;

/// The transforms of Winograd's convolution F(4 × 4, 3 × 3) for floats.
struct WinogradKernelF32 {
  /// The tiles' 6 × 6 input pixels to points; `zeros` stands for pixels outside the image.
  void (*split)(const WinogradTiles<float>&, const float* image, const float* zeros);
  /// Points to y = clamp(pixels + bias + residual); `y` and the residual lie at the image's first pixel, pixels
  /// shape.out_c and residual_stride apart.
  void (*join)(const WinogradTiles<const float>&, const float* bias, float* y, const EpilogueF32&);
};

/// How an integer Winograd convolution ends: as GemmS8's `bias` and `scale` (by channel), epilogue and residual.
struct WinogradEndS8 {
  const int32_t* bias;
  const float* scale;
  EpilogueS8 epilogue;
  ResidualS8 residual;
  FixedRequant fixed;  ///< as GemmS8's, its first channel the first of the tiles
};

/// Winograd's convolution F(4 × 4, 3 × 3) for bytes, exact: see winograd_s8.inc for the numbers.
struct WinogradKernelS8 {
  const GemmS8Variant* gemm;  ///< what multiplies points of int16; null: the level multiplies bytes faster
  /// The tiles' 6 × 6 input pixels less `zero` to points; `outside` (channels of the zero point) stands for pixels
  /// outside the image.
  void (*split)(const WinogradTiles<int16_t>&, const uint8_t* image, const uint8_t* outside, bool is_unsigned,
                int32_t zero);
  /// Points to bytes; `y` and the residual lie at the image's first pixel.
  void (*join)(const WinogradTiles<const int32_t>&, const WinogradEndS8&, uint8_t* y);
};

/// Integer depthwise weights `w`: [kernel_h, kernel_w, channels] less their zero point, `bias` ([channels]) corrected
/// for the input's packed zero point, and `scale` ([channels]).
struct DepthwiseWeights {
  const int16_t* w;
  const int32_t* bias;
  const float* scale;
  int64_t kernel_h, kernel_w, channels;
};

/// A way to run depthwise convolutions on bytes; all sums are exact.
struct DepthwiseS8Variant {
  const char* name;
  Features needs;
  int block;         ///< channels that are packed together
  bool takes_bytes;  ///< weights must fit int8, and int8 inputs count as uint8, moved up by 128
  bool has_raw;      ///< can give accumulators
  /// Writes packed weights to zeroed `dst` and returns their bytes; `dst` null: only counts.
  int64_t (*pack)(const DepthwiseS8Variant&, const DepthwiseWeights&, std::byte* dst);
  void (*run)(const DepthwiseRun&);

  /// The zero point as the kernel sees it.
  int32_t packed_zero_point(int32_t zero_point, bool is_unsigned) const {
    return takes_bytes && !is_unsigned ? zero_point + 128 : zero_point;
  }
};

/// Pooling of one output pixel: `count` input pixels of `channels` elements each.
struct PoolPixel {
  int64_t channels, count;
  const void* const* pixels;
  void* out;
  float min, max;   ///< clamp on the result (integers: in stored values)
  float scale;      ///< averages: multiplies the sum
  int32_t divisor;  ///< integer average: when not 0, sum / divisor, halves away from zero; else
                    ///< round_even((sum - offset) * scale) + zero_point
  int32_t offset, zero_point;
};

/// Shape of an LSTM cell step: gates [4 * hidden] as i, o, f, c after the matrix products and biases.
struct LstmCell {
  int64_t hidden;
  const float* gates;
  float* cell;  ///< in: previous state, out: next
  float* output;
};

/// Bounds of some floats.
struct FloatRange {
  float min, max;
  bool has_nan;
};

/// What ends a row of a dynamic-range layer: clamp((acc − zero · w_sum[c]) · w_scale[c] · scale + bias[c], min, max).
struct HybridRow {
  const int32_t* w_sum;
  const float* w_scale;
  const float* bias;
  int32_t zero;
  float scale, min, max;
};

/// Every kernel of one instruction set level. Functions are thread-safe and write only their outputs; pointers
/// need no alignment unless stated; no function reads or writes outside the arrays it is told of.
struct KernelTable {
  Isa isa;
  /// Ways to do the same, best first; the level may use those whose needs it has (usable() in variants.h). The last
  /// takes everything, matrices that come at run time too.
  std::span<const GemmF32Variant> gemms_f32;
  std::span<const GemmS8Variant> gemms_s8;
  DepthwiseKernelF32 depthwise_f32;
  WinogradKernelF32 winograd_f32;
  WinogradKernelS8 winograd_s8;
  std::span<const DepthwiseS8Variant> depthwise_s8;

  void (*unary[static_cast<int>(Unary::kCount)])(const float* x, float* y, int64_t n, float a, float b);
  void (*binary[static_cast<int>(Binary::kCount)])(const float* x, const float* y, float* z, int64_t n, float min,
                                                   float max);
  /// y is one number for the whole run.
  void (*binary_scalar[static_cast<int>(Binary::kCount)])(const float* x, float y, float* z, int64_t n, float min,
                                                          float max);
  /// z = clamp(round_even((x - zx) * kx + (y - zy) * ky)) on bytes; the products and the sum are rounded separately.
  void (*add_q)(const uint8_t* x, const uint8_t* y, uint8_t* z, int64_t n, const BinaryQ&);
  /// z = clamp(round_even((x - zx) * (y - zy) * kx)) on bytes.
  void (*mul_q)(const uint8_t* x, const uint8_t* y, uint8_t* z, int64_t n, const BinaryQ&);
  /// y = table[x], bytes.
  void (*lookup)(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table);
  /// y[3 i + j] = x[j · stride + i] for i < n, j < 3: planes of bytes to pixels.
  void (*interleave_3)(const uint8_t* x, ptrdiff_t stride, uint8_t* y, int64_t n);

  /// Rows of accumulators of n channels, `acc_stride` apart, to bytes `y_stride` apart.
  void (*requantize_fixed)(const int32_t* acc, ptrdiff_t acc_stride, int64_t rows, int64_t n, uint8_t* y,
                           ptrdiff_t y_stride, const FixedRequant&);
  void (*finish_hybrid)(const int32_t* acc, float* y, int64_t n, const HybridRow&);

  /// y = clamp(round_even(x * inverse_scale) + zero_point) as int8 or uint8.
  void (*quantize)(const float* x, uint8_t* y, int64_t n, float scale, int32_t zero_point, bool is_unsigned);
  /// y = clamp(x / scale + zero_point) as int8 or uint8, the quotient in double and its halves away from zero; NaN: 0.
  void (*quantize_fixed)(const float* x, uint8_t* y, int64_t n, float scale, int32_t zero_point, bool is_unsigned);
  /// y = clamp(zero + x * inverse_scale rounded, halves away from zero, low, 127) as int8; finite x.
  void (*quantize_away)(const float* x, uint8_t* y, int64_t n, float inverse_scale, int32_t zero, int32_t low);
  /// Smallest and largest of x (n > 0); meaningless numbers when has_nan.
  FloatRange (*range)(const float* x, int64_t n);
  void (*dequantize)(const uint8_t* x, float* y, int64_t n, float scale, int32_t zero_point, bool is_unsigned);

  void (*softmax)(const float* x, float* y, int64_t rows, int64_t n, float beta);
  float (*sum)(const float* x, int64_t n);
  float (*max)(const float* x, int64_t n);
  /// y[c] += x[r][c] over `rows` rows `stride` elements apart.
  void (*add_rows)(const float* x, int64_t rows, ptrdiff_t stride, float* y, int64_t n);
  void (*add_rows_s8)(const uint8_t* x, int64_t rows, ptrdiff_t stride, int32_t* y, int64_t n, bool is_unsigned);
  /// y = (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias; scale or bias may be null.
  void (*layer_norm)(const float* x, float* y, int64_t n, float epsilon, const float* scale, const float* bias);

  void (*max_pool_f32)(const PoolPixel&);
  void (*average_pool_f32)(const PoolPixel&);
  /// Bytes; `is_unsigned` says how they compare and add.
  void (*max_pool_q)(const PoolPixel&, bool is_unsigned);
  void (*average_pool_q)(const PoolPixel&, bool is_unsigned);

  /// y = (x00 * (1 - fx) + x01 * fx) * (1 - fy) + (x10 * (1 - fx) + x11 * fx) * fy
  void (*bilinear)(const float* x00, const float* x01, const float* x10, const float* x11, float* y, int64_t n,
                   float fx, float fy);
  /// The same on bytes with one scale and zero point throughout, rounded half to even.
  void (*bilinear_q)(const uint8_t* x00, const uint8_t* x01, const uint8_t* x10, const uint8_t* x11, uint8_t* y,
                     int64_t n, float fx, float fy, bool is_unsigned);
  void (*lstm_cell)(const LstmCell&);
  /// y [columns, rows] = x [rows, columns] transposed, 4-byte elements; strides in elements.
  void (*transpose_32)(const uint32_t* x, ptrdiff_t x_stride, uint32_t* y, ptrdiff_t y_stride, int64_t rows,
                       int64_t columns);
};

/// The table of a level; `isa` must be supported.
const KernelTable& kernels_for(Isa isa);

}  // namespace hone::cpu
