#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ops/binary.h"
#include "ops/unary.h"

namespace hone {

/// A node of a graph whose gradient is being written: its rule reads values of the forward pass and what the outputs'
/// gradients are, adds nodes to the same graph and gives the gradients of the inputs. All shapes are static.
class Backward {
 public:
  /// `dy`: one for each output of the node; those without gradient do not exist(). `wanted`: for each input.
  Backward(Graph& graph, const Node& node, std::vector<ValueId> dy, std::vector<bool> wanted);

  template <class Op>
  const Op& op() const {
    return node_.as<Op>();
  }
  Graph& graph() { return graph_; }
  const Node& node() const { return node_; }
  ValueId x(size_t i = 0) const { return node_.input(i); }
  ValueId y(size_t i = 0) const { return node_.outputs[i]; }
  bool has(size_t i) const { return node_.input(i).exists(); }
  /// The gradient of output 0, zeros when only other outputs have one.
  ValueId dy();
  /// May not exist().
  ValueId dy(size_t i) const { return dy_[i]; }
  bool wants(size_t i) const { return i < wanted_.size() && wanted_[i]; }
  /// States the gradient of input i: a value of its shape.
  void give(size_t i, ValueId gradient) { dx_[i] = gradient; }
  const std::vector<ValueId>& given() const { return dx_; }
  /// Throws Error(unsupported): the gradient of this form of the operator is not known.
  [[noreturn]] void refuse(const std::string& why) const;

  const Dims dims(ValueId v) const { return graph_.type(v).shape.dims(); }
  int64_t rank(ValueId v) const { return graph_.type(v).shape.rank(); }
  /// Constant input i as integers. Refuses when it is not constant.
  std::vector<int64_t> ints(size_t i) const;

  template <class Op>
  ValueId apply(Op op, std::vector<ValueId> inputs) {
    return graph_.add(std::move(op), std::move(inputs));
  }
  ValueId add(ValueId a, ValueId b) { return apply(Add{}, {a, b}); }
  ValueId sub(ValueId a, ValueId b) { return apply(Sub{}, {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return apply(Mul{}, {a, b}); }
  ValueId div(ValueId a, ValueId b) { return apply(Div{}, {a, b}); }
  ValueId neg(ValueId a) { return apply(Neg{}, {a}); }
  ValueId square(ValueId a) { return mul(a, a); }
  /// a · k and a + k for a number k.
  ValueId times(ValueId a, double k) { return k == 1 ? a : mul(a, number(a, k)); }
  ValueId plus(ValueId a, double k) { return add(a, number(a, k)); }
  /// k as a scalar of the dtype of `like`.
  ValueId number(ValueId like, double k);
  ValueId zeros(const Dims& dims);
  ValueId shape(const Dims& dims);  ///< as a constant i64 vector

  /// dy where min < v < max, else 0.
  ValueId where_between(ValueId dy, ValueId v, float min, float max);
  ValueId where_positive(ValueId dy, ValueId v) { return where_between(dy, v, 0, kInfinity); }
  ValueId where_negative(ValueId dy, ValueId v) { return where_between(dy, v, -kInfinity, 0); }
  /// dy() before the clamp that is fused into the node.
  ValueId unclamped(float act_min, float act_max);

  ValueId reshape(ValueId v, const Dims& dims);
  ValueId expand(ValueId v, const Dims& dims);
  ValueId transpose(ValueId v, std::vector<int64_t> perm);
  /// Elements begin … begin + count − 1 along axis.
  ValueId part(ValueId v, int64_t axis, int64_t begin, int64_t count);
  /// Σ over axes, which stay as 1.
  ValueId sum(ValueId v, std::vector<int64_t> axes);
  ValueId mean(ValueId v, std::vector<int64_t> axes);
  /// Sums up what broadcasting spread: a value of these dims.
  ValueId sum_to(ValueId v, const Dims& dims);
  /// Input i gets `v`, summed to its dims, if it is wanted.
  void give_summed(size_t i, ValueId v);

  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

 private:
  Graph& graph_;
  const Node& node_;
  DType dtype_;
  std::vector<ValueId> dy_, dx_;
  std::vector<bool> wanted_;
};

}  // namespace hone
