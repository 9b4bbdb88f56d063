#pragma once

#include <utility>
#include <vector>

#include "passes/rewrite.h"

namespace hone {

/// Writes an expression whose result will stand for `old`, operator by operator. An operator that only moves data keeps
/// the storage of its first input; other results are plain.
class Steps {
 public:
  Steps(Graph& graph, ValueId old) : graph_(graph), old_(old) {}

  template <class Op>
  ValueId add(Op op, std::vector<ValueId> inputs) {
    const TensorType first = graph_.type(inputs[0]);
    const NodeId id = add_node(Op::def, Attrs::of(std::move(op)), std::move(inputs), first, 1);
    return graph_.node(id).outputs[0];
  }
  /// x along `axis`, in parts of these sizes.
  std::vector<ValueId> split(ValueId x, int64_t axis, const std::vector<int64_t>& sizes);
  /// begin … end of one axis.
  ValueId slice(ValueId x, int64_t axis, int64_t begin, int64_t end);
  ValueId concat(std::vector<ValueId> parts, int64_t axis);
  ValueId reshape(ValueId x, const std::vector<int64_t>& dims) { return add_reshape(x, dims); }
  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  ValueId ints(const std::vector<int64_t>& values) { return add_ints(graph_, values); }
  ValueId constant(Tensor value) { return graph_.add_constant(std::move(value), graph_.value(old_).name + "/const"); }
  /// A scalar of `dtype`.
  ValueId number(double x, DType dtype = DType::kF32);
  const TensorType& type(ValueId id) const { return graph_.type(id); }

 private:
  NodeId add_node(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, const TensorType& first, size_t outputs);
  ValueId add_reshape(ValueId x, const std::vector<int64_t>& dims);

  Graph& graph_;
  ValueId old_;
};

}  // namespace hone
