#pragma once

#include <vector>

#include "formats/tflite/write_node.h"

namespace hone::tflite {

/// Float formulas for operators TFLite lacks, written as one expression each over the node's f32 input. A step and a
/// number are types of their own: neither is taken for the other, nor for the index of a tensor.
class Formula {
 public:
  /// An f32 value on the way.
  class Step {
   public:
    explicit Step(TensorIndex tensor) : tensor_(tensor) {}
    TensorIndex tensor() const { return tensor_; }

   private:
    TensorIndex tensor_;
  };
  struct Number {
    float value;
    template <class T>
    Number(T x) : value(static_cast<float>(x)) {}  // NOLINT: 1 and 0.5 are numbers wherever one is asked for
  };

  /// Throws Error(unsupported) unless input 0 is plain f32.
  explicit Formula(WriteNode& n);
  Step x() { return Step(n_.in(0)); }
  Step input(size_t i) { return Step(n_.in(i)); }

  Step unary(fb::BuiltinOperator code, Step a);
  Step add(Step a, Step b);
  Step sub(Step a, Step b);
  Step mul(Step a, Step b);
  Step div(Step a, Step b);
  Step add(Step a, Number b) { return add(a, constant(b)); }
  Step sub(Number a, Step b) { return sub(constant(a), b); }
  Step mul(Step a, Number b) { return mul(a, constant(b)); }
  Step div(Number a, Step b) { return div(constant(a), b); }
  Step smaller(Step a, Number b);
  Step larger(Step a, Number b);
  /// 1 where a > b, else 0.
  Step above(Step a, Number b);
  /// Ends the formula: the last operator's result is the node's. Returns true.
  bool done(Step last);

 private:
  Step constant(Number x) { return Step(n_.add_scalar(x.value)); }
  template <class Options>
  Step binary(fb::BuiltinOperator code, Step a, Step b);
  Step next() { return Step(n_.temp({DType::kF32, n_.type(0).shape, nullptr}, "step")); }
  WriteNode& n_;
};

}  // namespace hone::tflite
