#include "formats/onnx/expand.h"

#include <algorithm>
#include <iterator>

#include "ops/detect.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/tflite_only.h"

namespace hone::onnx {

namespace {

struct Word {
  const OpDef* def;
  std::vector<ValueId> (*expand)(Expansion&);
};

constexpr Word kWords[] = {
    {&SequenceLstm::def, expand_sequence_lstm},
    {&SequenceRnn::def, expand_sequence_rnn},
    {&Svdf::def, expand_svdf},
    {&DetectionPostProcess::def, expand_detections},
};

/// Puts `values` in the place of a node's outputs, stored as those were.
void replace(Graph& graph, NodeId id, const std::vector<ValueId>& values) {
  const std::vector<ValueId> outputs = graph.node(id).outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const TensorType type = graph.type(outputs[i]);
    const std::string name = graph.value(outputs[i]).name;
    const ValueId made = type.quant ? graph.add(Quantize{}, {values[i]}, {.type = type, .has_type = true}) : values[i];
    graph.replace_uses(outputs[i], made);
    graph.set_name(outputs[i], name + "/replaced");
    graph.set_name(made, name);
  }
  graph.remove(id);
}

}  // namespace

ValueId Expansion::real(size_t i) {
  const ValueId id = node_.inputs.at(i);
  if (!graph_.type(id).quant || graph_.is_constant(id)) return id;
  return graph_.add(Dequantize{}, {id}, {.source = node_.source});
}

ValueId Expansion::ints(std::vector<int64_t> values) {
  const auto count = static_cast<int64_t>(values.size());
  return graph_.add_constant(Tensor::of<int64_t>({count}, values));
}

ValueId Expansion::number(float value) { return graph_.add_constant(Tensor::scalar(value)); }

ValueId Expansion::cut(ValueId x, int64_t axis, int64_t begin, int64_t end) {
  return add(Slice{}, {x, ints({begin}), ints({end}), ints({axis})});
}

bool is_expanded(const OpDef& def) {
  return std::any_of(std::begin(kWords), std::end(kWords), [&](const Word& word) { return word.def == &def; });
}

void expand(Graph& graph) {
  for (const NodeId id : graph.order()) {
    for (const Word& word : kWords) {
      if (graph.node(id).def != word.def) continue;
      Expansion expansion(graph, id);
      replace(graph, id, word.expand(expansion));
      break;
    }
  }
}

}  // namespace hone::onnx
