#pragma once

#include <cstddef>
#include <cstdint>

#include "providers/cpu/kernels/conv_shape.h"
#include "providers/cpu/kernels/isa.h"

namespace hone::cpu {

/// A matrix B: [k, n] of any strides (in elements) to be packed for a GEMM.
template <class T>
struct MatrixView {
  const T* data;
  ptrdiff_t k_stride, n_stride;
  int64_t k, n;
};

/// How a GEMM-like f32 kernel finishes an output: y = clamp(acc + bias + residual, min, max).
struct EpilogueF32 {
  float min, max;             ///< use -inf, +inf for none
  const float* residual;      ///< same place as the output, or null
  ptrdiff_t residual_stride;  ///< elements between rows of the residual
};

/// C[m, n] = epilogue(sum over k of A[m, k] * B[k, n] + bias[n]), B packed with the bias inside.
struct GemmF32 {
  int64_t m, n, k;
  const float* a;
  ptrdiff_t a_stride;  ///< elements between rows of A
  const float* b;
  float* c;
  ptrdiff_t c_stride;  ///< elements between rows of C
  EpilogueF32 epilogue;
  int64_t first_column = 0;  ///< column of the packed B that is C's first; a multiple of nr
  int64_t tile = 0;          ///< rows multiplied at a time, see row_tile(); 0: the variant's mr
  int64_t parts = 1;         ///< a row of A lies in as many parts of k / parts elements
  ptrdiff_t part_stride = 0;
};

/// A way to multiply floats. A last panel of at most half of nr columns is half as wide.
struct GemmF32Variant {
  const char* name;
  Features needs;
  int mr, nr;  ///< register tile
  void (*run)(const GemmF32&);
  /// Copies rows [m0, m1) of the implicit matrix (output pixel × taps · channels) to `dst`, `dst_stride` floats apart;
  /// taps outside the image are 0.
  void (*pack_rows)(const RowGather&, int64_t m0, int64_t m1, float* dst, ptrdiff_t dst_stride);
};

/// Rows of a tile for a layer of that many rows: equal shares rather than full tiles and a rest. Tasks that divide a
/// layer at multiples of it add in the same order as one alone.
inline int64_t row_tile(int64_t mr, int64_t rows) {
  const int64_t tiles = (rows + mr - 1) / mr;
  return tiles == 0 ? mr : (rows + tiles - 1) / tiles;
}

/// How an integer kernel turns accumulators into bytes: clamp(round_even(acc * scale[n]), lo, hi) + zero_point,
/// `scale` packed with the weights; `lo`, `hi` are the output type's limits less the zero point.
/// One IEEE multiply and one rounding: the same bytes on every level.
struct EpilogueS8 {
  float lo, hi;
  int32_t zero_point;
  bool fits = false;  ///< no product leaves int32 before it is cut: scales are at most 1/2
};

/// TFLite's fixed point, channel by channel: x · multiplier · 2^(left − right − 31), `left` and `right` 0 … 31 and one
/// of them 0, as ops/fixed_point.h rounds it.
struct FixedRequant {
  const int32_t* multiplier = nullptr;  ///< null: floats are used
  const int32_t* left = nullptr;
  const int32_t* right = nullptr;
  int32_t zero_point = 0, min = 0, max = 0;  ///< y = clamp(product + zero_point, min, max)
  bool halves_up = false;
  bool is_small = false;  ///< every left is 0 and every right at least 1: multipliers below 1/2

  bool is_used() const { return multiplier != nullptr; }
  /// From channel `n` on.
  FixedRequant from(int64_t n) const {
    FixedRequant q = *this;
    q.multiplier += n;
    q.left += n;
    q.right += n;
    return q;
  }
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

/// Quantized GEMM on rows and weights packed by the same variant.
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
  int64_t first_column = 0;  ///< column of the packed B that is C's first; a multiple of nr
  /// Rows of A may lie in lines of `line` rows, `line_stride` bytes from one line to the next (0: all in one line), and
  /// their elements in runs of `run`, a multiple of kr, `run_stride` bytes apart (0: all in one run).
  int64_t line = 0;
  ptrdiff_t line_stride = 0;
  int64_t run = 0;
  ptrdiff_t run_stride = 0;
  /// When used, it makes bytes instead of the epilogue; by column of the packed B. Without a residual.
  FixedRequant fixed = {};
};

/// Weights of a quantized GEMM: B, `bias` ([n], corrected for zero points already) and `scale` ([n]).
struct WeightsS8 {
  MatrixView<int8_t> b;
  const int32_t* bias;
  const float* scale;
  int64_t run = 0;  ///< as in GemmS8
  ptrdiff_t run_stride = 0;
};

/// Lines of an image with what surrounds them: [first, first + count) of columns [−pad_left, width − pad_left).
struct LineGather {
  const void* image;
  const ConvShape& shape;
  int64_t first, count, width;
};

/// A way to multiply bytes; all sums are exact. A last panel of at most half of nr columns is half as wide.
struct GemmS8Variant {
  const char* name;
  Features needs;
  int mr, nr;         ///< register tile
  int kr;             ///< reduction elements that go together
  int element_bytes;  ///< of a packed row: 1, bytes as uint8 (int8 moved up by 128), or 2, int16
  /// Writes packed weights to `dst` and returns their bytes; `dst` null: only counts.
  int64_t (*pack)(const GemmS8Variant&, const WeightsS8&, std::byte* dst);
  void (*run)(const GemmS8&);
  /// Rows [m0, m1) of the implicit matrix in packed form, `dst_stride` bytes apart, each padded with zeros to a
  /// multiple of kr; taps outside the image are `fill` (the zero point as stored byte). `sums`, if not null, gets
  /// each row's sum. `dst` null: only the sums, of a pointwise convolution's rows of bytes as uint8.
  void (*pack_rows)(const RowGather&, int64_t m0, int64_t m1, void* dst, ptrdiff_t dst_stride, bool is_unsigned,
                    uint8_t fill, int32_t* sums);
  /// Lines in packed form, `dst_stride` bytes apart; outside the image they hold `fill`.
  void (*pack_lines)(const LineGather&, void* dst, ptrdiff_t dst_stride, bool is_unsigned, uint8_t fill);

  /// Bytes of a packed row of k elements.
  int64_t row_bytes(int64_t k) const { return (k + kr - 1) / kr * kr * element_bytes; }
  /// The zero point as packed rows see it.
  int32_t packed_zero_point(int32_t zero_point, bool is_unsigned) const {
    return element_bytes == 1 && !is_unsigned ? zero_point + 128 : zero_point;
  }
};

}  // namespace hone::cpu
