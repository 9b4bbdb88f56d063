#pragma once

#include <functional>
#include <string>

#include "emit/c_text.h"

namespace hone {

/// What a row needs to write a node: the graph, the text so far, and the C expression of each value's storage.
struct CNode {
  const Graph& graph;
  const Node& node;
  CText& text;
  std::function<std::string(ValueId)> storage;

  const TensorType& in(size_t i) const { return graph.type(node.inputs[i]); }
  const TensorType& out() const { return graph.type(node.outputs[0]); }
  std::string x(size_t i = 0) const { return storage(node.inputs[i]); }
  std::string y() const { return storage(node.outputs[0]); }
};

/// Writes the call of a node, or returns false where it has no C form.
using CRow = bool (*)(CNode&);
CRow find_c_row(const OpDef* def);

/// Whether the node only gives its first input another shape: its output is the input's storage.
bool is_c_alias(const Graph& graph, const Node& node);

/// "int8_t" and its like, "float" for reals. Throws Error(unsupported) for other types.
std::string_view c_type(const TensorType& type);

}  // namespace hone
