// Attention as operator sets 23 and 24 have it, in the words of simpler operators; never written.

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

ValueId size_of_axis(NodeReader& r, ValueId x, int64_t axis) {
  return r.emit(ShapeOf{.start = axis, .end = axis + 1}, {x});
}

/// 0 … n − 1 for n: i64[1].
ValueId counting(NodeReader& r, ValueId n) {
  const auto scalar = [&](int64_t v) { return r.constant(Tensor::scalar<int64_t>(v)); };
  return r.emit(Range{}, {scalar(0), r.emit(Reshape{}, {n, r.ints({})}), scalar(1)});
}

/// Scores [B,heads,S,T] where query i looks at keys 0 … i + offset, −∞ elsewhere. offset: i64, broadcast against
/// [B,1,1,1].
ValueId causal(NodeReader& r, ValueId scores, ValueId offset) {
  const ValueId queries = r.emit(Unsqueeze{}, {counting(r, size_of_axis(r, scores, 2)), r.ints({1})});
  const ValueId keys = counting(r, size_of_axis(r, scores, 3));
  const ValueId seen = r.emit(LessOrEqual{}, {keys, r.emit(Add{}, {queries, offset})});
  return r.emit(Where{}, {seen, scores, r.scalar_like(scores, -INFINITY)});
}

/// Scores where each batch looks at its first `lengths`: i64[B] keys.
ValueId unpadded(NodeReader& r, ValueId scores, ValueId lengths) {
  const ValueId keys = counting(r, size_of_axis(r, scores, 3));
  return r.emit(Where{}, {r.emit(Less{}, {keys, lengths}), scores, r.scalar_like(scores, -INFINITY)});
}

ValueId masked(NodeReader& r, ValueId scores, ValueId mask) {
  if (r.type(mask).logical_dtype() != DType::kBool) return r.emit(Add{}, {scores, mask});
  return r.emit(Where{}, {mask, scores, r.scalar_like(scores, -INFINITY)});
}

/// (query, key, value, mask?, past key?, past value?, lengths?) → (y, key, value). A causal query follows the past, or
/// stands at the end of the keys that count.
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
  ValueId lengths;
  if (r.has(6)) lengths = r.emit(Reshape{}, {r.in(6), r.ints({-1, 1, 1, 1})});
  if (r.attr_bool("is_causal", false)) {
    ValueId offset = r.ints({0});
    if (r.has(4)) {
      offset = size_of_axis(r, r.in(4), 2);
    } else if (r.has(6)) {
      offset = r.emit(Sub{}, {lengths, size_of_axis(r, query, 2)});
    }
    scores = causal(r, scores, offset);
  }
  if (r.has(6)) scores = unpadded(r, scores, lengths);
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

/// (cache, update, places?: i64[B]): update written into the cache from each batch's place on along `axis`; circular
/// ones go on at the beginning.
void read_tensor_scatter(NodeReader& r) {
  const ValueId cache = r.in(0), update = r.in(1);
  const int64_t rank = r.rank(cache), axis = normalize_axis(r.attr_int("axis", -2), rank, "axis");
  std::vector<int64_t> batch(static_cast<size_t>(rank), 1), steps = batch;
  batch[0] = steps[static_cast<size_t>(axis)] = -1;
  const ValueId along = r.emit(Reshape{}, {counting(r, size_of_axis(r, update, axis)), r.ints(std::move(steps))});
  ValueId places = along;
  if (r.has(2)) places = r.emit(Add{}, {r.emit(Reshape{}, {r.in(2), r.ints(std::move(batch))}), along});
  if (r.attr_string("mode", "linear") == "circular") places = r.emit(Mod{}, {places, size_of_axis(r, cache, axis)});
  const ValueId indices = r.emit(Expand{}, {places, r.emit(ShapeOf{}, {update})});
  r.output(0, r.emit(ScatterElements{.axis = axis}, {cache, indices, update}));
}

constexpr Row kRows[] = {
    {"TensorScatter", 24, kNewestOpset, read_tensor_scatter},
    {"Attention", 23, kNewestOpset, read_attention},
    {"RotaryEmbedding", 23, kNewestOpset, read_rotary_embedding},
};

}  // namespace

std::span<const Row> attention_rows() { return kRows; }

}  // namespace hone::onnx
