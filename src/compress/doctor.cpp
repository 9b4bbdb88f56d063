#include "compress/doctor.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "base/sha256.h"
#include "base/text.h"
#include "compress/dequantize.h"
#include "compress/doctor_checks.h"
#include "compress/file_forms.h"
#include "compress/quantize.h"
#include "formats/formats.h"
#include "ops/control.h"
#include "ops/movement.h"
#include "passes/pipelines.h"

namespace hone {

std::string_view to_string(Gravity gravity) {
  return gravity == Gravity::stops ? "stops" : gravity == Gravity::harms ? "harms" : "hint";
}

namespace {

using Unknown = std::map<std::string, std::vector<std::string>>;

/// Nodes by the name of an operator that hone does not know, those of subgraphs too.
void count_unknown(const Graph& graph, Unknown& unknown) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.is<Opaque>())
      unknown[node.as<Opaque>().type].push_back(node.name);
    else if (node.def->eval == nullptr)
      unknown[std::string(node.def->name)].push_back(node.name);
    for (const Graph& inner : node.subgraphs) count_unknown(inner, unknown);
  }
}

void look_at_operators(const Patient& p, std::vector<Finding>& findings) {
  Unknown unknown;
  count_unknown(p.given, unknown);
  for (const auto& [op, nodes] : unknown)
    findings.push_back({"operators", Gravity::stops, cat("hone does not know ", op), nodes,
                        "hone inspect MODEL --around NODE shows what stands there"});
}

void look_at_targets(const Patient& p, std::vector<Finding>& findings) {
  if (!p.is_known) return;
  const TemporaryFolder folder;
  for (const char* format : {"onnx", "tflite"}) {
    const FileForm form = write_form(p.graph, format, folder.path(), "model");
    if (form.bytes == 0)
      findings.push_back({"targets",
                          Gravity::stops,
                          cat("cannot be written as .", format, ": ", form.problem),
                          {},
                          cat("hone optimize --format ", format == std::string_view("onnx") ? "tflite" : "onnx")});
  }
}

/// Sizes beside the first, which is the batch.
bool has_open_sizes(const Shape& shape) {
  if (!shape.has_rank()) return true;
  const auto& dims = shape.list();
  return std::any_of(dims.begin() + std::min<int64_t>(1, static_cast<int64_t>(dims.size())), dims.end(),
                     [](const Dim& dim) { return !dim.is_known(); });
}

void look_at_sizes(const Patient& p, std::vector<Finding>& findings) {
  for (const ValueId id : p.given.inputs()) {
    const Value& input = p.given.value(id);
    if (has_open_sizes(input.type.shape))
      findings.push_back({"sizes",
                          Gravity::hint,
                          cat("input '", input.name, "' has open sizes: ", to_text(input.type)),
                          {},
                          cat("--shape ", input.name, "=… fixes them: more can be computed beforehand")});
  }
}

void look_at_transposes(const Patient& p, std::vector<Finding>& findings) {
  std::vector<std::string> nodes;
  for (const NodeId id : p.graph.order())
    if (p.graph.node(id).is<Transpose>()) nodes.push_back(p.graph.node(id).name);
  if (!nodes.empty())
    findings.push_back({"transposes", Gravity::hint,
                        cat(nodes.size(), nodes.size() == 1 ? " transpose is" : " transposes are",
                            " left after choosing the order of axes"),
                        nodes, "hone profile MODEL says whether they cost time"});
}

void look_for_duplicates(const Patient& p, std::vector<Finding>& findings) {
  constexpr int64_t kWorthIt = 1024;
  std::map<std::string, std::string> first;  // by content
  std::vector<std::string> again;
  int64_t bytes = 0;
  for (size_t i = 0; i < p.given.value_capacity(); ++i) {
    const Value& value = p.given.value(ValueId{static_cast<int32_t>(i)});
    if (!value.constant.exists() || value.users.empty() || value.constant.byte_size() < kWorthIt) continue;
    const std::span<const std::byte> content(static_cast<const std::byte*>(value.constant.raw()),
                                             static_cast<size_t>(value.constant.byte_size()));
    const std::string key = cat(to_text(value.type), " ", sha256(content));
    if (first.emplace(key, value.name).second) continue;
    again.push_back(value.name);
    bytes += value.constant.byte_size();
  }
  if (!again.empty())
    findings.push_back(
        {"duplicates", Gravity::hint,
         cat(again.size(), again.size() == 1 ? " constant is" : " constants are", " there twice: ", bytes, " bytes"),
         again, "hone convert MODEL -o FILE stores each once"});
}

constexpr DoctorCheck kChecks[] = {
    {"operators", "operators that hone does not know", look_at_operators},
    {"targets", "formats that cannot hold the model", look_at_targets},
    {"numbers", "weights that are not finite", look_at_numbers},
    {"sizes", "inputs of open sizes, the batch excepted", look_at_sizes},
    {"dead", "output channels whose weights are all zero", look_for_dead_channels},
    {"channels", "weights whose channels differ widely", look_at_channels},
    {"units", "concatenations of bounded and unbounded numbers", look_at_units},
    {"tails", "activations with a long tail", look_at_tails},
    {"islands", "operators between layers that int8 leaves in float", look_at_islands},
    {"float16", "constants beyond the range of float16", look_at_float16},
    {"saturation", "integer layers that overflow in ONNX Runtime without VNNI", look_at_saturation},
    {"transposes", "transposes left after layout", look_at_transposes},
    {"duplicates", "constants stored twice", look_for_duplicates},
};

int64_t macs_of(const Graph& graph, const Node& node) {
  if (node.def->macs == nullptr) return 0;
  std::vector<const TensorType*> inputs, outputs;
  for (const ValueId id : node.inputs) {
    if (id.exists() && !graph.type(id).shape.is_static()) return -1;
    inputs.push_back(id.exists() ? &graph.type(id) : nullptr);
  }
  for (const ValueId id : node.outputs) {
    if (!graph.type(id).shape.is_static()) return -1;
    outputs.push_back(&graph.type(id));
  }
  return node.def->macs(node.attrs, inputs, outputs);
}

int64_t bytes_of(const Graph& graph) {
  int64_t bytes = 0;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const Value& value = graph.value(ValueId{static_cast<int32_t>(i)});
    if (value.constant.exists() && !value.users.empty()) bytes += value.constant.byte_size();
  }
  return bytes;
}

ExpectedWins wins_of(const Graph& graph) {
  ExpectedWins wins{.bytes = bytes_of(graph), .float16_bytes = bytes_of(to_float16(graph))};
  wins.int8_bytes = bytes_of(quantize_dynamic_range(graph));
  int64_t all = 0, integer = 0;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const int64_t macs = macs_of(graph, node);
    if (macs < 0) return wins;
    all += macs;
    if (node.def->quant.kind != QuantRule::kFloat) integer += macs;
  }
  if (all > 0) wins.integer_macs = static_cast<double>(integer) / static_cast<double>(all);
  return wins;
}

std::string next_command(const Patient& p, const std::vector<Finding>& findings) {
  if (!p.is_known) return "hone inspect MODEL";
  if (p.is_integer) return "hone bench MODEL";
  std::string flags;
  for (const Finding& f : findings)
    if (f.check == "targets") flags += f.advice.substr(f.advice.find(" --format"));
  return cat("hone optimize MODEL --data DIR --max-drop 1 -o out/", flags);
}

}  // namespace

std::span<const DoctorCheck> all_doctor_checks() { return kChecks; }

Diagnosis examine(const Graph& given) {
  Unknown unknown;
  count_unknown(given, unknown);
  const bool is_known = unknown.empty();
  bool is_integer = false;
  Graph simple;
  if (is_known) {
    simple = given;
    run_pipeline(simple, standard_pipeline());
    try {
      simple = with_float_weights(simple);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kInvalidArgument) throw;
      is_integer = true;
    }
  }
  const Patient patient{given, is_known ? simple : given, is_known, is_integer};
  Diagnosis out;
  for (const DoctorCheck& check : kChecks) check.look(patient, out.findings);
  std::stable_sort(out.findings.begin(), out.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.gravity < b.gravity; });
  if (is_known && !is_integer) out.wins = wins_of(patient.graph);
  out.next = next_command(patient, out.findings);
  return out;
}

}  // namespace hone
