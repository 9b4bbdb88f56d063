#include <algorithm>

#include "base/error.h"
#include "ops/control.h"
#include "ops/interpreter.h"
#include "ops/movement.h"
#include "ops/quantize.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/rewrite.h"
#include "passes/simplify.h"

namespace hone {
namespace {

/// Most multiply-accumulates that are spent on folding one node on the reference.
constexpr int64_t kMaxFoldMacs = int64_t{1} << 28;
/// Conversions of constants up to this many elements are folded even where wider bytes are to be avoided.
constexpr int64_t kSmallConversion = 16;

bool has_constant_inputs(const Graph& graph, const Node& node) {
  for (ValueId input : node.inputs) {
    if (input.exists() && !graph.is_constant(input)) return false;
  }
  return true;
}

/// The result's size depends on values inference may not know, but never exceeds a small multiple of the input's.
bool has_bounded_results(const Node& node) { return node.is<NonZero>() || node.is<Unique>() || node.is<Compress>(); }

/// Bytes of all outputs; −1 when not known before running. Shapes may be a hostile file's: sizes saturate.
int64_t output_bytes(const Graph& graph, const Node& node) {
  double total = 0;
  for (ValueId output : node.outputs) {
    const TensorType& type = graph.type(output);
    if (!type.shape.is_static()) return -1;
    double bytes = static_cast<double>(size_of(type.dtype));
    for (int64_t dim : type.shape.dims()) bytes *= static_cast<double>(dim);
    total += bytes;
  }
  return static_cast<int64_t>(std::min(total, 1e18));
}

bool is_widening(const Graph& graph, const Node& node) {
  if (!node.is<Dequantize>() && !node.is<DequantizeLinear>() && !node.is<Cast>()) return false;
  const Tensor& in = graph.value(node.inputs[0]).constant;
  return in.elements() > kSmallConversion && size_of(graph.type(node.outputs[0]).dtype) > size_of(in.dtype());
}

int64_t macs_of(const Graph& graph, const Node& node) {
  if (!node.def->macs) return 0;
  std::vector<const TensorType*> inputs, outputs;
  for (ValueId input : node.inputs) inputs.push_back(input.exists() ? &graph.type(input) : nullptr);
  for (ValueId output : node.outputs) outputs.push_back(&graph.type(output));
  return node.def->macs(node.attrs, inputs, outputs);
}

bool may_fold(const Graph& graph, const Node& node, const PassOptions& options) {
  if (node.def->is_random || node.is<Opaque>() || !node.subgraphs.empty()) return false;
  if (!node.def->eval && !node.def->eval_quantized) return false;
  if (!has_constant_inputs(graph, node)) return false;
  if (!options.fold_widening && is_widening(graph, node)) return false;
  const int64_t bytes = output_bytes(graph, node);
  if (bytes < 0) return has_bounded_results(node);
  int64_t input_bytes = 0;
  for (ValueId input : node.inputs) {
    if (input.exists()) input_bytes += graph.value(input).constant.byte_size();
  }
  const bool converts = options.fold_widening && is_widening(graph, node);
  if (!converts && bytes > std::max(input_bytes, options.max_fold_bytes)) return false;
  return macs_of(graph, node) <= kMaxFoldMacs;
}

std::vector<Tensor> results_of(const Graph& graph, const Node& node) {
  std::vector<Tensor> inputs;
  std::vector<const TensorType*> types;
  for (ValueId input : node.inputs) inputs.push_back(input.exists() ? graph.value(input).constant : Tensor());
  for (ValueId output : node.outputs) types.push_back(&graph.type(output));
  try {
    return evaluate_node(node, types, inputs, graph.arithmetic);
  } catch (const Error&) {
    return {};  // a node that fails on its constants fails when it is run, with its own message
  }
}

}  // namespace

int64_t fold_constants(Graph& graph, PassContext& context) {
  int64_t changes = 0;
  for (NodeId id : graph.order()) {
    if (!may_fold(graph, graph.node(id), context.options)) continue;
    std::vector<Tensor> results = results_of(graph, graph.node(id));
    if (results.empty()) continue;
    if (!context.budget.take()) break;
    const std::vector<ValueId> outputs = graph.node(id).outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Value& old = graph.value(outputs[i]);
      if (old.users.empty() && !graph.is_output(outputs[i])) continue;
      const ValueId constant = graph.add_constant(results[i], old.name);
      graph.replace_uses(outputs[i], constant);
    }
    graph.remove(id);
    ++changes;
  }
  return changes;
}

int64_t remove_dead_nodes(Graph& graph, PassContext&) { return static_cast<int64_t>(graph.remove_dead()); }

}  // namespace hone
