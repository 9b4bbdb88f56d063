// Attention as operator set 23 has it, in the words of simpler operators; never written.

#include <cmath>

#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

/// [B,S,heads·d] → [B,heads,S,d]; what has four axes already stays.
ValueId split_heads(NodeReader& r, ValueId x, const char* count) {
  if (r.rank(x) == 4) return x;
  const int64_t heads = r.attr_int(count);
  return r.emit(Transpose{.perm = {0, 2, 1, 3}}, {r.emit(Reshape{}, {x, r.ints({0, 0, heads, -1})})});
}

/// Each head of keys or values serves as many heads of queries in a row.
ValueId repeat_heads(NodeReader& r, ValueId x, ValueId query) {
  const Shape many = r.type(query).shape, few = r.type(x).shape;  // copies: emitting moves the graph's values
  if (!many.has_rank() || !few.has_rank() || !many[1].is_known() || !few[1].is_known())
    throw unsupported("onnx: attention with an unknown number of heads");
  const int64_t heads = few[1].value();
  if (heads < 1 || many[1].value() % heads != 0)
    throw invalid_model(cat("onnx: ", many[1].value(), " heads of queries for ", heads, " of keys"));
  const int64_t times = many[1].value() / heads;
  if (times == 1) return x;
  const ValueId wide = r.emit(Tile{}, {r.emit(Unsqueeze{}, {x, r.ints({2})}), r.ints({1, 1, times, 1, 1})});
  const ValueId tail = r.emit(ShapeOf{.start = 2, .end = 4}, {x});
  const ValueId shape = r.emit(Concat{.axis = 0}, {r.ints({0, many[1].value()}), tail});
  return r.emit(Reshape{}, {wide, shape});
}

/// What is added to scores [B,heads,S,T] so that query i looks at keys 0 … i.
ValueId causal_bias(NodeReader& r, ValueId scores) {
  const ValueId shape = r.emit(ShapeOf{.start = 2, .end = 4}, {scores});
  const Tensor never = Tensor::of<float>({1}, {-INFINITY});
  const ValueId all = r.emit(ConstantOfShape{.value = never}, {shape});
  const ValueId bias = r.emit(Trilu{.upper = true}, {all, r.constant(Tensor::scalar<int64_t>(1))});
  const DType dtype = r.type(scores).logical_dtype();
  return dtype == DType::kF32 ? bias : r.emit(Cast{.to = dtype}, {bias});
}

ValueId masked(NodeReader& r, ValueId scores, ValueId mask) {
  if (r.type(mask).logical_dtype() != DType::kBool) return r.emit(Add{}, {scores, mask});
  return r.emit(Where{}, {mask, scores, r.scalar_like(scores, -INFINITY)});
}

/// (query, key, value, mask?, past key?, past value?) → (y, key, value).
void read_attention(NodeReader& r) {
  const bool is_flat = r.rank(r.in(0)) == 3;
  if (r.wants(3)) throw unsupported("onnx: attention that gives away its scores");
  const ValueId query = split_heads(r, r.in(0), "q_num_heads");
  ValueId key = split_heads(r, r.in(1), "kv_num_heads"), value = split_heads(r, r.in(2), "kv_num_heads");
  if (r.has(4)) key = r.emit(Concat{.axis = 2}, {r.in(4), key});
  if (r.has(5)) value = r.emit(Concat{.axis = 2}, {r.in(5), value});
  r.output(1, key);
  r.output(2, value);
  float scale = r.attr_float("scale", 0);
  if (!r.has_attr("scale")) {
    const Shape& shape = r.type(query).shape;
    if (!shape.has_rank() || !shape[3].is_known()) throw unsupported("onnx: attention with heads of unknown size");
    scale = 1 / std::sqrt(static_cast<float>(shape[3].value()));
  }
  ValueId scores = r.emit(MatMul{.transpose_b = true}, {query, repeat_heads(r, key, query)});
  scores = r.emit(Mul{}, {scores, r.scalar_like(scores, static_cast<double>(scale))});
  if (const auto cap = static_cast<double>(r.attr_float("softcap", 0)); cap != 0) {
    const ValueId bounded = r.emit(Tanh{}, {r.emit(Div{}, {scores, r.scalar_like(scores, cap)})});
    scores = r.emit(Mul{}, {bounded, r.scalar_like(scores, cap)});
  }
  if (r.has(3)) scores = masked(r, scores, r.in(3));
  if (r.attr_bool("is_causal", false)) scores = r.emit(Add{}, {scores, causal_bias(r, scores)});
  const ValueId y = r.emit(MatMul{}, {r.emit(Softmax{.axis = -1}, {scores}), repeat_heads(r, value, query)});
  if (!is_flat) return r.output(0, y);
  r.output(0, r.emit(Reshape{}, {r.emit(Transpose{.perm = {0, 2, 1, 3}}, {y}), r.ints({0, 0, -1})}));
}

/// Elements begin, begin + step, … end − 1 of the last axis.
ValueId cut(NodeReader& r, ValueId x, int64_t begin, int64_t end, int64_t step = 1) {
  return r.emit(Slice{}, {x, r.ints({begin}), r.ints({end}), r.ints({-1}), r.ints({step})});
}

/// (x: [B,heads,S,d] or [B,S,heads·d], cos, sin: [places, k/2] or [B,S,k/2], places?: i64[B,S]): pairs of the first k
/// elements of each head are turned by their place's angle.
void read_rotary_embedding(NodeReader& r) {
  const bool is_flat = r.rank(r.in(0)) == 3;
  const ValueId x = is_flat ? r.emit(Reshape{}, {r.in(0), r.ints({0, 0, r.attr_int("num_heads"), -1})})
                            : r.emit(Transpose{.perm = {0, 2, 1, 3}}, {r.in(0)});
  const Shape& shape = r.type(x).shape;
  int64_t turned = r.attr_int("rotary_embedding_dim", 0);
  if (!shape.has_rank() || !shape[3].is_known()) throw unsupported("onnx: rotary embedding of heads of unknown size");
  const int64_t size = shape[3].value();
  if (turned == 0) turned = size;
  if (turned < 2 || turned > size || turned % 2 != 0)
    throw invalid_model(cat("onnx: rotary_embedding_dim ", turned, " of ", size, ", expected an even part of it"));
  ValueId angles[2];
  for (size_t i = 0; i < 2; ++i) {
    const ValueId cache = r.has(3) ? r.emit(Gather{}, {r.in(i + 1), r.in(3)}) : r.in(i + 1);
    angles[i] = r.emit(Unsqueeze{}, {cache, r.ints({2})});
  }
  const bool is_interleaved = r.attr_bool("interleaved", false);
  const ValueId a = is_interleaved ? cut(r, x, 0, turned, 2) : cut(r, x, 0, turned / 2);
  const ValueId b = is_interleaved ? cut(r, x, 1, turned, 2) : cut(r, x, turned / 2, turned);
  ValueId first = r.emit(Sub{}, {r.emit(Mul{}, {a, angles[0]}), r.emit(Mul{}, {b, angles[1]})});
  ValueId second = r.emit(Add{}, {r.emit(Mul{}, {a, angles[1]}), r.emit(Mul{}, {b, angles[0]})});
  ValueId y;
  if (is_interleaved) {
    const ValueId last = r.ints({4});
    first = r.emit(Unsqueeze{}, {first, last});
    second = r.emit(Unsqueeze{}, {second, last});
    y = r.emit(Reshape{}, {r.emit(Concat{.axis = 4}, {first, second}), r.ints({0, 0, 0, turned})});
  } else {
    y = r.emit(Concat{.axis = 3}, {first, second});
  }
  if (turned < size) y = r.emit(Concat{.axis = 3}, {y, cut(r, x, turned, size)});
  r.output(0, is_flat ? r.emit(Reshape{}, {y, r.ints({0, 0, -1})}) : r.emit(Transpose{.perm = {0, 2, 1, 3}}, {y}));
}

constexpr Row kRows[] = {
    {"Attention", 23, kNewestOpset, read_attention},
    {"RotaryEmbedding", 23, kNewestOpset, read_rotary_embedding},
};

}  // namespace

std::span<const Row> attention_rows() { return kRows; }

}  // namespace hone::onnx
