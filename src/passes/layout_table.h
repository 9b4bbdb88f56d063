#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "passes/perm.h"

namespace hone {

/// How an operator meets data whose axes are stored in another order.
enum class LayoutKind : uint8_t {
  kTied,     ///< outputs and data inputs may all be stored in one common order
  kReduced,  ///< input 0 may be stored in any order; output 0 loses axes and keeps the order of the rest
};

/// What a row's functions see.
struct LayoutView {
  const Graph& graph;
  const Node& node;
  int64_t rank;  ///< of the data inputs

  /// Axis in 0 … rank−1.
  int64_t axis(int64_t stated) const { return stated < 0 ? stated + rank : stated; }
};

/// A copy of the node being made to work on data stored in order `perm`. Inputs that are no data are still the node's.
struct LayoutEdit {
  Graph& graph;
  NodeSpec& spec;
  const Perm& perm;
  Perm where;  ///< inverse of perm: axis a of the data is axis where[a] of what is stored
  int64_t rank;

  int64_t moved(int64_t axis) const { return where[static_cast<size_t>(axis < 0 ? axis + rank : axis)]; }
};

/// One row per operator: everything the layout pass knows about it.
struct LayoutRow {
  const OpDef* op;
  LayoutKind kind = LayoutKind::kTied;
  int data_inputs = 1;  ///< the first so many inputs are data; −1: all
  /// Whether the node can be moved at all, e.g. because its axes are constant; null: yes.
  bool (*movable)(const LayoutView&) = nullptr;
  /// Whether it works on data stored in this order; null: in every order.
  bool (*accepts)(const LayoutView&, const Perm&) = nullptr;
  /// Rewrites attributes and the other inputs; null: nothing names axes.
  void (*remap)(LayoutEdit&) = nullptr;
  /// kReduced: the axes that go.
  std::optional<std::vector<bool>> (*removed)(const LayoutView&) = nullptr;
};

/// The row that applies to this node, or null: it needs its data in its own order. Elementwise operators share one.
const LayoutRow* find_layout_row(const Graph& graph, const Node& node);

/// Rank of the data of a node with a row: that of its first data input, or of the result for elementwise operators.
int64_t data_rank(const Graph& graph, const Node& node, const LayoutRow& row);
/// Whether input i of a node with this row is data.
bool is_data_input(const LayoutRow& row, size_t i);

}  // namespace hone
