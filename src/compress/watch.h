#pragma once

#include "container/json.h"
#include "ir/graph.h"
#include "measure/engine.h"
#include "measure/samples.h"

namespace hone {

/// What a server needs to see that a model's inputs are no longer those it was made for, for the manifest:
/// {"inputs": [Spread, …], "outputs": […]} in the graph's order, counted while `graph` runs on `samples`. Inputs
/// have their deciles; both have limits where they are stored as integers, or are quantized next.
Json watched(const Graph& graph, const SampleSource& samples, const Engine& engine);

}  // namespace hone
