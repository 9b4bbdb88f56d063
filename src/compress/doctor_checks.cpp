#include "compress/doctor_checks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "base/text.h"
#include "formats/onnx/saturation.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/unary.h"
#include "passes/rewrite.h"

namespace hone {

namespace {

/// A layer's float weights and the axis of its output channels.
struct LayerWeights {
  const Node* node = nullptr;
  const Tensor* weights = nullptr;
  int64_t axis = 0;
  bool has_one_scale = false;  ///< int8 gives all of them one
};

std::vector<LayerWeights> weights_of(const Graph& graph) {
  std::vector<LayerWeights> out;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const QuantRule& rule = node.def->quant;
    const ValueId weight = rule.weight < 0 ? ValueId{} : node.input(static_cast<size_t>(rule.weight));
    if (!graph.is_constant(weight)) continue;
    const Tensor& tensor = graph.value(weight).constant;
    if (tensor.dtype() != DType::kF32 || tensor.dims().size() < 2) continue;
    const int64_t axis = rule.scale_axis(static_cast<int64_t>(tensor.dims().size()));
    out.push_back({&node, &tensor, std::max<int64_t>(axis, 0), axis < 0});
  }
  return out;
}

/// The largest absolute weight of each output channel.
std::vector<float> peaks_of(const LayerWeights& layer) {
  const Dims& dims = layer.weights->dims();
  const auto axis = static_cast<size_t>(layer.axis);
  size_t inner = 1;
  for (size_t i = axis + 1; i < dims.size(); ++i) inner *= static_cast<size_t>(dims[i]);
  const auto channels = static_cast<size_t>(dims[axis]);
  std::vector<float> peaks(channels);
  const auto all = layer.weights->data<float>();
  for (size_t i = 0; i < all.size(); ++i) {
    float& peak = peaks[i / inner % channels];
    peak = std::max(peak, std::abs(all[i]));
  }
  return peaks;
}

template <class Visit>
void each_constant(const Graph& graph, const Visit& visit) {
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const Value& value = graph.value(ValueId{static_cast<int32_t>(i)});
    if (value.constant.exists() && !value.users.empty() && value.constant.dtype() == DType::kF32)
      visit(value, value.constant.data<float>());
  }
}

std::string counted(size_t count, const char* noun) { return cat(count, " ", noun, count == 1 ? "" : "s"); }

}  // namespace

void look_at_numbers(const Patient& p, std::vector<Finding>& findings) {
  each_constant(p.given, [&](const Value& value, std::span<const float> numbers) {
    const auto odd = std::count_if(numbers.begin(), numbers.end(), [](float x) { return std::isnan(x); });
    if (odd > 0)
      findings.push_back({"numbers",
                          Gravity::stops,
                          cat(odd, " of ", numbers.size(), " numbers of '", value.name, "' are not numbers (NaN)"),
                          {value.name},
                          "the training that made them diverged: take an earlier state of it"});
  });
}

void look_for_dead_channels(const Patient& p, std::vector<Finding>& findings) {
  size_t dead = 0, all = 0;
  std::vector<std::string> nodes;
  for (const LayerWeights& layer : weights_of(p.graph)) {
    const std::vector<float> peaks = peaks_of(layer);
    const auto zeros = static_cast<size_t>(std::count(peaks.begin(), peaks.end(), 0.0f));
    if (zeros > 0) nodes.push_back(layer.node->name);
    dead += zeros;
    all += peaks.size();
  }
  if (dead > 0)
    findings.push_back({"dead", Gravity::hint,
                        cat(dead, " of ", counted(all, "output channel"), " have no weights but zeros"), nodes,
                        "hone prune MODEL --data DIR -o FILE takes them out at no loss"});
}

void look_at_channels(const Patient& p, std::vector<Finding>& findings) {
  constexpr float kWide = 16;
  for (const LayerWeights& layer : weights_of(p.graph)) {
    std::vector<float> peaks = peaks_of(layer);
    std::erase(peaks, 0.0f);
    if (peaks.size() < 4) continue;
    std::sort(peaks.begin(), peaks.end());
    const float ratio = peaks.back() / peaks[peaks.size() / 2];
    if (!(ratio >= kWide)) continue;
    findings.push_back(
        {"channels",
         Gravity::harms,
         cat("the largest output channel of ", layer.node->name, " is ", std::lround(ratio), " times the median one",
             layer.has_one_scale ? ", and int8 gives all one scale"
                                 : ": so may be its activations, which share a scale"),
         {layer.node->name},
         layer.has_one_scale ? cat("hone quantize --keep-float '", layer.node->name, "'")
                             : "hone quantize --equalize"});
  }
}

namespace {

/// What makes the numbers of `id`, behind operators that only move them.
const Node* maker_of(const Graph& graph, ValueId id) {
  const Node* node = graph.producer(id);
  while (node != nullptr && node->def->moves_data && !node->is<Concat>()) node = graph.producer(node->input(0));
  return node;
}

}  // namespace

void look_at_units(const Patient& p, std::vector<Finding>& findings) {
  for (const NodeId id : p.graph.order()) {
    const Node& node = p.graph.node(id);
    if (!node.is<Concat>()) continue;
    size_t bounded = 0, unbounded = 0;
    for (const ValueId input : node.inputs) {
      const Node* maker = maker_of(p.graph, input);
      if (maker == nullptr) continue;
      (maker->def->quant.kind == QuantRule::kFixedRange ? bounded : unbounded) += 1;
    }
    if (bounded > 0 && unbounded > 0)
      findings.push_back(
          {"units",
           Gravity::harms,
           cat(node.name, " joins ", bounded, " of numbers within 0…1 or −1…1 with ", unbounded,
               " without bounds: one scale cannot hold both"),
           {node.name},
           cat("int8 leaves it in float where it stands behind the last layers; else --keep-float '", node.name, "'")});
  }
}

void look_at_tails(const Patient& p, std::vector<Finding>& findings) {
  std::vector<std::string> nodes;
  for (const NodeId id : p.graph.order()) {
    const Node& node = p.graph.node(id);
    bool is_tailed = node.is<HardSwish>() || node.is<Mish>() || node.is<Gelu>() || node.is<Exp>();
    if (node.is<Mul>())  // x · sigmoid(x)
      for (const size_t i : {0u, 1u}) {
        const Node* gate = producer_as<Sigmoid>(p.graph, node.inputs[i]);
        is_tailed |= gate != nullptr && gate->inputs[0] == node.inputs[1 - i];
      }
    if (is_tailed) nodes.push_back(node.name);
  }
  if (!nodes.empty())
    findings.push_back(
        {"tails", Gravity::harms,
         cat(counted(nodes.size(), "activation"), " like SiLU, whose few large numbers set the range of all"), nodes,
         "hone explain MODEL --data DIR says which of them cost accuracy"});
}

void look_at_islands(const Patient& p, std::vector<Finding>& findings) {
  if (p.is_integer) return;
  const Graph& graph = p.graph;
  const std::vector<NodeId> order = graph.order();
  std::vector<bool> is_behind(graph.value_capacity()), is_before(graph.value_capacity());  // layers with weights
  const auto at = [](std::vector<bool>& of, ValueId id) { return of[static_cast<size_t>(id.index)]; };
  for (const NodeId id : order) {
    const Node& node = graph.node(id);
    const bool is_any =
        node.def->quant.weight >= 0 ||
        std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return v.exists() && at(is_behind, v); });
    for (const ValueId out : node.outputs) is_behind[static_cast<size_t>(out.index)] = is_any;
  }
  std::map<std::string_view, std::vector<std::string>> islands;
  for (auto id = order.rbegin(); id != order.rend(); ++id) {
    const Node& node = graph.node(*id);
    const bool is_read =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) { return at(is_before, v); });
    const bool feeds = is_read || node.def->quant.weight >= 0;
    bool is_fed = false;
    for (const ValueId in : node.inputs) {
      if (!in.exists()) continue;
      if (feeds) is_before[static_cast<size_t>(in.index)] = true;
      is_fed |= at(is_behind, in);
    }
    const bool is_real = !node.outputs.empty() && is_float(graph.type(node.outputs[0]).dtype);
    if (is_read && is_fed && is_real && node.def->quant.kind == QuantRule::kFloat)
      islands[node.def->name].push_back(node.name);
  }
  for (const auto& [op, nodes] : islands)
    findings.push_back({"islands", Gravity::hint,
                        cat(op, " has no integer form: ", counted(nodes.size(), "node"),
                            " between integer layers, each behind Dequantize and before Quantize"),
                        nodes, "hone optimize measures whether int8 wins in spite of it"});
}

void look_at_float16(const Patient& p, std::vector<Finding>& findings) {
  constexpr float kLargest = 65504;
  std::vector<std::string> names;
  each_constant(p.graph, [&](const Value& value, std::span<const float> numbers) {
    const bool is_beyond = std::any_of(numbers.begin(), numbers.end(), [](float x) { return std::abs(x) > kLargest; });
    if (is_beyond) names.push_back(value.name);
  });
  if (!names.empty())
    findings.push_back({"float16", Gravity::hint,
                        cat(counted(names.size(), "constant"), " with numbers beyond 65504, the largest of float16"),
                        names, "--to float16 leaves them in float32"});
}

void look_at_saturation(const Patient& p, std::vector<Finding>& findings) {
  if (!p.is_integer) return;
  std::vector<std::string> nodes;
  for (const NodeId id : onnx::saturating_products(p.graph)) nodes.push_back(p.graph.node(id).name);
  if (!nodes.empty())
    findings.push_back({"saturation", Gravity::harms,
                        cat(counted(nodes.size(), "integer layer"),
                            " can overflow 16 bits where a runtime adds pairs of products "
                            "(ONNX Runtime on x86 without VNNI)"),
                        nodes, "hone convert MODEL -o FILE.onnx writes their weights unsigned, which is exact"});
}

}  // namespace hone
