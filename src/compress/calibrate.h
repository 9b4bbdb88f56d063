#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "compress/calibrator.h"
#include "ir/graph.h"
#include "measure/engine.h"
#include "measure/samples.h"

namespace hone {

/// What one pass over the data saw of every float value of a graph, by value name. Small: 32 kB a value.
using Statistics = std::map<std::string, Histogram>;
using Ranges = std::map<std::string, Range>;

/// Runs the graph on every sample and counts all float activations (graph inputs included). Memory does not grow with
/// the number of samples. `progress` is called after each. Throws Error(invalid_argument) without samples or when a
/// value is not finite, naming it.
Statistics collect_statistics(const Graph& graph, const SampleSource& samples, const Engine& engine,
                              const Progress& progress = {});

Ranges to_ranges(const Statistics& statistics, const Calibrator& calibrator);

}  // namespace hone
