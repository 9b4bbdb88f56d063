#include "measure/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "measure/node_probe.h"
#include "passes/fix_shapes.h"

namespace hone {

void ErrorSums::add(std::span<const double> a, std::span<const double> b) {
  for (size_t i = 0; i < a.size(); ++i) {
    ++count;
    const bool is_same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]));
    const double error = is_same ? 0 : std::abs(b[i] - a[i]);
    const double bounded = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
    max = std::max(max, bounded);
    noise += bounded * bounded;
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
    signal += a[i] * a[i];
    other += b[i] * b[i];
    dot += a[i] * b[i];
  }
}

void ErrorSums::add(const Tensor& a, const Tensor& b) { add(to_doubles(a), to_doubles(b)); }

double ErrorSums::sqnr_db() const {
  if (noise == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(signal / noise);
}

double ErrorSums::cosine() const {
  if (signal == 0 && other == 0) return 1;
  if (signal == 0 || other == 0) return 0;
  return dot / std::sqrt(signal * other);
}

namespace {

PlanOptions keeping_all_values(PlanOptions options) {
  options.refuses = hides_values;
  return options;
}

/// Slots of inner values by name, of plans whose values may be compared.
struct Recorder {
  Session session;
  std::vector<std::vector<double>> values;  ///< by slot, of the last run
  std::vector<bool> wanted;

  explicit Recorder(const Graph& graph, const Engine& engine)
      : session(Plan::compile(graph, engine.providers, keeping_all_values(engine.plan))) {
    values.resize(session.plan().slots().size());
    wanted.resize(values.size());
  }
  void record() {
    session.set_observer([this](size_t step, double, std::span<const Tensor* const> outputs) {
      const PlannedStep& planned = session.plan().steps()[step];
      for (size_t i = 0; i < outputs.size(); ++i) {
        const size_t slot = static_cast<size_t>(planned.outputs[i]);
        if (wanted[slot] && outputs[i]->exists()) values[slot] = to_doubles(*outputs[i]);
      }
    });
  }
};

/// An inner value that both models have.
struct Match {
  size_t slot_a, slot_b;
  QuantPtr quant;  ///< of b, per tensor; else null
  DType dtype = DType::kF32;
};

/// A node of b that runs alone on a's numbers.
struct Local {
  size_t layer;  ///< index of its match
  NodeProbe probe;
  std::vector<int64_t> sources;  ///< for each of its inputs: a slot of a, or −1 − index of a graph input of b
};

/// The name without what readers and writers of formats append to the values they put around an operator.
std::string layer_key(std::string name) {
  static constexpr std::string_view kSuffixes[] = {"/channels_last", "/channels_first", "/unclamped", "/real",
                                                   "_quantized",     "_dequantized",    "_stored",    "_output_0"};
  for (bool changed = true; changed;) {
    changed = false;
    for (const std::string_view suffix : kSuffixes) {
      if (!name.ends_with(suffix) || name.size() == suffix.size()) continue;
      name.resize(name.size() - suffix.size());
      changed = true;
    }
  }
  return name;
}

/// Values that steps compute, by their key.
std::multimap<std::string, size_t> computed_slots(const Plan& plan) {
  std::multimap<std::string, size_t> out;
  for (const PlannedStep& step : plan.steps())
    for (const int32_t slot : step.outputs)
      if (slot >= 0) out.emplace(layer_key(plan.slots()[static_cast<size_t>(slot)].name), static_cast<size_t>(slot));
  return out;
}

/// The slot of `a` that `slot` of `b` corresponds to: the same name, else the same key and shape; none is −1.
int64_t find_partner(const Plan& a, const std::multimap<std::string, size_t>& slots, const Slot& slot,
                     const std::vector<bool>& taken) {
  int64_t partner = -1;
  const auto [first, last] = slots.equal_range(layer_key(slot.name));
  for (auto at = first; at != last; ++at) {
    const Slot& candidate = a.slots()[at->second];
    if (candidate.name == slot.name) return static_cast<int64_t>(at->second);
    if (!taken[at->second] && candidate.type.shape == slot.type.shape) partner = static_cast<int64_t>(at->second);
  }
  return partner;
}

std::vector<Match> match_layers(Recorder& a, Recorder& b, Comparison& out) {
  std::vector<Match> matches;
  const auto slots = computed_slots(a.session.plan());
  const Plan& plan = b.session.plan();
  for (const PlannedStep& step : plan.steps())
    for (const int32_t index : step.outputs) {
      if (index < 0) continue;
      const size_t slot = static_cast<size_t>(index);
      out.equalized += layer_key(plan.slots()[slot].name).ends_with(kEqualizedSuffix);
      const int64_t partner = find_partner(a.session.plan(), slots, plan.slots()[slot], a.wanted);
      if (partner < 0) continue;
      a.wanted[static_cast<size_t>(partner)] = b.wanted[slot] = true;
      const TensorType& type = plan.slots()[slot].type;
      const bool is_per_tensor = type.quant && type.quant->is_per_tensor();
      matches.push_back({static_cast<size_t>(partner), slot, is_per_tensor ? type.quant : nullptr, type.dtype});
      LayerError layer{.name = step.name, .value = plan.slots()[slot].name, .op = std::string(step.op)};
      if (is_per_tensor) {
        layer.held_low = type.quant->scale() * static_cast<double>(min_of(type.dtype) - type.quant->zero_point());
        layer.held_high = type.quant->scale() * static_cast<double>(max_of(type.dtype) - type.quant->zero_point());
      }
      out.layers.push_back(std::move(layer));
    }
  return matches;
}

/// The nodes of b whose inputs all have a partner in a.
std::vector<Local> local_probes(const Graph& graph, const Recorder& b, std::span<const Match> matches,
                                const Engine& engine) {
  std::map<std::string, size_t> by_name;  // value of b → match
  for (size_t k = 0; k < matches.size(); ++k) by_name[b.session.plan().slots()[matches[k].slot_b].name] = k;
  std::vector<Local> locals;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const auto made = node.outputs.empty() ? by_name.end() : by_name.find(graph.value(node.outputs[0]).name);
    if (made == by_name.end()) continue;
    std::optional<NodeProbe> probe = NodeProbe::make(graph, id, engine);
    if (!probe) continue;
    std::vector<int64_t> sources;
    for (const ValueId value : probe->inputs()) {
      const auto input = std::find(graph.inputs().begin(), graph.inputs().end(), value);
      const auto partner = by_name.find(graph.value(value).name);
      if (input != graph.inputs().end())
        sources.push_back(-1 - (input - graph.inputs().begin()));
      else if (partner != by_name.end())
        sources.push_back(static_cast<int64_t>(matches[partner->second].slot_a));
    }
    if (sources.size() == probe->inputs().size())
      locals.push_back({made->second, std::move(*probe), std::move(sources)});
  }
  return locals;
}

void add_local(Local& local, const Recorder& a, std::span<const std::vector<double>> inputs_b,
               const std::vector<double>& expected, LayerError& layer) {
  std::vector<const std::vector<double>*> values;
  for (const int64_t source : local.sources)
    values.push_back(source >= 0 ? &a.values[static_cast<size_t>(source)]
                                 : &inputs_b[static_cast<size_t>(-1 - source)]);
  const std::vector<double> actual = local.probe.run(values);
  if (actual.size() == expected.size()) layer.local.add(expected, actual);
}

void add_range(const std::vector<double>& values, const Match& match, LayerError& layer) {
  const double slack = match.quant ? match.quant->scale() / 2 : 0;
  for (const double v : values) {
    layer.low = std::min(layer.low, v);
    layer.high = std::max(layer.high, v);
    layer.clipped += match.quant && (v < layer.held_low - slack || v > layer.held_high + slack);
  }
}

using LoadPair = std::function<std::pair<std::vector<Tensor>, std::vector<Tensor>>(size_t)>;

void check_outputs(const Graph& a, const Graph& b) {
  if (a.outputs().size() != b.outputs().size())
    throw invalid_argument(cat("the models have ", a.outputs().size(), " and ", b.outputs().size(), " outputs"));
}

/// With the input shapes of the first sample in place of symbols: every sample has the same here.
Graph fixed_to(const Graph& graph, const std::vector<Tensor>& inputs) {
  std::vector<Dims> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.dims());
  return with_input_shapes(graph, shapes);
}

Comparison compare(const Graph& graph_a, const Graph& graph_b, const Engine& engine, size_t count, const LoadPair& load,
                   const CompareOptions& options) {
  check_outputs(graph_a, graph_b);
  Comparison out;
  out.samples = static_cast<int64_t>(count);
  for (const ValueId id : graph_b.outputs()) {
    const Node* producer = graph_b.producer(id);
    out.outputs.push_back(
        {graph_b.value(id).name, graph_b.value(id).name, producer ? std::string(producer->def->name) : "", {}});
  }
  if (count == 0) return out;
  const auto first = load(0);
  const Graph fixed_b = fixed_to(graph_b, first.second);
  Recorder a(fixed_to(graph_a, first.first), engine), b(fixed_b, engine);
  const std::vector<Match> matches = options.layers ? match_layers(a, b, out) : std::vector<Match>();
  std::vector<Local> locals;
  if (options.layers) {
    a.record();
    b.record();
    locals = local_probes(fixed_b, b, matches, engine);
  }
  for (size_t i = 0; i < count; ++i) {
    const auto inputs = i == 0 ? first : load(i);
    const std::vector<Tensor>& results_a = a.session.run(inputs.first);
    const std::vector<Tensor>& results_b = b.session.run(inputs.second);
    for (size_t k = 0; k < results_a.size(); ++k) {
      if (results_a[k].elements() != results_b[k].elements())
        throw invalid_argument(cat("output ", k, " is ", to_text(results_a[k].type()), " in one model and ",
                                   to_text(results_b[k].type()), " in the other"));
      out.outputs[k].error.add(results_a[k], results_b[k]);
    }
    for (size_t k = 0; k < matches.size(); ++k) {
      const auto& left = a.values[matches[k].slot_a];
      const auto& right = b.values[matches[k].slot_b];
      if (left.size() != right.size()) continue;
      out.layers[k].error.add(left, right);
      add_range(left, matches[k], out.layers[k]);
    }
    if (!locals.empty() && i < options.local_samples) {
      std::vector<std::vector<double>> inputs_b;
      for (const Tensor& t : inputs.second) inputs_b.push_back(to_doubles(t));
      for (Local& local : locals)
        add_local(local, a, inputs_b, a.values[matches[local.layer].slot_a], out.layers[local.layer]);
    }
    if (options.progress) options.progress(static_cast<int64_t>(i) + 1, out.samples);
  }
  std::erase_if(out.layers, [](const LayerError& layer) { return layer.error.count == 0; });
  return out;
}

}  // namespace

Comparison compare_models(const Graph& a, const Graph& b, const Engine& engine, const Dataset& data,
                          std::span<const InputSpec> inputs_a, std::span<const InputSpec> inputs_b,
                          const CompareOptions& options) {
  return compare(
      a, b, engine, data.size(), [&](size_t i) { return std::pair(data.load(i, inputs_a), data.load(i, inputs_b)); },
      options);
}

std::vector<Tensor> inputs_for(std::span<const Tensor> inputs, const Graph& a, const Graph& b) {
  std::vector<Tensor> converted;
  for (size_t k = 0; k < inputs.size(); ++k)
    converted.push_back(convert_input(inputs[k].with_quant(a.type(a.inputs()[k]).quant), b.type(b.inputs()[k])));
  return converted;
}

Comparison compare_models(const Graph& a, const Graph& b, const Engine& engine,
                          std::span<const std::vector<Tensor>> sets, const CompareOptions& options) {
  if (a.inputs().size() != b.inputs().size())
    throw invalid_argument(cat("the models have ", a.inputs().size(), " and ", b.inputs().size(), " inputs"));
  const auto load = [&](size_t i) { return std::pair(sets[i], inputs_for(sets[i], a, b)); };
  return compare(a, b, engine, sets.size(), load, options);
}

Json to_json(const LayerError& layer) {
  Json json;
  json["name"] = layer.name;
  json["value"] = layer.value;
  json["op"] = layer.op;
  json["sqnr_db"] = layer.error.sqnr_db();
  json["cosine"] = layer.error.cosine();
  json["max_error"] = layer.error.max;
  json["mse"] = layer.error.mean_squared();
  if (layer.local.count > 0) json["local_sqnr_db"] = layer.local.sqnr_db();
  if (layer.is_held_in_integers()) {
    json["seen"] = Json::list(std::vector<double>{layer.low, layer.high});
    json["held"] = Json::list(std::vector<double>{layer.held_low, layer.held_high});
    json["clipped"] = layer.clipped_share();
  }
  return json;
}

Json to_json(const Comparison& c) {
  Json json;
  json["samples"] = c.samples;
  if (c.equalized > 0) json["equalized"] = c.equalized;
  Json& outputs = json["outputs"] = Json::array();
  for (const LayerError& output : c.outputs) outputs.push_back(to_json(output));
  Json& layers = json["layers"] = Json::array();
  for (const LayerError& layer : c.layers) layers.push_back(to_json(layer));
  return json;
}

}  // namespace hone
