#pragma once

#include <cstdint>

#include "ir/op_def.h"

namespace hone {

/// Reductions: (x, axes?: i64[k]); no axes: all of them, or none when noop_with_empty_axes:
/// then each element is reduced by itself (ReduceL1 is |x|).

/// Σ.
struct ReduceSum : Operator<"ReduceSum"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceSum::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceSum::noop_with_empty_axes}};
  static const OpDef def;
};

/// mean.
struct ReduceMean : Operator<"ReduceMean"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceMean::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceMean::noop_with_empty_axes}};
  static const OpDef def;
};

/// max.
struct ReduceMax : Operator<"ReduceMax"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceMax::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceMax::noop_with_empty_axes}};
  static const OpDef def;
};

/// min.
struct ReduceMin : Operator<"ReduceMin"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceMin::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceMin::noop_with_empty_axes}};
  static const OpDef def;
};

/// Π.
struct ReduceProd : Operator<"ReduceProd"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceProd::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceProd::noop_with_empty_axes}};
  static const OpDef def;
};

/// Σ|x|.
struct ReduceL1 : Operator<"ReduceL1"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceL1::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceL1::noop_with_empty_axes}};
  static const OpDef def;
};

/// √Σx².
struct ReduceL2 : Operator<"ReduceL2"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceL2::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceL2::noop_with_empty_axes}};
  static const OpDef def;
};

/// ln Σx.
struct ReduceLogSum : Operator<"ReduceLogSum"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceLogSum::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceLogSum::noop_with_empty_axes}};
  static const OpDef def;
};

/// ln Σeˣ, shifted by the maximum.
struct ReduceLogSumExp : Operator<"ReduceLogSumExp"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceLogSumExp::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceLogSumExp::noop_with_empty_axes}};
  static const OpDef def;
};

/// Σx².
struct ReduceSumSquare : Operator<"ReduceSumSquare"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceSumSquare::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceSumSquare::noop_with_empty_axes}};
  static const OpDef def;
};

/// or; bool (TFLite REDUCE_ANY).
struct ReduceAny : Operator<"ReduceAny"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceAny::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceAny::noop_with_empty_axes}};
  static const OpDef def;
};

/// and; bool (TFLite REDUCE_ALL).
struct ReduceAll : Operator<"ReduceAll"> {
  bool keepdims = true;
  bool noop_with_empty_axes = false;
  static constexpr std::tuple fields{Field{"keepdims", &ReduceAll::keepdims},
                                     Field{"noop_with_empty_axes", &ReduceAll::noop_with_empty_axes}};
  static const OpDef def;
};

}  // namespace hone
