#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

void read_linear(Call& n) {
  std::vector<ValueId> inputs{n.x(), n.x("weight")};
  if (n.has("bias")) inputs.push_back(n.x("bias"));
  // A weight that the program computes is no layer's.
  if (n.constant(inputs[1])) return n.emit(n.add(FullyConnected{}, inputs));
  const ValueId y = n.add(MatMul{.transpose_b = true}, {inputs[0], inputs[1]});
  n.emit(inputs.size() > 2 ? n.add(Add{}, {y, inputs[2]}) : y);
}

/// A product with a constant matrix is a layer's.
ValueId product(Call& n, ValueId a, ValueId b) {
  if (n.constant(b) && n.rank(b) == 2 && n.rank(a) > 1 && !n.constant(a))
    return n.add(FullyConnected{}, {a, n.transpose(b, {1, 0})});
  return n.add(MatMul{}, {a, b});
}
void read_matmul(Call& n) { n.emit(product(n, n.x(), n.x("other"))); }

/// beta · self + alpha · a · b.
void read_addmm(Call& n) {
  ValueId y = product(n, n.x("a"), n.x("b")), c = n.x();
  if (n.real("alpha") != 1) y = n.add(Mul{}, {y, n.scalar(n.real("alpha"), n.dtype(y))});
  if (n.real("beta") == 0) return n.emit(y);
  if (n.real("beta") != 1) c = n.add(Mul{}, {c, n.scalar(n.real("beta"), n.dtype(c))});
  n.emit(n.add(Add{}, {y, c}));
}

void read_einsum(Call& n) {
  std::string equation;
  for (const char c : to_text_value(n.arg("equation")))
    if (c != ' ') equation += c;
  n.emit(n.add(Einsum{.equation = std::move(equation)}, n.tensors("tensors")));
}
/// [M] and [N] → [M, N].
void read_outer(Call& n) { n.emit(n.add(Mul{}, {n.reshape(n.x(), {-1, 1}), n.reshape(n.x("other"), {1, -1})})); }

/// softmax(q · kᵀ · scale + mask) · v. Source: torch.nn.functional.scaled_dot_product_attention.
void read_attention(Call& n) {
  const ValueId q = n.x(), k = n.x("key"), v = n.x("value");
  if (n.real("dropout_p") != 0) throw unsupported("dropout in training", "call model.eval() before saving");
  const double width = static_cast<double>(n.dim(q, -1));
  const double scale = n.has("scale") ? n.real("scale") : 1 / std::sqrt(width);
  ValueId scores = n.add(Mul{}, {n.add(MatMul{.transpose_b = true}, {q, k}), n.scalar(scale, n.dtype(q))});
  if (n.flag("is_causal")) {
    const int64_t rows = n.dim(q, -2), columns = n.dim(k, -2);
    if (rows > 16384 || columns > 16384) throw unsupported("a causal mask of that size");
    Tensor mask = Tensor::zeros(DType::kF32, {rows, columns});
    for (int64_t i = 0; i < rows; ++i)
      for (int64_t j = i + 1; j < columns; ++j)
        mask.mutable_data<float>()[static_cast<size_t>(i * columns + j)] = -std::numeric_limits<float>::infinity();
    scores = n.add(Add{}, {scores, n.add_constant(std::move(mask))});
  }
  if (n.has("attn_mask")) {
    const ValueId mask = n.x("attn_mask");
    scores = n.dtype(mask) == DType::kBool
                 ? n.add(Where{}, {mask, scores, n.scalar(-std::numeric_limits<double>::infinity(), n.dtype(scores))})
                 : n.add(Add{}, {scores, mask});
  }
  n.emit(n.add(MatMul{}, {n.add(Softmax{.axis = -1}, {scores}), v}));
}

/// What self-attention makes of x: [B, L, E], and its weights [B, H, L, L].
struct Attended {
  ValueId y, weights;
};
/// With one packed projection, as the fused forms for inference have it.
/// Source: torch/nn/modules/activation.py, MultiheadAttention.forward (fast path).
Attended self_attention(Call& n, ValueId x, int64_t heads) {
  if (n.has("mask")) throw unsupported("fused attention with a mask");
  const int64_t width = n.integer("embed_dim"), batch = n.dim(x, 0), length = n.dim(x, 1);
  if (heads < 1 || width % heads != 0) throw invalid_model(cat(width, " features in ", heads, " heads"));
  const ValueId all = n.add(FullyConnected{}, {x, n.x("qkv_weight"), n.x("qkv_bias")});
  const ValueId apart = n.transpose(n.reshape(all, {batch, length, 3, heads, width / heads}), {2, 0, 3, 1, 4});
  std::vector<ValueId> parts;
  for (const ValueId part : n.add_many(Split{.axis = 0}, {apart, n.ints_value({1, 1, 1})}, 3))
    parts.push_back(n.add(Squeeze{}, {part, n.ints_value({0})}));
  const double scale = 1 / std::sqrt(static_cast<double>(width / heads));
  const ValueId scores = n.add(MatMul{.transpose_b = true}, {parts[0], parts[1]});
  const ValueId weights = n.add(Softmax{.axis = -1}, {n.add(Mul{}, {scores, n.scalar(scale, n.dtype(scores))})});
  const ValueId mixed = n.transpose(n.add(MatMul{}, {weights, parts[2]}), {0, 2, 1, 3});
  const ValueId joined = n.reshape(mixed, {batch, length, width});
  return {n.add(FullyConnected{}, {joined, n.x("proj_weight"), n.x("proj_bias")}), weights};
}
void read_fused_attention(Call& n) {
  if (n.arg("query") != n.arg("key") || n.arg("key") != n.arg("value"))
    throw unsupported("fused attention over others");
  const Attended made = self_attention(n, n.x("query"), n.integer("num_head"));
  n.emit_all({made.y, n.add(ReduceMean{.keepdims = false}, {made.weights, n.ints_value({1})})});
}

/// Attention, then two linear layers, each added to what came in and normalized before or behind.
/// Source: torch/nn/modules/transformer.py, TransformerEncoderLayer.forward (fast path).
void read_encoder_layer(Call& n) {
  const bool is_first = n.flag("norm_first");
  const auto norm = [&](ValueId x, const char* number) {
    return n.add(LayerNorm{.epsilon = static_cast<float>(n.real("eps"))},
                 {x, n.x(cat("norm_weight_", number)), n.x(cat("norm_bias_", number))});
  };
  const auto linear = [&](ValueId x, const char* number) {
    return n.add(FullyConnected{}, {x, n.x(cat("ffn_weight_", number)), n.x(cat("ffn_bias_", number))});
  };
  ValueId x = n.x("src");
  x = n.add(Add{}, {x, self_attention(n, is_first ? norm(x, "1") : x, n.integer("num_heads")).y});
  if (!is_first) x = norm(x, "1");
  const ValueId wide = linear(is_first ? norm(x, "2") : x, "1");
  const ValueId active = n.flag("use_gelu") ? n.add(Gelu{}, {wide}) : n.add(Relu{}, {wide});
  x = n.add(Add{}, {x, linear(active, "2")});
  n.emit(is_first ? x : norm(x, "2"));
}

constexpr std::string_view kTwo = "self other", kAdded = "self a b beta=1 alpha=1";

constexpr OpRow kRows[] = {
    {"linear", "self weight bias=None", read_linear},
    {"matmul", kTwo, read_matmul},
    {"__matmul__", kTwo, read_matmul},
    {"mm", kTwo, read_matmul},
    {"bmm", kTwo, read_matmul},
    {"mv", kTwo, read_matmul},
    {"dot", kTwo, read_matmul},
    {"addmm", kAdded, read_addmm},
    {"baddbmm", kAdded, read_addmm},
    {"addmv", kAdded, read_addmm},
    {"einsum", "equation tensors path=None", read_einsum},
    {"outer", kTwo, read_outer},
    {"ger", kTwo, read_outer},
    {"scaled_dot_product_attention",
     "self key value attn_mask=None dropout_p=0 is_causal=False scale=None enable_gqa=False", read_attention},
    {"_native_multi_head_attention",
     "query key value embed_dim num_head qkv_weight qkv_bias proj_weight proj_bias mask=None need_weights=True "
     "average_attn_weights=True mask_type=None",
     read_fused_attention},
    {"_transformer_encoder_layer_fwd",
     "src embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias use_gelu norm_first eps norm_weight_1 "
     "norm_bias_1 norm_weight_2 norm_bias_2 ffn_weight_1 ffn_bias_1 ffn_weight_2 ffn_bias_2 mask=None mask_type=None",
     read_encoder_layer},
};

}  // namespace

std::span<const OpRow> matrix_rows() { return kRows; }

}  // namespace hone::torch
