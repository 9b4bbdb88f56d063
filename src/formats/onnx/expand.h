#pragma once

#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace hone::onnx {

/// Operators that TFLite has and ONNX has no word for, said in several that it has. They compute on reals: an integer
/// or hybrid layer gives what its numbers stand for, to within the steps of its own arithmetic.

/// The operands of the node that is being replaced, and short names for building others.
class Expansion {
 public:
  Expansion(Graph& graph, NodeId id) : graph_(graph), node_(graph.node(id)) {}

  template <class Op>
  const Op& op() const {
    return node_.as<Op>();
  }
  bool has(size_t i) const { return node_.input(i).exists(); }
  const TensorType& type(size_t i) const { return graph_.type(node_.inputs.at(i)); }
  const Node& node() const { return node_; }
  Graph& graph() { return graph_; }

  /// Input i as f32.
  ValueId real(size_t i);
  ValueId ints(std::vector<int64_t> values);
  ValueId number(float value);
  template <class Op>
  ValueId add(Op op, std::vector<ValueId> inputs) {
    return graph_.add(std::move(op), std::move(inputs), {.source = node_.source});
  }
  /// The first `begin` … `end` − 1 of an axis.
  ValueId cut(ValueId x, int64_t axis, int64_t begin, int64_t end);

 private:
  Graph& graph_;
  const Node node_;
};

/// Replaces every such node of the graph; throws Error(unsupported) for a form that ONNX cannot say.
void expand(Graph& graph);
bool is_expanded(const OpDef& def);

/// By operator: the values that stand for the node's outputs, as reals.
std::vector<ValueId> expand_sequence_lstm(Expansion& e);
std::vector<ValueId> expand_sequence_rnn(Expansion& e);
std::vector<ValueId> expand_svdf(Expansion& e);
std::vector<ValueId> expand_detections(Expansion& e);

}  // namespace hone::onnx
