// Operators of ONNX Runtime's own domain that its transformer optimizer fuses. They are read in the words of ONNX's own
// operators and never written.

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/quantize.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

ValueId zero(NodeReader& r) { return r.constant(Tensor::scalar<int64_t>(0)); }

/// x / √(mean x² over the last axis + epsilon) · scale.
ValueId rms_norm(NodeReader& r, ValueId x, ValueId scale, float epsilon) {
  const ValueId mean = r.emit(ReduceMean{.keepdims = true}, {r.emit(Mul{}, {x, x}), r.ints({-1})});
  const ValueId root = r.emit(Sqrt{}, {r.emit(Add{}, {mean, r.scalar_like(x, static_cast<double>(epsilon))})});
  return r.emit(Mul{}, {r.emit(Div{}, {x, root}), scale});
}

/// (x, skip, gamma, beta?, bias?) → (y, _, _, x + skip + bias).
void read_skip_layer_norm(NodeReader& r) {
  const bool is_simplified = r.proto().op_type == "SkipSimplifiedLayerNormalization";
  const float epsilon = r.attr_float("epsilon", 1e-12f);
  const size_t bias = is_simplified ? 3 : 4;
  ValueId sum = r.emit(Add{}, {r.in(0), r.in(1)});
  if (r.has(bias)) sum = r.emit(Add{}, {sum, r.in(bias)});
  r.output(0, is_simplified ? rms_norm(r, sum, r.in(2), epsilon)
                            : r.emit(LayerNorm{.axis = -1, .epsilon = epsilon}, {sum, r.in(2), r.maybe(3)}));
  r.output(3, sum);
}

/// (word ids: [B,S], segment ids?, words, positions, segments?, gamma, beta, mask?, position ids?) → (y, number of
/// words that the mask keeps: i32[B], sum before normalization).
void read_embed_layer_norm(NodeReader& r) {
  ValueId sum = r.emit(Gather{}, {r.in(2), r.in(0)});
  if (r.has(8)) {
    sum = r.emit(Add{}, {sum, r.emit(Gather{}, {r.in(3), r.in(8)})});
  } else {
    const ValueId length = r.emit(ShapeOf{.start = 1, .end = 2}, {r.in(0)});
    sum = r.emit(Add{}, {sum, r.emit(Slice{}, {r.in(3), r.ints({0}), length, r.ints({0})})});
  }
  if (r.has(1) && r.has(4)) sum = r.emit(Add{}, {sum, r.emit(Gather{}, {r.in(4), r.in(1)})});
  const LayerNorm norm{.axis = -1, .epsilon = r.attr_float("epsilon", 1e-12f)};
  r.output(0, r.emit(norm, {sum, r.in(5), r.maybe(6)}));
  r.output(2, sum);
  if (!r.wants(1)) return;
  const ValueId kept =
      r.has(7) ? r.emit(Cast{.to = DType::kI32}, {r.in(7)})
               : r.emit(Mul{}, {r.emit(Cast{.to = DType::kI32}, {r.in(0)}), r.constant(Tensor::scalar<int32_t>(0))});
  r.output(1, r.emit(ReduceSum{.keepdims = false}, {kept, r.ints({1})}));
}

/// What attention is asked to look at.
struct Attention {
  ValueId query, key, value;  ///< [B, heads, S, d], [B, heads, T, d], [B, heads, T, e]
  ValueId mask;               ///< i32 [B], [B,T] or [B,S,T]; 0 (or beyond the length) is not looked at
  ValueId bias;               ///< added to the scores
};

/// [B,S,heads·d] → [B,heads,S,d].
ValueId split_heads(NodeReader& r, ValueId x, int64_t heads) {
  return r.emit(Transpose{.perm = {0, 2, 1, 3}}, {r.emit(Reshape{}, {x, r.ints({0, 0, heads, -1})})});
}

/// Dim `from` … `to` − 1 of x as i64 without axes.
ValueId dim_of(NodeReader& r, ValueId x, int64_t axis) {
  return r.emit(Squeeze{}, {r.emit(ShapeOf{.start = axis, .end = axis + 1}, {x}), r.ints({0})});
}

/// What is added to scores [B,heads,S,T] so that a mask's zeros do not count.
ValueId mask_bias(NodeReader& r, const Attention& a, ValueId scores) {
  ValueId mask = a.mask;
  const int64_t rank = r.rank(mask);
  if (rank == 1) {
    const Dim batch = r.type(a.query).shape[0];
    if (!(r.type(mask).shape[0] == batch)) throw unsupported("onnx: attention with a mask of starts and ends");
    const ValueId places = r.emit(Range{}, {zero(r), dim_of(r, scores, 3), r.constant(Tensor::scalar<int64_t>(1))});
    const ValueId lengths = r.emit(Unsqueeze{}, {r.emit(Cast{.to = DType::kI64}, {mask}), r.ints({1})});
    mask = r.emit(Less{}, {places, lengths});
  } else if (rank == 2 || rank == 3) {
    mask = r.emit(Cast{.to = DType::kBool}, {mask});
  } else {
    throw unsupported(cat("onnx: attention with a mask of rank ", rank));
  }
  mask = r.emit(Unsqueeze{}, {mask, rank == 3 ? r.ints({1}) : r.ints({1, 2})});
  return r.emit(Where{}, {mask, r.scalar_like(scores, 0),
                          r.scalar_like(scores, static_cast<double>(r.attr_float("mask_filter_value", -10000)))});
}

/// What is added so that no query looks at keys after it; the last query looks at all of them.
ValueId causal_bias(NodeReader& r, ValueId scores) {
  const ValueId shape = r.emit(ShapeOf{.start = 2, .end = 4}, {scores});
  const ValueId all = r.emit(ConstantOfShape{.value = Tensor::of<float>({1}, {-10000})}, {shape});
  const ValueId past = r.emit(Sub{}, {dim_of(r, scores, 3), dim_of(r, scores, 2)});
  const ValueId after = r.emit(Add{}, {past, r.constant(Tensor::scalar<int64_t>(1))});
  const ValueId bias = r.emit(Trilu{.upper = true}, {all, after});
  const DType dtype = r.type(scores).logical_dtype();
  return dtype == DType::kF32 ? bias : r.emit(Cast{.to = dtype}, {bias});
}

/// softmax(query · keyᵀ · scale + biases) · value → [B,S,heads·e].
ValueId attend(NodeReader& r, const Attention& a) {
  float scale = r.attr_float("scale", 0);
  if (scale == 0) {
    const Shape& query = r.type(a.query).shape;
    if (!query.has_rank() || !query[3].is_known()) throw unsupported("onnx: attention with heads of unknown size");
    scale = 1 / std::sqrt(static_cast<float>(query[3].value()));
  }
  ValueId scores = r.emit(MatMul{.transpose_b = true}, {a.query, a.key});
  scores = r.emit(Mul{}, {scores, r.scalar_like(scores, static_cast<double>(scale))});
  if (a.bias.exists()) scores = r.emit(Add{}, {scores, a.bias});
  if (a.mask.exists()) scores = r.emit(Add{}, {scores, mask_bias(r, a, scores)});
  if (r.attr_bool("unidirectional", false)) scores = r.emit(Add{}, {scores, causal_bias(r, scores)});
  const ValueId looked = r.emit(MatMul{}, {r.emit(Softmax{.axis = -1}, {scores}), a.value});
  return r.emit(Reshape{}, {r.emit(Transpose{.perm = {0, 2, 1, 3}}, {looked}), r.ints({0, 0, -1})});
}

/// x · weight + bias cut into query, key and value; keys and values of the past go before.
void attention_of(NodeReader& r, ValueId x, ValueId weight, ValueId bias, ValueId mask, ValueId past, ValueId added) {
  const int64_t heads = r.attr_int("num_heads");
  if (r.attr_bool("do_rotary", false)) throw unsupported("onnx: attention with rotary positions");
  ValueId all = r.emit(MatMul{}, {x, weight});
  if (bias.exists()) all = r.emit(Add{}, {all, bias});
  const std::vector<int64_t> sizes = r.attr_ints("qkv_hidden_sizes");
  const auto parts = r.emit_many(Split{.axis = 2}, {all, sizes.empty() ? ValueId{} : r.ints(sizes)}, 3);
  Attention a{.mask = mask, .bias = added};
  a.query = split_heads(r, parts[0], heads);
  a.key = split_heads(r, parts[1], heads);
  a.value = split_heads(r, parts[2], heads);
  if (past.exists()) {
    a.key = r.emit(Concat{.axis = 2}, {r.emit(Gather{}, {past, zero(r)}), a.key});
    a.value = r.emit(Concat{.axis = 2}, {r.emit(Gather{}, {past, r.constant(Tensor::scalar<int64_t>(1))}), a.value});
  }
  r.output(0, attend(r, a));
  if (!r.wants(1)) return;
  const ValueId first = r.ints({0});
  r.output(1, r.emit(Concat{.axis = 0}, {r.emit(Unsqueeze{}, {a.key, first}), r.emit(Unsqueeze{}, {a.value, first})}));
}

/// (x: [B,S,D], weight: [D,3·heads·d], bias?, mask?, past?: [2,B,heads,P,d], added to the scores?).
void read_attention(NodeReader& r) {
  if (r.has(6)) throw unsupported("onnx: attention with a buffer of past keys");
  attention_of(r, r.in(0), r.in(1), r.maybe(2), r.maybe(3), r.maybe(4), r.maybe(5));
}

/// (x, weight, bias, x scale, weight scale, mask?, x zero point?, weight zero point?, past?).
void read_q_attention(NodeReader& r) {
  const ValueId x = r.emit(DequantizeLinear{}, {r.in(0), r.in(3), r.maybe(6)});
  const ValueId weight = r.emit(DequantizeLinear{.axis = 1}, {r.in(1), r.in(4), r.maybe(7)});
  attention_of(r, x, weight, r.maybe(2), r.maybe(5), r.maybe(8), {});
}

/// (query: [B,S,D], key: [B,T,D] or [B,heads,T,d], value, bias?: of all three, mask?, added to the scores?, past key?,
/// past value?) → (y, key, value).
void read_multi_head_attention(NodeReader& r) {
  const int64_t heads = r.attr_int("num_heads");
  if (!r.has(1) || !r.has(2)) throw unsupported("onnx: MultiHeadAttention of packed queries, keys and values");
  if (r.has(8)) throw unsupported("onnx: MultiHeadAttention with a buffer of past keys");
  ValueId inputs[] = {r.in(0), r.in(1), r.in(2)};
  if (r.has(3)) {
    std::vector<int64_t> sizes;
    for (const ValueId in : inputs) {
      const Shape& shape = r.type(in).shape;
      if (!shape.has_rank() || shape.rank() != 3 || !shape[2].is_known())
        throw unsupported("onnx: MultiHeadAttention with a bias for inputs of unknown size");
      sizes.push_back(shape[2].value());
    }
    const auto biases = r.emit_many(Split{.axis = 0}, {r.in(3), r.ints(sizes)}, 3);
    for (size_t i = 0; i < 3; ++i) inputs[i] = r.emit(Add{}, {inputs[i], biases[i]});
  }
  for (ValueId& in : inputs)
    if (r.rank(in) == 3) in = split_heads(r, in, heads);
  for (size_t i = 1; i < 3; ++i)
    if (r.has(5 + i)) inputs[i] = r.emit(Concat{.axis = 2}, {r.in(5 + i), inputs[i]});
  r.output(0, attend(r, {inputs[0], inputs[1], inputs[2], r.maybe(4), r.maybe(5)}));
  r.output(1, inputs[1]);
  r.output(2, inputs[2]);
}

/// Numbers of `bits` bits that lie in bytes, low ones first: `rows` rows of `columns` numbers, each row `row_bytes`
/// long.
Tensor unpack_rows(const Tensor& packed, const Dims& dims, int64_t bits, int64_t row_bytes) {
  const int64_t rows = dims[0], columns = dims[1];
  if (packed.elements() != rows * row_bytes || size_of(packed.dtype()) != 1)
    throw invalid_model(cat("onnx: ", packed.elements(), " bytes of packed weights, expected ", rows * row_bytes));
  Tensor out = Tensor::empty(bits == 8 ? DType::kU8 : DType::kU4, dims);
  const auto* bytes = static_cast<const uint8_t*>(packed.raw());
  auto* to = static_cast<uint8_t*>(out.mutable_raw());
  for (int64_t row = 0; row < rows; ++row, bytes += row_bytes)
    for (int64_t i = 0; i < columns; ++i)
      *to++ = static_cast<uint8_t>(bytes[i * bits / 8] >> (i * bits % 8) & ((1 << bits) - 1));
  return out;
}

/// (x: […,K], weight: u8[N, blocks, bytes of a block], scales: [N·blocks], zero points?: u8, group index?, bias?):
/// blocks of K in few bits become a blocked DequantizeLinear of plain integers.
void read_mat_mul_n_bits(NodeReader& r) {
  const int64_t depth = r.attr_int("K"), count = r.attr_int("N"), block = r.attr_int("block_size");
  const int64_t bits = r.attr_int("bits", 4);
  constexpr int64_t kLimit = int64_t{1} << 24;
  if (depth < 1 || count < 1 || block < 1 || depth > kLimit || count > kLimit || block > kLimit)
    throw invalid_model(cat("onnx: MatMulNBits of K ", depth, ", N ", count, " and block_size ", block));
  if (bits != 2 && bits != 4 && bits != 8) throw unsupported(cat("onnx: MatMulNBits of ", bits, " bits"));
  if (r.has(4)) throw unsupported("onnx: MatMulNBits with an index of groups");
  const Tensor weight = r.constant(r.in(1)), scales = r.constant(r.in(2));
  if (!weight.exists() || !scales.exists() || (r.has(3) && !r.constant(r.in(3)).exists()))
    throw unsupported("onnx: MatMulNBits with weights that are computed at run time");
  const int64_t blocks = (depth + block - 1) / block;
  if (block * bits % 8 != 0 || scales.elements() != count * blocks)
    throw invalid_model(cat("onnx: MatMulNBits has ", scales.elements(), " scales, expected ", count * blocks));
  const int64_t row_bytes = blocks * block * bits / 8;
  const Tensor whole = unpack_rows(weight, {count, depth}, bits, row_bytes);
  Tensor points = Tensor::empty(whole.dtype(), {count, blocks});
  std::fill_n(static_cast<uint8_t*>(points.mutable_raw()), points.elements(), static_cast<uint8_t>(1 << (bits - 1)));
  if (r.has(3)) {
    const Tensor& packed = r.constant(r.in(3));
    if (packed.dtype() != DType::kU8) throw unsupported("onnx: MatMulNBits with zero points that are not integers");
    points = unpack_rows(packed, {count, blocks}, bits, (blocks * bits + 7) / 8);
  }
  const DequantizeLinear op{.axis = 1, .block_size = block};
  const ValueId real =
      r.emit(op, {r.constant(whole), r.constant(scales.reshaped({count, blocks})), r.constant(std::move(points))});
  const ValueId y = r.emit(MatMul{.transpose_b = true}, {r.in(0), real});
  r.output(0, r.has(5) ? r.emit(Add{}, {y, r.in(5)}) : y);
}

constexpr Row kRows[] = {
    {"Attention", 1, kNewestOpset, read_attention},
    {"EmbedLayerNormalization", 1, kNewestOpset, read_embed_layer_norm},
    {"MatMulNBits", 1, kNewestOpset, read_mat_mul_n_bits},
    {"MultiHeadAttention", 1, kNewestOpset, read_multi_head_attention},
    {"QAttention", 1, kNewestOpset, read_q_attention},
    {"SkipLayerNormalization", 1, kNewestOpset, read_skip_layer_norm},
    {"SkipSimplifiedLayerNormalization", 1, kNewestOpset, read_skip_layer_norm},
};

}  // namespace

std::span<const Row> transformer_rows() { return kRows; }

}  // namespace hone::onnx
