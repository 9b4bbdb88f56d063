#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Operators about shapes, indices and generated tensors.

/// dims of x from start to end as i64 (ONNX Shape 15); dtype i32 for TFLite SHAPE.
struct ShapeOf : Operator<"ShapeOf"> {
  int64_t start = 0;
  int64_t end = std::numeric_limits<int64_t>::max();
  DType dtype = DType::kI64;
  static constexpr std::tuple fields{Field{"start", &ShapeOf::start}, Field{"end", &ShapeOf::end},
                                     Field{"dtype", &ShapeOf::dtype}};
  static const OpDef def;
};

/// number of elements as i64[].
struct Size : Operator<"Size"> {
  static const OpDef def;
};

/// (start: [], limit: [], delta: []) → [n].
struct Range : Operator<"Range"> {
  static const OpDef def;
};

/// (shape: [r]) filled with the one element of value (f32 zero when absent).
struct ConstantOfShape : Operator<"ConstantOfShape"> {
  Tensor value;
  static constexpr std::tuple fields{Field{"value", &ConstantOfShape::value}};
  static const OpDef def;
};

/// (shape: [r], value: []) TFLite FILL.
struct Fill : Operator<"Fill"> {
  static const OpDef def;
};

/// x: [M,N] → ones on diagonal k; has_dtype false: dtype of x.
struct EyeLike : Operator<"EyeLike"> {
  DType dtype = DType::kF32;
  bool has_dtype = false;
  int64_t k = 0;
  static constexpr std::tuple fields{Field{"dtype", &EyeLike::dtype}, Field{"has_dtype", &EyeLike::has_dtype},
                                     Field{"k", &EyeLike::k}};
  static const OpDef def;
};

/// x → i64[rank, n] in row-major order.
struct NonZero : Operator<"NonZero"> {
  static const OpDef def;
};

/// (indices, depth: [], values: [off, on]).
struct OneHot : Operator<"OneHot"> {
  int64_t axis = -1;
  static constexpr std::tuple fields{Field{"axis", &OneHot::axis}};
  static const OpDef def;
};

/// → index dtype.
struct ArgMax : Operator<"ArgMax"> {
  int64_t axis = 0;
  bool keepdims = true;
  bool select_last_index = false;
  DType dtype = DType::kI64;
  static constexpr std::tuple fields{Field{"axis", &ArgMax::axis}, Field{"keepdims", &ArgMax::keepdims},
                                     Field{"select_last_index", &ArgMax::select_last_index},
                                     Field{"dtype", &ArgMax::dtype}};
  static const OpDef def;
};

/// → index dtype.
struct ArgMin : Operator<"ArgMin"> {
  int64_t axis = 0;
  bool keepdims = true;
  bool select_last_index = false;
  DType dtype = DType::kI64;
  static constexpr std::tuple fields{Field{"axis", &ArgMin::axis}, Field{"keepdims", &ArgMin::keepdims},
                                     Field{"select_last_index", &ArgMin::select_last_index},
                                     Field{"dtype", &ArgMin::dtype}};
  static const OpDef def;
};

/// (x, axis: []).
struct CumSum : Operator<"CumSum"> {
  bool exclusive = false;
  bool reverse = false;
  static constexpr std::tuple fields{Field{"exclusive", &CumSum::exclusive}, Field{"reverse", &CumSum::reverse}};
  static const OpDef def;
};

/// → shape; seed NaN-free: has_seed false draws from the session seed.
struct RandomNormal : Operator<"RandomNormal"> {
  std::vector<int64_t> shape;
  DType dtype = DType::kF32;
  float mean = 0;
  float scale = 1;
  float seed = 0;
  bool has_seed = false;
  static constexpr std::tuple fields{Field{"shape", &RandomNormal::shape}, Field{"dtype", &RandomNormal::dtype},
                                     Field{"mean", &RandomNormal::mean},   Field{"scale", &RandomNormal::scale},
                                     Field{"seed", &RandomNormal::seed},   Field{"has_seed", &RandomNormal::has_seed}};
  static const OpDef def;
};

/// → shape.
struct RandomUniform : Operator<"RandomUniform"> {
  std::vector<int64_t> shape;
  DType dtype = DType::kF32;
  float low = 0;
  float high = 1;
  float seed = 0;
  bool has_seed = false;
  static constexpr std::tuple fields{
      Field{"shape", &RandomUniform::shape}, Field{"dtype", &RandomUniform::dtype},
      Field{"low", &RandomUniform::low},     Field{"high", &RandomUniform::high},
      Field{"seed", &RandomUniform::seed},   Field{"has_seed", &RandomUniform::has_seed}};
  static const OpDef def;
};

/// (x) → shape of x.
struct RandomNormalLike : Operator<"RandomNormalLike"> {
  DType dtype = DType::kF32;
  bool has_dtype = false;
  float mean = 0;
  float scale = 1;
  float seed = 0;
  bool has_seed = false;
  static constexpr std::tuple fields{
      Field{"dtype", &RandomNormalLike::dtype}, Field{"has_dtype", &RandomNormalLike::has_dtype},
      Field{"mean", &RandomNormalLike::mean},   Field{"scale", &RandomNormalLike::scale},
      Field{"seed", &RandomNormalLike::seed},   Field{"has_seed", &RandomNormalLike::has_seed}};
  static const OpDef def;
};

/// (x) → shape of x.
struct RandomUniformLike : Operator<"RandomUniformLike"> {
  DType dtype = DType::kF32;
  bool has_dtype = false;
  float low = 0;
  float high = 1;
  float seed = 0;
  bool has_seed = false;
  static constexpr std::tuple fields{
      Field{"dtype", &RandomUniformLike::dtype}, Field{"has_dtype", &RandomUniformLike::has_dtype},
      Field{"low", &RandomUniformLike::low},     Field{"high", &RandomUniformLike::high},
      Field{"seed", &RandomUniformLike::seed},   Field{"has_seed", &RandomUniformLike::has_seed}};
  static const OpDef def;
};

/// (p) → 1 with probability p.
struct Bernoulli : Operator<"Bernoulli"> {
  DType dtype = DType::kF32;
  bool has_dtype = false;
  float seed = 0;
  bool has_seed = false;
  static constexpr std::tuple fields{Field{"dtype", &Bernoulli::dtype}, Field{"has_dtype", &Bernoulli::has_dtype},
                                     Field{"seed", &Bernoulli::seed}, Field{"has_seed", &Bernoulli::has_seed}};
  static const OpDef def;
};

/// (log p: [N,C]) → [N, sample_size].
struct Multinomial : Operator<"Multinomial"> {
  DType dtype = DType::kI32;
  int64_t sample_size = 1;
  float seed = 0;
  bool has_seed = false;
  static constexpr std::tuple fields{Field{"dtype", &Multinomial::dtype},
                                     Field{"sample_size", &Multinomial::sample_size}, Field{"seed", &Multinomial::seed},
                                     Field{"has_seed", &Multinomial::has_seed}};
  static const OpDef def;
};

}  // namespace hone
