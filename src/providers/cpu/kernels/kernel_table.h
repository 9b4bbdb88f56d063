#pragma once

#include <cstddef>
#include <cstdint>

#include "providers/cpu/kernels/isa.h"

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

/// How a GEMM-like f32 kernel finishes an output: y = clamp(acc + bias + residual, min, max).
struct EpilogueF32 {
  float min, max;             ///< use -inf, +inf for none
  const float* residual;      ///< same place as the output, or null
  ptrdiff_t residual_stride;  ///< elements between rows of the residual
};

/// C[m, n] = epilogue(sum over k of A[m, k] * B[k, n] + bias[n]). B is packed by `pack_f32`, bias inside.
struct GemmF32 {
  int64_t m, n, k;
  const float* a;
  ptrdiff_t a_stride;  ///< elements between rows of A
  const float* b;
  float* c;
  ptrdiff_t c_stride;  ///< elements between rows of C
  EpilogueF32 epilogue;
};

/// How an integer kernel turns accumulators into bytes: clamp(round_even(acc * scale[n]), lo, hi) + zero_point,
/// `scale` packed with the weights; `lo`, `hi` are the output type's limits less the zero point.
/// One IEEE multiply and one rounding: the same bytes on every level.
struct EpilogueS8 {
  float lo, hi;
  int32_t zero_point;
};

/// Parameters of the two-input integer kernels, in stored values.
struct BinaryQ {
  int32_t x_zero, y_zero, z_zero;
  float x_scale, y_scale;  ///< relative to the output's scale
  float lo, hi;            ///< output limits less z_zero
  bool x_unsigned, y_unsigned;
};

/// Bytes that a GEMM adds to its own before it stores them: what add_q gives for x, the GEMM's result, and y, these.
struct ResidualS8 {
  const uint8_t* y;  ///< same place as the output; null: nothing is added
  ptrdiff_t stride;  ///< between rows
  BinaryQ sum;
};

/// Quantized GEMM on rows packed by `pack_rows_s8` and weights packed by `pack_s8`.
struct GemmS8 {
  int64_t m, n, k;
  const void* a;
  ptrdiff_t a_stride;  ///< bytes between packed rows
  const void* b;
  const int32_t* row_add;  ///< [m], added to every accumulator of a row, or null
  uint8_t* c;              ///< int8 or uint8 output
  ptrdiff_t c_stride;
  EpilogueS8 epilogue;
  int32_t* raw;  ///< when set, accumulators go here ([m, n], stride raw_stride) and c is untouched
  ptrdiff_t raw_stride;
  ResidualS8 residual;
};

/// A convolution's geometry for the kernels that gather rows: one image [in_h, in_w, ..] of `pixel_stride`
/// elements a pixel, of which `channels` are read starting at `image`.
struct RowGather {
  const void* image;
  int64_t in_h, in_w, channels, pixel_stride;
  int64_t out_w, kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
};

/// Depthwise over one run of output pixels. `taps` has kernel_h rows of `taps_stride` pointers: entry
/// [r][x * stride_w + s * dilation_w] is the input pixel that tap (r, s) of output pixel x reads, a pixel of zeros
/// (or zero points) outside the image.
struct DepthwiseRun {
  int64_t pixels, channels, kernel_h, kernel_w, stride_w, dilation_w;
  const void* const* taps;
  ptrdiff_t taps_stride;
  const void* weights;  ///< packed by pack_depthwise_f32 / pack_depthwise_s8
  void* out;
  ptrdiff_t out_stride;  ///< elements between output pixels
  bool is_unsigned;      ///< integer kernels: input bytes are uint8
  EpilogueF32 f32;
  EpilogueS8 s8;
  int32_t* raw;  ///< integer kernels: [pixels, channels] accumulators instead of bytes, or null
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

/// Fixed numbers of one level that decide packed layouts.
struct Tiles {
  int f32_mr, f32_nr;               ///< register tile of gemm_f32; a last panel of at most half of nr is half as wide
  int s8_mr, s8_nr;                 ///< register tile of gemm_s8
  int s8_kr;                        ///< reduction elements that go together in packed integer weights
  int s8_bytes;                     ///< bytes per packed integer element (1: bytes as uint8, 2: int16)
  int depthwise_f32, depthwise_s8;  ///< channels per block of packed depthwise weights
};

/// Every kernel of one instruction set level. Functions are thread-safe and write only their outputs; pointers
/// need no alignment unless stated; no function reads or writes outside the arrays it is told of.
struct KernelTable {
  Isa isa;
  Tiles tiles;

  void (*gemm_f32)(const GemmF32&);
  void (*gemm_s8)(const GemmS8&);
  /// Copies rows [m0, m1) of the implicit matrix (output pixel × taps·channels) to `dst`, `dst_stride` floats apart;
  /// taps outside the image are 0.
  void (*pack_rows_f32)(const RowGather&, int64_t m0, int64_t m1, float* dst, ptrdiff_t dst_stride);
  /// Same for bytes, into this level's integer form; taps outside the image are `fill` (the zero point as stored byte).
  /// `dst_stride` in bytes; each row is padded with zeros to a multiple of s8_kr. `sums`, if not null, gets each row's
  /// sum.
  void (*pack_rows_s8)(const RowGather&, int64_t m0, int64_t m1, void* dst, ptrdiff_t dst_stride, bool is_unsigned,
                       uint8_t fill, int32_t* sums);
  void (*depthwise_f32)(const DepthwiseRun&);
  void (*depthwise_s8)(const DepthwiseRun&);
  /// The same for weights that fit int8, packed by pack_depthwise_u8; bytes out only. Null where a level has no use
  /// for it.
  void (*depthwise_u8)(const DepthwiseRun&);

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

  /// y = clamp(round_even(x * inverse_scale) + zero_point) as int8 or uint8.
  void (*quantize)(const float* x, uint8_t* y, int64_t n, float scale, int32_t zero_point, bool is_unsigned);
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
