#include "measure/input_scale.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "ops/conv.h"
#include "ops/matmul.h"

namespace hone {

namespace {

constexpr size_t kSamples = 8;
/// Right ranges gave 0.3 to 3, wrong ones 20 and more, over public models with and without quantization.
constexpr double kLargest = 10;
constexpr double kMostAtTheEnd = 0.5;

/// Channels last: for each the squares of its numbers, over all samples.
struct FirstLayer {
  std::vector<double> squares;
  int64_t positions = 0, positive = 0, at_end = 0;
  double end = std::numeric_limits<double>::infinity();  ///< of the activation's range

  void add(const Tensor& t) {
    const size_t channels = static_cast<size_t>(t.rank() > 0 ? t.dim(t.rank() - 1) : 1);
    squares.resize(channels);
    const std::vector<double> values = to_doubles(t);
    for (size_t i = 0; i < values.size(); ++i) {
      squares[i % channels] += values[i] * values[i];
      positive += values[i] > 0;
      at_end += values[i] >= end;
    }
    positions += static_cast<int64_t>(values.size() / channels);
  }

  /// Root mean square of the middle channel.
  double typical() const {
    std::vector<double> sorted = squares;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return std::sqrt(*middle / static_cast<double>(positions));
  }
};

bool is_layer(std::string_view op) { return op == Conv::kName || op == FullyConnected::kName; }

/// End of the range of the first layer's activation.
double end_of(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.is<Conv>()) return node.as<Conv>().act_max;
    if (node.is<FullyConnected>()) return node.as<FullyConnected>().act_max;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace

std::string input_scale_doubt(const Graph& graph, const Engine& engine, const SampleSource& samples) {
  FirstLayer layer;
  layer.end = end_of(graph);
  PlanOptions options = engine.plan;
  options.refuses = hides_values;
  Session runner(Program::as_is(graph, {engine.providers, options}));
  bool is_seen = false;
  runner.set_observer([&](size_t step, double, std::span<const Tensor* const> outputs) {
    if (is_seen || !is_layer(runner.plan().steps()[step].op)) return;
    is_seen = true;
    layer.add(*outputs[0]);
  });
  const size_t count = std::min(samples.count, kSamples);
  for (size_t k = 0; k < count; ++k) {
    is_seen = false;
    runner.run(samples.inputs(k * samples.count / count));
  }
  if (layer.squares.empty() || layer.positions == 0) return {};
  const double share = static_cast<double>(layer.at_end) / static_cast<double>(std::max<int64_t>(layer.positive, 1));
  std::string found;
  if (share > kMostAtTheEnd)
    found = cat(std::llround(100 * share), " % of what the first layer lets through lies at the end of its range");
  else if (layer.typical() > kLargest)
    found = cat("the first layer answers with numbers of about ", std::llround(layer.typical()),
                ", where trained ones have about 1");
  if (found.empty()) return {};
  return cat(
      "the pixels go in as 0...255, and ", found,
      ": was the model trained on another range? --scale 0.0039216 makes it 0...1, --mean 127.5 --std 127.5 -1...1");
}

}  // namespace hone
