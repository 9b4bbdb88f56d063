#include <algorithm>

#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// Longest vector that is followed; shapes are short.
constexpr int64_t kMaxLength = 64;

/// Elements of an integer scalar or vector: numbers (of any sign), symbols, or unknown.
struct Element {
  std::optional<int64_t> number;
  std::string symbol;
};
using Elements = std::vector<Element>;

Element element_of(const Dim& dim) {
  if (dim.is_known()) return {dim.value(), {}};
  return {std::nullopt, dim.symbol()};
}

/// Follows integer vectors through the operators that shape arithmetic is written in.
class ShapeValues {
 public:
  explicit ShapeValues(const Graph& graph) : graph_(graph), known_(graph.value_capacity()) {}

  /// Elements of a value, or null when it is not followed.
  const Elements* find(ValueId value) {
    if (!value.exists()) return nullptr;
    const size_t i = static_cast<size_t>(value.index);
    if (i >= known_.size()) known_.resize(i + 1);
    if (!known_[i] && graph_.is_constant(value)) note_constant(value);
    return known_[i] ? &*known_[i] : nullptr;
  }

  /// Finds the elements of the node's result from those of its inputs.
  void visit(const Node& node) {
    if (node.outputs.size() != 1) return;
    std::optional<Elements> result = compute(node);
    const size_t i = static_cast<size_t>(node.outputs[0].index);
    if (i >= known_.size()) known_.resize(i + 1);
    if (result && static_cast<int64_t>(result->size()) <= kMaxLength) known_[i] = std::move(result);
  }

 private:
  void note_constant(ValueId value) {
    const Tensor& tensor = graph_.value(value).constant;
    if (tensor.rank() > 1 || tensor.elements() > kMaxLength) return;
    const auto ints = constant_ints(graph_, value);
    if (!ints) return;
    Elements elements;
    for (int64_t x : *ints) elements.push_back({x, {}});
    known_[static_cast<size_t>(value.index)] = std::move(elements);
  }

  std::optional<Elements> compute(const Node& node) {
    if (node.is<ShapeOf>()) return shape_of(node);
    const TensorType& type = graph_.type(node.outputs[0]);
    if (!is_integer(type.dtype) || type.quant || !type.shape.has_rank() || type.shape.rank() > 1) return std::nullopt;
    const Elements* x = find(node.input(0));
    if (!x) return std::nullopt;
    if (node.is<Gather>()) return gather(*x, node);
    if (node.is<Slice>()) return slice(*x, node);
    if (node.is<Concat>()) return concat(node);
    const bool keeps_order = node.is<Cast>() || node.is<Reshape>() || node.is<Squeeze>() || node.is<Unsqueeze>() ||
                             node.is<Flatten>() || node.is<Identity>();
    if (keeps_order) return *x;
    const bool is_arithmetic = node.is<Add>() || node.is<Sub>() || node.is<Mul>() || node.is<Div>();
    return is_arithmetic ? arithmetic(node) : std::nullopt;
  }

  std::optional<Elements> shape_of(const Node& node) {
    const Shape& shape = graph_.type(node.inputs[0]).shape;
    if (!shape.has_rank()) return std::nullopt;
    const auto clamped = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + shape.rank() : at, 0, shape.rank());
    };
    const ShapeOf& op = node.as<ShapeOf>();
    Elements result;
    for (int64_t i = clamped(op.start); i < clamped(op.end); ++i) result.push_back(element_of(shape[i]));
    return result;
  }

  std::optional<Elements> gather(const Elements& x, const Node& node) {
    const auto indices = constant_ints(graph_, node.input(1));
    if (!indices || rank_of(graph_, node.inputs[0]) != 1) return std::nullopt;
    Elements result;
    for (int64_t index : *indices) {
      const int64_t at = index < 0 ? index + static_cast<int64_t>(x.size()) : index;
      if (at < 0 || at >= static_cast<int64_t>(x.size())) return std::nullopt;
      result.push_back(x[static_cast<size_t>(at)]);
    }
    return result;
  }

  std::optional<Elements> slice(const Elements& x, const Node& node) {
    const auto starts = constant_ints(graph_, node.input(1)), ends = constant_ints(graph_, node.input(2));
    const bool is_forward = !node.input(4).exists() || is_constant_full_of(graph_, node.input(4), 1);
    if (!starts || !ends || starts->size() != 1 || ends->size() != 1 || !is_forward) return std::nullopt;
    if (rank_of(graph_, node.inputs[0]) != 1) return std::nullopt;
    const int64_t size = static_cast<int64_t>(x.size());
    const auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + size : at, 0, size); };
    Elements result;
    for (int64_t i = clamped((*starts)[0]); i < clamped((*ends)[0]); ++i) result.push_back(x[static_cast<size_t>(i)]);
    return result;
  }

  std::optional<Elements> concat(const Node& node) {
    Elements result;
    for (ValueId input : node.inputs) {
      const Elements* part = find(input);
      if (!part) return std::nullopt;
      result.insert(result.end(), part->begin(), part->end());
      if (static_cast<int64_t>(result.size()) > kMaxLength) return std::nullopt;
    }
    return result;
  }

  std::optional<Elements> arithmetic(const Node& node) {
    const Elements* a = find(node.input(0));
    const Elements* b = find(node.input(1));
    if (!a || !b || a->empty() || b->empty()) return std::nullopt;
    if (a->size() != b->size() && a->size() != 1 && b->size() != 1) return std::nullopt;
    Elements result(std::max(a->size(), b->size()));
    for (size_t i = 0; i < result.size(); ++i) {
      const Element& x = (*a)[a->size() == 1 ? 0 : i];
      const Element& y = (*b)[b->size() == 1 ? 0 : i];
      if (x.number && y.number) {
        result[i].number = apply(node, *x.number, *y.number);
      } else if (y.number == 1 && (node.is<Mul>() || node.is<Div>())) {
        result[i] = x;
      }
    }
    return result;
  }

  static std::optional<int64_t> apply(const Node& node, int64_t x, int64_t y) {
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

  const Graph& graph_;
  std::vector<std::optional<Elements>> known_;
};

/// A constant of the value's type when all elements are numbers.
Tensor as_constant(const Elements& elements, const TensorType& type) {
  if (!is_integer(type.dtype) || type.quant || !type.shape.has_rank()) return {};
  std::vector<int64_t> numbers;
  for (const Element& x : elements) {
    if (!x.number) return {};
    numbers.push_back(*x.number);
  }
  if (type.shape.rank() == 0 && numbers.size() != 1) return {};
  const Dims dims = type.shape.rank() == 0 ? Dims{} : Dims{static_cast<int64_t>(numbers.size())};
  Tensor result = Tensor::of<int64_t>(dims, std::span<const int64_t>(numbers));
  return type.dtype == DType::kI64 ? result : cast(result, type.dtype);
}

/// The argument of a Reshape of x to `target`: one −1 for a symbol, or a given −1 found by division. None when two dims
/// stay open.
std::optional<std::vector<int64_t>> settle(const Shape& x, const Elements& target) {
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

bool settle_argument(Graph& graph, NodeId id, ShapeValues& values) {
  const Node& node = graph.node(id);
  if (!node.is<Reshape>() || graph.is_constant(node.input(1)) || node.as<Reshape>().allow_zero) return false;
  const Elements* target = values.find(node.input(1));
  if (!target) return false;
  const auto argument = settle(graph.type(node.inputs[0]).shape, *target);
  if (!argument) return false;
  graph.set_input(id, 1, add_ints(graph, *argument));
  return true;
}

}  // namespace

int64_t resolve_shapes(Graph& graph, PassContext& context) {
  int64_t changes = 0;
  ShapeValues values(graph);
  for (NodeId id : graph.order()) {
    if (context.budget.left <= 0) break;
    values.visit(graph.node(id));
    bool changed = settle_argument(graph, id, values);
    if (!changed && graph.node(id).outputs.size() == 1) {
      const ValueId out = graph.node(id).outputs[0];
      const Elements* elements = values.find(out);
      Tensor constant = elements ? as_constant(*elements, graph.type(out)) : Tensor();
      if (constant.exists()) {
        graph.replace_uses(out, graph.add_constant(std::move(constant), graph.value(out).name));
        graph.remove(id);
        changed = true;
      }
    }
    if (changed && context.budget.take()) ++changes;
  }
  return changes;
}

}  // namespace hone
