#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/unary.h"

namespace hone::keras {

namespace {

void read_identity(Layer& l) { l.emit(l.x()); }

void read_embedding(Layer& l) {
  if (l.flag("mask_zero", false)) throw unsupported("an embedding that masks zeros");
  const Tensor table = l.weight("embeddings", 0, {l.integer("input_dim", -1), l.integer("output_dim", -1)});
  const bool is_real = is_float(l.graph.type(l.x()).dtype);
  const ValueId indices = is_real ? l.add(Cast{.to = DType::kI32}, {l.x()}) : l.x();
  l.emit(l.add(Gather{}, {l.constant(table, "embeddings"), indices}));
}

/// One of attention's projections, kernel [D, N, K] and bias [N, K], as [B, N, T, K].
ValueId heads(Layer& l, ValueId x, Part part, int64_t count, int64_t size) {
  const int64_t width = l.dim(x, -1), all = checked_mul(count, size);
  const Tensor kernel = l.weight("kernel", 0, {width, count, size}, {part}).reshaped({width, all});
  ValueId bias;
  if (l.flag("use_bias", true))
    bias = l.constant(l.weight("bias", 1, {count, size}, {part}).reshaped({all}), cat(part.word, "_bias"));
  const ValueId y = l.add(FullyConnected{}, {x, l.constant(permuted(kernel, {1, 0}), cat(part.word, "_kernel")), bias});
  return l.transpose(l.reshape(y, {0, 0, count, size}), {0, 2, 1, 3});
}

/// softmax(q·kᵀ / √K)·v over heads, then a projection. Source: Vaswani et al., Attention Is All You Need, 3.2.2.
void read_attention(Layer& l) {
  if (l.named.contains("attention_mask")) throw unsupported("attention with a mask");
  const auto given = [&](const char* name, size_t i, ValueId otherwise) {
    return l.named.contains(name) ? l.named.at(name) : i < l.in.size() ? l.in[i] : otherwise;
  };
  const ValueId query = given("query", 0, {});
  if (!query.exists()) throw invalid_model("has no input");
  const ValueId value = given("value", 1, query), key = given("key", 2, value);
  const int64_t count = l.integer("num_heads", 1), size = l.integer("key_dim", 1);
  const int64_t value_size = l.integer("value_dim", size);
  if (l.rank(query) != 3) throw unsupported("attention over several axes");
  const ValueId q = heads(l, query, {"query", "_query_dense|query_dense"}, count, size);
  const ValueId k = heads(l, key, {"key", "_key_dense|key_dense"}, count, size);
  const ValueId v = heads(l, value, {"value", "_value_dense|value_dense"}, count, value_size);
  const Tensor scale = Tensor::of<float>({}, {1 / std::sqrt(static_cast<float>(size))});
  const ValueId scaled = l.add(Mul{}, {q, l.constant(scale, "scale")});
  const ValueId weights = l.add(Softmax{}, {l.add(MatMul{.transpose_b = true}, {scaled, k})});
  const ValueId mixed = l.transpose(l.add(MatMul{}, {weights, v}), {0, 2, 1, 3});
  const int64_t all = checked_mul(count, value_size);
  const Part output{"attention_output", "_output_dense|output_dense"};
  const Tensor kernel = l.weight("kernel", 0, {count, value_size, -1}, {output});
  const int64_t out = kernel.dim(2);
  ValueId bias;
  if (l.flag("use_bias", true)) bias = l.constant(l.weight("bias", 1, {out}, {output}), "output_bias");
  l.emit(l.add(FullyConnected{}, {l.reshape(mixed, {0, 0, all}),
                                  l.constant(permuted(kernel.reshaped({all, out}), {1, 0}), "output_kernel"), bias}));
}

constexpr LayerRow kRows[] = {
    {"Embedding", read_embedding},
    {"MultiHeadAttention", read_attention},
    // What acts in training alone.
    {"Dropout", read_identity},
    {"SpatialDropout1D", read_identity},
    {"SpatialDropout2D", read_identity},
    {"SpatialDropout3D", read_identity},
    {"AlphaDropout", read_identity},
    {"GaussianDropout", read_identity},
    {"GaussianNoise", read_identity},
    {"ActivityRegularization", read_identity},
    {"Identity", read_identity},
    {"RandomFlip", read_identity},
    {"RandomRotation", read_identity},
    {"RandomZoom", read_identity},
    {"RandomTranslation", read_identity},
    {"RandomContrast", read_identity},
    {"RandomBrightness", read_identity},
};

}  // namespace

std::span<const LayerRow> core_rows() { return kRows; }

}  // namespace hone::keras
