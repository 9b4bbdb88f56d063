#include "measure/inspect.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"
#include "ops/movement.h"
#include "runtime/program.h"

namespace hone {

namespace {

/// The graph, or where input sizes are unknown `fixed`: the same with 1 for those, so that work and memory can be
/// counted. Null for a model that cannot be that small. `note` says what was done.
const Graph* with_sizes(const Graph& graph, Graph& fixed, std::string& note) {
  std::string open;
  std::vector<std::pair<ValueId, Shape>> sizes;
  try {
    for (const ValueId id : graph.inputs()) {
      const Shape& shape = graph.type(id).shape;
      if (shape.is_static()) continue;
      open = graph.value(id).name;
      if (!shape.has_rank()) continue;
      Dims dims;
      for (const Dim& dim : shape.list()) dims.push_back(dim.is_known() ? dim.value() : 1);
      sizes.emplace_back(id, Shape(dims));
    }
    if (!sizes.empty()) (fixed = graph).set_input_shapes(sizes);
  } catch (const Error&) {
    note = cat("unknown; --shape ", open, "=… tells them");
    return nullptr;
  }
  if (!open.empty()) note = cat("unknown ones count as 1; --shape ", open, "=… tells them");
  return sizes.empty() ? &graph : &fixed;
}

int64_t macs_of(const Graph& graph, const Node& node) {
  if (!node.def->macs) return 0;
  std::vector<const TensorType*> inputs, outputs;
  for (const ValueId id : node.inputs) {
    if (id.exists() && !graph.type(id).shape.is_static()) return 0;
    inputs.push_back(id.exists() ? &graph.type(id) : nullptr);
  }
  for (const ValueId id : node.outputs) {
    if (!graph.type(id).shape.is_static()) return 0;
    outputs.push_back(&graph.type(id));
  }
  return node.def->macs(node.attrs, inputs, outputs);
}

struct Counter {
  ModelSummary& out;
  std::map<std::string, OpCount> ops;
  std::map<std::string, std::vector<std::string>> unsupported;

  void count_node(const Graph& graph, const Node& node) {
    ++out.nodes;
    const bool is_opaque = node.is<Opaque>();
    const std::string name = is_opaque ? node.as<Opaque>().type : std::string(node.def->name);
    OpCount& op = ops[name];
    op.op = name;
    ++op.count;
    const int64_t macs = macs_of(graph, node);
    op.macs += macs;
    out.macs += macs;
    out.transposes += node.is<Transpose>();
    if (is_opaque)
      unsupported[cat(node.as<Opaque>().format, " ", name)].push_back(node.name);
    else if (!node.def->eval)
      unsupported[name].push_back(node.name);
    if (!node.outputs.empty()) {
      const TensorType& type = graph.type(node.outputs.front());
      out.quantized_nodes += type.is_quantized();
      out.float_nodes += !type.is_quantized() && is_float(type.dtype);
    }
    for (const Graph& inner : node.subgraphs) count_graph(inner);
  }

  void count_constant(const Tensor& tensor) {
    out.parameters += tensor.elements();
    const bool is_packed = tensor.dtype() == DType::kI4 || tensor.dtype() == DType::kU4;
    const int64_t bytes = is_packed ? (tensor.elements() + 1) / 2 : tensor.byte_size();
    out.parameter_bytes += bytes;
    const bool is_quantized = tensor.quant() != nullptr;
    const bool is_per_channel = is_quantized && !tensor.quant()->is_per_tensor();
    auto found = std::find_if(out.weights.begin(), out.weights.end(), [&](const WeightCount& w) {
      return w.dtype == tensor.dtype() && w.is_quantized == is_quantized && w.is_per_channel == is_per_channel;
    });
    if (found == out.weights.end())
      found = out.weights.insert(found, WeightCount{tensor.dtype(), is_quantized, is_per_channel, 0, 0, 0});
    ++found->tensors;
    found->elements += tensor.elements();
    found->bytes += bytes;
  }

  void count_graph(const Graph& graph) {
    for (const NodeId id : graph.order()) count_node(graph, graph.node(id));
    for (size_t i = 0; i < graph.value_capacity(); ++i) {
      const Value& value = graph.value(ValueId{static_cast<int32_t>(i)});
      if (value.constant.exists() && !value.users.empty()) count_constant(value.constant);
    }
  }
};

/// Planning packs weights, and so reads them all: from here on that is no look any more.
constexpr int64_t kMostPlannedBytes = int64_t{256} << 20;

void plan_peak(const Graph& graph, const Engine& engine, ModelSummary& out) {
  if (out.parameter_bytes > kMostPlannedBytes) {
    out.peak_reason = cat("that would read the ", human_bytes(static_cast<uint64_t>(out.parameter_bytes)),
                          " of weights; hone bench does");
    return;
  }
  try {
    const auto plan = Plan::compile(prepare(graph, engine), engine.providers, engine.plan);
    const bool is_known = std::none_of(plan->slots().begin(), plan->slots().end(),
                                       [](const Slot& slot) { return slot.kind == Slot::kAllocated; });
    out.peak_bytes = plan->arena_bytes() + plan->scratch_bytes();
    if (!is_known) out.peak_reason = "without values whose size is known only while running";
  } catch (const Error& e) {
    out.peak_reason = e.message();
  }
}

}  // namespace

ModelSummary summarize(const Graph& original, const Engine& engine, const std::map<std::string, int64_t>& file) {
  ModelSummary out;
  out.name = original.name;
  for (const ValueId id : original.inputs()) out.inputs.emplace_back(original.value(id).name, original.type(id));
  for (const ValueId id : original.outputs()) out.outputs.emplace_back(original.value(id).name, original.type(id));
  Graph fixed;
  const Graph* sized = with_sizes(original, fixed, out.sizes_note);
  const Graph& graph = sized ? *sized : original;
  Counter counter{out, {}, {}};
  counter.count_graph(graph);
  for (auto& [name, op] : counter.ops) out.ops.push_back(op);
  for (const auto& [name, count] : file) out.file_ops.push_back({name, count});
  for (std::vector<OpCount>* ops : {&out.ops, &out.file_ops})
    std::stable_sort(ops->begin(), ops->end(), [](const OpCount& a, const OpCount& b) { return a.count > b.count; });
  std::stable_sort(out.weights.begin(), out.weights.end(),
                   [](const WeightCount& a, const WeightCount& b) { return a.bytes > b.bytes; });
  for (auto& [op, nodes] : counter.unsupported) out.unsupported.push_back({op, nodes});
  for (const auto& [key, value] : original.metadata) out.metadata.emplace_back(key, value);
  if (!sized) {
    out.macs = -1;
    out.peak_reason = "sizes are unknown";
  } else if (!out.unsupported.empty()) {
    out.peak_reason = "the model has operators hone does not run";
  } else {
    plan_peak(graph, engine, out);
  }
  return out;
}

std::string quantization_phrase(const ModelSummary& s) {
  std::set<std::string> kinds;
  bool is_per_channel = false;
  for (const WeightCount& w : s.weights) {
    if (w.is_quantized && w.dtype != DType::kI32 && w.dtype != DType::kI64)
      kinds.insert(std::string(to_string(w.dtype)));
    is_per_channel |= w.is_per_channel && w.dtype != DType::kI32;
    if (w.dtype == DType::kF16 || w.dtype == DType::kBF16) kinds.insert(std::string(to_string(w.dtype)) + " weights");
  }
  if (s.quantized_nodes == 0 && kinds.empty()) return "none (float)";
  std::string out;
  for (const std::string& kind : kinds) out += (out.empty() ? "" : " + ") + kind;
  if (out.empty()) out = "activations only";
  if (is_per_channel) out += ", per channel";
  if (s.quantized_nodes == 0) return out + ", float arithmetic";
  return cat(out, ", ", s.quantized_nodes, " quantized and ", s.float_nodes, " float nodes");
}

Json to_json(const ModelSummary& s) {
  const auto values = [](const auto& list) {
    Json out = Json::array();
    for (const auto& [name, type] : list) {
      Json value;
      value["name"] = name;
      value["type"] = to_text(type);
      value["dtype"] = to_string(type.dtype);
      Json& shape = value["shape"] = Json::array();
      if (type.shape.has_rank())
        for (const Dim& dim : type.shape.list())
          shape.push_back(dim.is_known() ? Json(dim.value()) : dim.symbol().empty() ? Json() : Json(dim.symbol()));
      if (type.quant && type.quant->is_per_tensor()) {
        value["scale"] = static_cast<double>(type.quant->scale());
        value["zero_point"] = static_cast<int64_t>(type.quant->zero_point());
      }
      out.push_back(std::move(value));
    }
    return out;
  };
  Json json;
  json["name"] = s.name;
  json["inputs"] = values(s.inputs);
  json["outputs"] = values(s.outputs);
  json["nodes"] = s.nodes;
  json["parameters"] = s.parameters;
  json["parameter_bytes"] = s.parameter_bytes;
  json["macs"] = s.macs < 0 ? Json() : Json(s.macs);
  if (!s.sizes_note.empty()) json["sizes"] = s.sizes_note;
  json["peak_activation_bytes"] = s.peak_bytes < 0 ? Json() : Json(s.peak_bytes);
  json["transposes"] = s.transposes;
  json["quantization"] = quantization_phrase(s);
  json["quantized_nodes"] = s.quantized_nodes;
  json["float_nodes"] = s.float_nodes;
  Json& ops = json["ops"] = Json::object();
  for (const OpCount& op : s.ops) ops[op.op] = op.count;
  if (!s.file_ops.empty()) {
    Json& file = json["file_ops"] = Json::object();
    for (const OpCount& op : s.file_ops) file[op.op] = op.count;
  }
  Json& weights = json["weights"] = Json::array();
  for (const WeightCount& w : s.weights) {
    Json weight;
    weight["dtype"] = to_string(w.dtype);
    weight["quantized"] = w.is_quantized;
    weight["per_channel"] = w.is_per_channel;
    weight["tensors"] = w.tensors;
    weight["elements"] = w.elements;
    weight["bytes"] = w.bytes;
    weights.push_back(std::move(weight));
  }
  Json& unsupported = json["unsupported"] = Json::object();
  for (const UnsupportedOp& op : s.unsupported) unsupported[op.op] = Json::list(op.nodes);
  Json& metadata = json["metadata"] = Json::object();
  for (const auto& [key, value] : s.metadata) metadata[key] = value;
  return json;
}

}  // namespace hone
