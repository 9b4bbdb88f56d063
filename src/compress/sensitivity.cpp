#include "compress/sensitivity.h"

#include <algorithm>
#include <cmath>

namespace hone {

void SignalToNoise::add(const Tensor& reference, const Tensor& other) {
  const std::vector<double> a = to_doubles(reference), b = to_doubles(other);
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    signal += a[i] * a[i];
    noise += (a[i] - b[i]) * (a[i] - b[i]);
  }
}

double SignalToNoise::db() const {
  constexpr double kMost = 200;
  if (noise <= 0) return kMost;
  if (signal <= 0) return -kMost;
  return std::clamp(10 * std::log10(signal / noise), -kMost, kMost);
}

namespace {

std::vector<std::vector<Tensor>> outputs_of(const Graph& graph, const std::vector<std::vector<Tensor>>& inputs,
                                            std::span<const Provider* const> providers, const PlanOptions& options) {
  Runner runner(graph, std::vector<const Provider*>(providers.begin(), providers.end()), options);
  std::vector<std::vector<Tensor>> outputs;
  for (const auto& sample : inputs) {
    std::vector<Tensor> own;
    for (const Tensor& t : runner.run(sample)) own.push_back(t.clone());
    outputs.push_back(std::move(own));
  }
  return outputs;
}

}  // namespace

std::vector<LayerSensitivity> layer_sensitivity(const Graph& graph, const Ranges& ranges, const SampleSource& samples,
                                                std::span<const Provider* const> providers,
                                                const SensitivityOptions& options,
                                                const std::function<void(size_t, size_t)>& progress) {
  const size_t count = std::min(samples.count, options.samples);
  std::vector<std::vector<Tensor>> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(samples.inputs(i * samples.count / count));
  const auto expected = outputs_of(graph, inputs, providers, options.plan);
  const std::vector<std::string> layers = quantizable_layers(graph, ranges);
  std::vector<LayerSensitivity> found;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (std::find(layers.begin(), layers.end(), node.name) == layers.end()) continue;
    QuantizeOptions alone;
    alone.keep_float.insert(layers.begin(), layers.end());
    alone.keep_float.erase(node.name);
    const auto actual = outputs_of(quantize_static(graph, ranges, alone), inputs, providers, options.plan);
    SignalToNoise ratio;
    for (size_t i = 0; i < actual.size(); ++i)
      for (size_t o = 0; o < actual[i].size(); ++o) ratio.add(expected[i][o], actual[i][o]);
    found.push_back({node.name, std::string(node.def->name), ratio.db()});
    if (progress) progress(found.size(), layers.size());
  }
  std::sort(found.begin(), found.end(), [](const LayerSensitivity& a, const LayerSensitivity& b) {
    return a.sqnr_db != b.sqnr_db ? a.sqnr_db < b.sqnr_db : a.layer < b.layer;
  });
  return found;
}

}  // namespace hone
