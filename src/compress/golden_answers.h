#pragma once

#include <cstdint>

#include "container/json.h"
#include "ir/graph.h"
#include "measure/engine.h"

namespace hone {

/// What `graph` answers on generated inputs, small enough to ride in a manifest: for each of a few seeds of
/// generate_inputs, of every output its dims, the largest of its numbers and up to 32 of them, spread evenly. Quantized
/// outputs give their stored integers. Empty where the graph refuses generated inputs.
Json golden_answers(const Graph& graph, const Engine& engine);

/// Asks again and returns how many were repeated. Throws Error(invalid_model) that names seed, output and element
/// unless every answer is as it was: integers within one step, real numbers within 1 % of the largest (processors round
/// differently, a wrong model is further off).
int64_t repeat_golden_answers(const Json& answers, const Graph& graph, const Engine& engine);

}  // namespace hone
