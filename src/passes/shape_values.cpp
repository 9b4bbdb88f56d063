#include "passes/shape_values.h"

#include <algorithm>

#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Longest vector that is followed; shapes are short.
constexpr int64_t kMaxLength = 64;
/// Longest chain of operators that is followed at once; in order of the graph chains are followed link by link.
constexpr int kMaxDepth = 64;

ShapeElement element_of(const Dim& dim) {
  if (dim.is_known()) return {dim.value(), {}};
  return {std::nullopt, dim.symbol()};
}

std::optional<int64_t> apply(const Node& node, int64_t x, int64_t y) {
  int64_t result = 0;
  bool failed = false;
  if (node.is<Add>()) failed = __builtin_add_overflow(x, y, &result);
  if (node.is<Sub>()) failed = __builtin_sub_overflow(x, y, &result);
  if (node.is<Mul>()) failed = __builtin_mul_overflow(x, y, &result);
  if (node.is<Div>()) {
    failed = y == 0 || y == -1;
    if (!failed) result = x / y;
  }
  return failed ? std::nullopt : std::optional(result);
}

}  // namespace

const ShapeElements* ShapeValues::find(ValueId value, int depth) {
  if (!value.exists() || !is_integer(graph_.type(value).dtype) || graph_.type(value).quant) return nullptr;
  const auto known = known_.find(value);
  if (known != known_.end()) return known->second ? &*known->second : nullptr;
  const Node* node = graph_.producer(value);
  std::optional<ShapeElements> found;
  if (graph_.is_constant(value))
    found = of_constant(value);
  else if (node && node->outputs.size() == 1 && depth < kMaxDepth)
    found = compute(*node, depth);
  if (found && static_cast<int64_t>(found->size()) > kMaxLength) found.reset();
  const auto& kept = known_[value] = std::move(found);
  return kept ? &*kept : nullptr;
}

std::optional<ShapeElements> ShapeValues::of_constant(ValueId value) const {
  const Tensor& tensor = graph_.value(value).constant;
  if (tensor.rank() > 1 || tensor.elements() > kMaxLength) return std::nullopt;
  const auto ints = constant_ints(graph_, value);
  if (!ints) return std::nullopt;
  ShapeElements elements;
  for (const int64_t x : *ints) elements.push_back({x, {}});
  return elements;
}

std::optional<ShapeElements> ShapeValues::compute(const Node& node, int depth) {
  if (node.is<ShapeOf>()) return shape_of(node);
  if (node.is<Size>()) return size_of(node);
  const TensorType& type = graph_.type(node.outputs[0]);
  if (!type.shape.has_rank() || type.shape.rank() > 1) return std::nullopt;
  const ShapeElements* x = find(node.input(0), depth + 1);
  if (!x) return std::nullopt;
  if (node.is<Gather>()) return gather(*x, node);
  if (node.is<Slice>()) return slice(*x, node);
  if (node.is<Concat>()) return concat(node, depth);
  const bool keeps_order = node.is<Cast>() || node.is<Reshape>() || node.is<Squeeze>() || node.is<Unsqueeze>() ||
                           node.is<Flatten>() || node.is<Identity>();
  if (keeps_order) return *x;
  const bool is_arithmetic = node.is<Add>() || node.is<Sub>() || node.is<Mul>() || node.is<Div>();
  return is_arithmetic ? arithmetic(node, depth) : std::nullopt;
}

std::optional<ShapeElements> ShapeValues::shape_of(const Node& node) const {
  const Shape& shape = graph_.type(node.inputs[0]).shape;
  if (!shape.has_rank()) return std::nullopt;
  const auto clamped = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + shape.rank() : at, 0, shape.rank());
  };
  const ShapeOf& op = node.as<ShapeOf>();
  ShapeElements result;
  for (int64_t i = clamped(op.start); i < clamped(op.end); ++i) result.push_back(element_of(shape[i]));
  return result;
}

std::optional<ShapeElements> ShapeValues::size_of(const Node& node) const {
  const Shape& shape = graph_.type(node.inputs[0]).shape;
  if (!shape.is_static()) return std::nullopt;
  return ShapeElements{{shape.elements(), {}}};
}

std::optional<ShapeElements> ShapeValues::gather(const ShapeElements& x, const Node& node) const {
  const auto indices = constant_ints(graph_, node.input(1));
  if (!indices || rank_of(graph_, node.inputs[0]) != 1) return std::nullopt;
  ShapeElements result;
  for (int64_t index : *indices) {
    const int64_t at = index < 0 ? index + static_cast<int64_t>(x.size()) : index;
    if (at < 0 || at >= static_cast<int64_t>(x.size())) return std::nullopt;
    result.push_back(x[static_cast<size_t>(at)]);
  }
  return result;
}

std::optional<ShapeElements> ShapeValues::slice(const ShapeElements& x, const Node& node) const {
  const auto starts = constant_ints(graph_, node.input(1)), ends = constant_ints(graph_, node.input(2));
  const bool is_forward = !node.input(4).exists() || is_constant_full_of(graph_, node.input(4), 1);
  if (!starts || !ends || starts->size() != 1 || ends->size() != 1 || !is_forward) return std::nullopt;
  if (rank_of(graph_, node.inputs[0]) != 1) return std::nullopt;
  const int64_t size = static_cast<int64_t>(x.size());
  const auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
  ShapeElements result;
  for (int64_t i = clamped((*starts)[0]); i < clamped((*ends)[0]); ++i) result.push_back(x[static_cast<size_t>(i)]);
  return result;
}

std::optional<ShapeElements> ShapeValues::concat(const Node& node, int depth) {
  ShapeElements result;
  for (ValueId input : node.inputs) {
    const ShapeElements* part = find(input, depth + 1);
    if (!part) return std::nullopt;
    result.insert(result.end(), part->begin(), part->end());
    if (static_cast<int64_t>(result.size()) > kMaxLength) return std::nullopt;
  }
  return result;
}

std::optional<ShapeElements> ShapeValues::arithmetic(const Node& node, int depth) {
  const ShapeElements* a = find(node.input(0), depth + 1);
  const ShapeElements* b = find(node.input(1), depth + 1);
  if (!a || !b || a->empty() || b->empty()) return std::nullopt;
  if (a->size() != b->size() && a->size() != 1 && b->size() != 1) return std::nullopt;
  ShapeElements result(std::max(a->size(), b->size()));
  for (size_t i = 0; i < result.size(); ++i) {
    const ShapeElement& x = (*a)[a->size() == 1 ? 0 : i];
    const ShapeElement& y = (*b)[b->size() == 1 ? 0 : i];
    if (x.number && y.number) {
      result[i].number = apply(node, *x.number, *y.number);
    } else if (y.number == 1 && (node.is<Mul>() || node.is<Div>())) {
      result[i] = x;
    }
  }
  return result;
}

std::optional<std::vector<int64_t>> settled_reshape(const Shape& x, const ShapeElements& target) {
  std::vector<int64_t> result;
  int open = 0;
  size_t inferred = target.size();
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i].number == 0) return std::nullopt;
    if (target[i].number == -1) inferred = i;
    const bool is_number = target[i].number && *target[i].number > 0;
    if (!is_number) ++open;
    result.push_back(is_number ? *target[i].number : -1);
  }
  if (open <= 1) return result;
  // Two open dims: a symbol that x has too, and a −1 that is the quotient of the numbers.
  if (open > 2 || inferred == target.size() || !x.has_rank()) return std::nullopt;
  int64_t elements = 1;
  std::vector<std::string> symbols;
  for (const Dim& dim : x.list()) {
    if (!dim.is_known()) symbols.push_back(dim.symbol());
    if (dim.is_known() && __builtin_mul_overflow(elements, dim.value(), &elements)) return std::nullopt;
  }
  int64_t taken = 1;
  for (size_t i = 0; i < target.size(); ++i) {
    if (target[i].number && *target[i].number > 0 && __builtin_mul_overflow(taken, *target[i].number, &taken))
      return std::nullopt;
    const bool is_symbol = !target[i].number;
    if (is_symbol && (symbols.size() != 1 || symbols[0].empty() || target[i].symbol != symbols[0])) return std::nullopt;
  }
  if (taken == 0 || elements == 0 || elements % taken != 0) return std::nullopt;
  result[inferred] = elements / taken;
  return result;
}

}  // namespace hone
