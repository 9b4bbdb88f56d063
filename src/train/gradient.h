#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "train/backward.h"

namespace hone {

/// What is known of an operator's gradient. A row in gradients_TOPIC.cpp; every operator has one.
struct GradientRow {
  const OpDef* op;
  void (*write)(Backward&);   ///< gives the gradients of the inputs that are wanted; null: there is none
  uint32_t learns = 0;        ///< bit i: input i is a weight where it is constant
  std::string_view why = {};  ///< without `write`: why there is none
  bool is_estimate = false;   ///< not the derivative, but what trains well in its place
};

/// Bits of GradientRow::learns.
constexpr uint32_t weights(std::initializer_list<int> inputs) {
  uint32_t bits = 0;
  for (const int i : inputs) bits |= 1u << i;
  return bits;
}

/// Null for an operator that nobody wrote a row for.
const GradientRow* find_gradient(const OpDef& op);

/// Adds to `graph` the gradients of the scalar `loss` with respect to `values`, by reverse accumulation, and returns
/// them in their order; a value that the loss does not depend on gets zeros. Shapes must be static. Throws
/// Error(unsupported) that names every node on the way whose operator has no gradient.
/// Source: Griewank and Walther, Evaluating Derivatives, chapter 3.
std::vector<ValueId> add_gradients(Graph& graph, ValueId loss, std::span<const ValueId> values);

/// A value and what its gradient is.
struct Slope {
  ValueId value, slope;
};
/// The same for a loss whose gradients at `ends` are known.
std::vector<ValueId> add_gradients(Graph& graph, std::span<const Slope> ends, std::span<const ValueId> values);

}  // namespace hone
