#include "measure/samples.h"

namespace hone {

SampleSource samples_of(const Dataset& data, const std::vector<InputSpec>& inputs) {
  return {data.size(), [&data, &inputs](size_t i) { return data.load(i, inputs); }};
}

Labels labels_of(const Dataset& data) {
  Labels out{.of_samples = {}, .classes = data.classes(), .boxes = {}};
  if (!data.has_labels()) {
    Annotations found = find_annotations(data);
    if (!found.kind.empty()) out = {.of_samples = {}, .classes = found.classes, .boxes = std::move(found.of_samples)};
    return out;
  }
  for (size_t i = 0; i < data.size(); ++i) {
    if (data.label(i) < 0) return {.of_samples = {}, .classes = data.classes(), .boxes = {}};
    out.of_samples.push_back(data.label(i));
  }
  return out;
}

std::vector<InputSpec> input_specs(const Graph& graph, const Preprocess& over, const QuantPtr& stored) {
  std::vector<InputSpec> specs;
  for (const ValueId id : graph.inputs())
    specs.push_back(make_input_spec(graph.value(id).name, graph.type(id), graph.metadata, over, stored));
  return specs;
}

}  // namespace hone
