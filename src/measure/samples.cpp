#include "measure/samples.h"

namespace hone {

SampleSource samples_of(const Dataset& data, const std::vector<InputSpec>& inputs) {
  return {data.size(), [&data, &inputs](size_t i) { return data.load(i, inputs); }};
}

Labels labels_of(const Dataset& data) {
  Labels out{.of_samples = {}, .classes = data.classes(), .boxes = {}, .masks = {}};
  if (!data.has_labels()) {
    out.masks = find_masks(data);
    Annotations found = find_annotations(data);
    if (found.kind.empty()) return out;
    out.classes = std::move(found.classes);
    out.boxes = std::move(found.of_samples);
    return out;
  }
  for (size_t i = 0; i < data.size(); ++i) {
    if (data.label(i) < 0) return {.of_samples = {}, .classes = data.classes(), .boxes = {}, .masks = {}};
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
