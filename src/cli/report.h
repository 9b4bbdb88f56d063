#pragma once

#include <string>

#include "cli/args.h"
#include "cli/console.h"
#include "cli/model_args.h"
#include "data/dataset.h"
#include "measure/bench.h"
#include "measure/judge.h"
#include "measure/roofline.h"

namespace hone {

/// Pieces of reports that several commands print.

/// A note when the data is a folder per class and the model tells another number of classes apart: the folders may lie
/// one level deeper, or stand for other class numbers.
void warn_of_folders(const Graph& graph, size_t output, const Dataset& data, Console& console);
/// A note when images go into a float model as 0...255 because nobody said otherwise, and its first layer seems to
/// expect another range.
void warn_of_scale(const Graph& graph, const Engine& engine, const SampleSource& samples, const InputSpec& input,
                   const PreprocessArgs& stated, Console& console);
/// "90.10 % (88.1 to 91.8)"; for other units likewise.
std::string score_text(const Metric& metric, const Score& score);
/// {"value":…,"low":…,"high":…}.
Json to_json(double value, const Interval& interval);
/// --metric and --metric-cmd, and the budget that they are held to.
struct MetricArgs {
  std::string metric, command;

  void declare(Args& args);
};
/// The table of steps, slowest first; at most `rows` of them, 0: all.
std::string steps_table(const std::vector<StepTime>& steps, int64_t rows, int width);
/// The roof, the slowest nodes against it, and which of those that matter are far from it.
std::string roofline_table(const std::vector<StepTime>& steps, const Roof& roof, int64_t rows, int width);
/// Times summed up by operator, slowest first.
std::string ops_table(const std::vector<StepTime>& steps, int width);

}  // namespace hone
