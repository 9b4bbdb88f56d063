#pragma once

#include <cmath>
#include <vector>

#include "ops/binary.h"
#include "passes/bounds.h"
#include "passes/rewrite.h"

namespace hone {

/// A value written as scalar · values[0] · values[1] · …: multiplications are grouped in many ways, patterns are not.
struct Product {
  double scalar = 1;
  std::vector<ValueId> values;

  size_t count(ValueId value) const {
    size_t n = 0;
    for (ValueId v : values) n += v == value;
    return n;
  }
};

namespace detail {

inline void collect_factors(const Graph& graph, ValueId value, bool is_root, int depth, Product& product) {
  if (const auto scalar = constant_scalar(graph, value)) {
    product.scalar *= *scalar;
    return;
  }
  const Node* mul = producer_as<Mul>(graph, value);
  const bool opens = mul && depth < 8 && activation_of(*mul)->is_open() && (is_root || is_private(graph, value)) &&
                     (is_root || !graph.type(value).quant);
  if (opens) {
    collect_factors(graph, mul->inputs[0], false, depth + 1, product);
    collect_factors(graph, mul->inputs[1], false, depth + 1, product);
    return;
  }
  const Node* power = producer_as<Pow>(graph, value);
  const auto exponent = power ? constant_scalar(graph, power->inputs[1]) : std::nullopt;
  if (exponent == 3.0 && !graph.type(value).quant) {
    product.values.insert(product.values.end(), 3, power->inputs[0]);
    return;
  }
  product.values.push_back(value);
}

}  // namespace detail

/// The factors of `value` through multiplications that have no other user.
inline Product factors_of(const Graph& graph, ValueId value) {
  Product product;
  detail::collect_factors(graph, value, true, 0, product);
  return product;
}

inline bool is_near(double a, double b) { return std::abs(a - b) <= 1e-3 * std::abs(b); }

/// The other operand of x + c with a scalar constant c; none when `value` is no such sum.
inline std::optional<ValueId> plus_constant(const Graph& graph, ValueId value, double c) {
  const Node* add = producer_as<Add>(graph, value);
  if (!add || !activation_of(*add)->is_open() || graph.type(value).quant) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    const auto scalar = constant_scalar(graph, add->inputs[i]);
    if (scalar && (c == 0 ? std::abs(*scalar) < 1e-12 : is_near(*scalar, c))) return add->inputs[1 - i];
  }
  return std::nullopt;
}

}  // namespace hone
