#include "compress/sensitivity.h"

#include <algorithm>

#include "measure/compare.h"

namespace hone {

namespace {

using Samples = std::vector<std::vector<Tensor>>;

Samples outputs_of(const Graph& graph, const Samples& inputs, const Engine& engine) {
  Runner runner = engine.runner(graph);
  Samples outputs;
  for (const auto& sample : inputs) {
    std::vector<Tensor> own;
    for (const Tensor& t : runner.run(sample)) own.push_back(t.clone());
    outputs.push_back(std::move(own));
  }
  return outputs;
}

}  // namespace

std::vector<LayerSensitivity> layer_sensitivity(const Graph& graph, const Statistics& statistics, const Ranges& ranges,
                                                const SampleSource& samples, const Engine& engine,
                                                const SensitivityOptions& options) {
  constexpr double kMost = 200;
  const size_t count = std::min(samples.count, options.samples);
  Samples inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(samples.inputs(i * samples.count / count));
  const Samples expected = outputs_of(graph, inputs, engine);
  const std::vector<std::string> layers = quantizable_layers(graph, ranges);
  std::vector<LayerSensitivity> found;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (std::find(layers.begin(), layers.end(), node.name) == layers.end()) continue;
    QuantizeOptions alone;
    alone.keep_float.insert(layers.begin(), layers.end());
    alone.keep_float.erase(node.name);
    const Samples actual = outputs_of(quantize_static(graph, ranges, alone), inputs, engine);
    ErrorSums error;
    for (size_t i = 0; i < actual.size(); ++i)
      for (size_t o = 0; o < actual[i].size(); ++o) error.add(expected[i][o], actual[i][o]);
    LayerSensitivity layer{node.name, std::string(node.def->name), std::clamp(error.sqnr_db(), -kMost, kMost)};
    const std::string& result = graph.value(node.outputs[0]).name;
    if (const auto seen = statistics.find(result); seen != statistics.end() && ranges.count(result) > 0) {
      layer.seen = {seen->second.min(), seen->second.max()};
      layer.held = ranges.at(result);
      layer.clipped = clipped_share(seen->second, layer.held);
    }
    found.push_back(std::move(layer));
    if (options.progress) options.progress(static_cast<int64_t>(found.size()), static_cast<int64_t>(layers.size()));
  }
  std::sort(found.begin(), found.end(), [](const LayerSensitivity& a, const LayerSensitivity& b) {
    return a.sqnr_db != b.sqnr_db ? a.sqnr_db < b.sqnr_db : a.layer < b.layer;
  });
  return found;
}

}  // namespace hone
