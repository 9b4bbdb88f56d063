#include "compress/watch.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "data/spread.h"
#include "ops/quantize.h"

namespace hone {

namespace {

constexpr int64_t kNumbersOfAll = 1 << 18;  ///< of one tensor over all samples
constexpr size_t kRuns = 64;                ///< samples that the model runs on, for its outputs

/// The integers that store a value at the border, or what is made of it next.
TensorType stored_type(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  if (value.type.is_quantized()) return value.type;
  if (const Node* maker = graph.producer(id); maker && maker->is<Dequantize>()) return graph.type(maker->inputs[0]);
  for (const NodeId user : value.users)
    if (const Node& node = graph.node(user); node.is<Quantize>()) return graph.type(node.outputs[0]);
  return value.type;
}

std::optional<Spread::Limits> limits_of(const TensorType& type) {
  if (!type.quant || !type.quant->is_per_tensor() || (type.dtype != DType::kI8 && type.dtype != DType::kU8))
    return std::nullopt;
  const double least = type.dtype == DType::kI8 ? -128 : 0, scale = type.quant->scale();
  const double zero = type.quant->zero_point();
  return Spread::Limits{scale * (least + 0.5 - zero), scale * (least + 254.5 - zero), 0};
}

/// A tensor at the border with what was counted of it.
struct Border {
  Spread expected;
  std::vector<double> numbers;

  Border(const Graph& graph, ValueId id) {
    expected.limits = limits_of(stored_type(graph, id));
    expected.name = graph.value(id).name;
  }
  void add(const Tensor& tensor, int64_t most, int64_t turn) {
    const std::vector<double> some = spread_numbers(tensor, most, turn);
    numbers.insert(numbers.end(), some.begin(), some.end());
  }
  Json json(bool has_deciles) {
    if (expected.limits && !numbers.empty()) {
      const auto is_clipped = [&](double x) { return x <= expected.limits->low || x >= expected.limits->high; };
      const auto count = std::count_if(numbers.begin(), numbers.end(), is_clipped);
      expected.limits->clipped = static_cast<double>(count) / static_cast<double>(numbers.size());
    }
    if (has_deciles && !numbers.empty()) {
      Spread deciles = deciles_of(std::move(numbers));
      expected.edges = std::move(deciles.edges);
      expected.shares = std::move(deciles.shares);
    }
    return to_json(expected);
  }
};

}  // namespace

Json watched(const Graph& graph, const SampleSource& samples, const Engine& engine) {
  std::vector<Border> inputs, outputs;
  for (const ValueId id : graph.inputs()) inputs.emplace_back(graph, id);
  for (const ValueId id : graph.outputs()) outputs.emplace_back(graph, id);
  const bool has_limits =
      std::any_of(outputs.begin(), outputs.end(), [](const Border& b) { return !!b.expected.limits; });
  const Infer infer = infer_of(graph, engine)();
  const int64_t most = std::max<int64_t>(64, kNumbersOfAll / std::max<int64_t>(1, static_cast<int64_t>(samples.count)));
  for (size_t i = 0; i < samples.count; ++i) {
    const std::vector<Tensor> given = samples.inputs(i);
    const auto turn = static_cast<int64_t>(i);
    for (size_t k = 0; k < inputs.size(); ++k) inputs[k].add(given[k], most, turn);
    if (!has_limits || i >= kRuns) continue;
    const std::span<const Tensor> found = infer(given);
    for (size_t k = 0; k < outputs.size(); ++k)
      if (outputs[k].expected.limits) outputs[k].add(found[k], most, turn);
  }
  Json json = Json::object();
  json["inputs"] = Json::array();
  json["outputs"] = Json::array();
  for (Border& border : inputs) json["inputs"].push_back(border.json(true));
  for (Border& border : outputs) json["outputs"].push_back(border.json(false));
  return json;
}

}  // namespace hone
