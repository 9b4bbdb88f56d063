#pragma once

#include <string>

#include "ir/graph.h"
#include "measure/engine.h"
#include "measure/samples.h"

namespace hone {

/// Why the samples look wrong to the first layer of `graph`, a simplified float model of images; "" when they do not.
/// Training with normalization leaves the first layer with answers of about one, whatever range the pixels had: fed
/// with 0…255 where it learned 0…1, it answers a hundredfold, or all at the end of its activation's range.
std::string input_scale_doubt(const Graph& graph, const Engine& engine, const SampleSource& samples);

}  // namespace hone
