#pragma once

#include <string>

#include "cli/console.h"
#include "data/dataset.h"
#include "measure/accuracy.h"
#include "measure/bench.h"

namespace hone {

/// Pieces of reports that several commands print.

/// "90.10 % (88.1 to 91.8)".
std::string accuracy_text(double part, const Interval& interval);
/// {"value":…,"low":…,"high":…} in 0 … 1.
Json to_json(double part, const Interval& interval);
/// A note when a classifier is no better than guessing: it was most likely fed other numbers than it was trained on.
void warn_of_chance(const Graph& graph, size_t output, int64_t samples, const Interval& top1, Console& console);
/// A note when the data is a folder per class and the model tells another number of classes apart: the folders may lie
/// one level deeper, or stand for other class numbers.
void warn_of_folders(const Graph& graph, size_t output, const Dataset& data, Console& console);
/// The table of steps, slowest first; at most `rows` of them, 0: all.
std::string steps_table(const std::vector<StepTime>& steps, int64_t rows, int width);
/// Times summed up by operator, slowest first.
std::string ops_table(const std::vector<StepTime>& steps, int width);

}  // namespace hone
