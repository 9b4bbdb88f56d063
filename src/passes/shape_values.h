#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone {

/// One element of an integer scalar or vector: a number (of any sign), a symbol, or unknown.
struct ShapeElement {
  std::optional<int64_t> number;
  std::string symbol;
};
using ShapeElements = std::vector<ShapeElement>;

/// Follows integer vectors through the operators that shape arithmetic is written in, as far as elements are known:
/// Concat(Slice(ShapeOf(x)), 1) with x: [n,…] is {n, 1}.
class ShapeValues {
 public:
  explicit ShapeValues(const Graph& graph) : graph_(graph) {}

  /// Elements of a value, kept here, or null when it is not followed.
  const ShapeElements* find(ValueId value) & { return find(value, 0); }

 private:
  const ShapeElements* find(ValueId value, int depth);
  std::optional<ShapeElements> compute(const Node& node, int depth);
  std::optional<ShapeElements> of_constant(ValueId value) const;
  std::optional<ShapeElements> shape_of(const Node& node) const;
  std::optional<ShapeElements> size_of(const Node& node) const;
  std::optional<ShapeElements> gather(const ShapeElements& x, const Node& node) const;
  std::optional<ShapeElements> slice(const ShapeElements& x, const Node& node) const;
  std::optional<ShapeElements> concat(const Node& node, int depth);
  std::optional<ShapeElements> arithmetic(const Node& node, int depth);

  const Graph& graph_;
  std::map<ValueId, std::optional<ShapeElements>> known_;
};

/// The argument of a Reshape of x to `target`: one −1 for a symbol, or a given −1 found by division. None when two dims
/// stay open.
std::optional<std::vector<int64_t>> settled_reshape(const Shape& x, const ShapeElements& target);

}  // namespace hone
