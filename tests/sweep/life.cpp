#include "sweep/life.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/writer.h"
#include "formats/tflite/tflite.h"
#include "ops/control.h"
#include "ops/interpreter.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace hone::sweep {

namespace {

/// Runs a stage and keeps how it ended.
template <class Body>
bool survives(Life& life, const char* stage, Body&& body) {
  try {
    body();
    return true;
  } catch (const Error& e) {
    if (life.error.empty()) life.error = e.message();
    if (e.code() == ErrorCode::kInternal && life.fault.empty()) life.fault = cat(stage, ": ", e.what());
  } catch (const std::exception& e) {
    if (life.fault.empty()) life.fault = cat(stage, ": exception ", e.what());
  }
  return false;
}

constexpr int64_t kOpenSize = 2;  ///< what is fed for a size that the model leaves open

/// Bytes of all values of known rank, for the inputs that are fed.
bool is_small(const Graph& graph, const LifeLimits& limits) {
  int64_t bytes = 0;
  for (size_t i = 0; i < graph.value_capacity(); ++i) {
    const TensorType& type = graph.type(ValueId{static_cast<int32_t>(i)});
    if (!type.shape.has_rank()) continue;
    try {
      int64_t size = size_of(type.dtype);
      for (const Dim& d : type.shape.list()) size = checked_mul(size, d.is_known() ? d.value() : kOpenSize);
      bytes = checked_add(bytes, size);
    } catch (const Error&) {
      return false;
    }
  }
  return bytes <= limits.max_bytes;
}

/// A loop may run for as long as its model says.
bool has_loop(const Graph& graph) {
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (node.is<Loop>() || node.is<While>()) return true;
    for (const Graph& sub : node.subgraphs)
      if (has_loop(sub)) return true;
  }
  return false;
}

Tensor fit(const Value& value, const Tensor* given) {
  const TensorType& type = value.type;
  if (given && given->exists() && given->dtype() == type.dtype && compatible(type.shape, Shape(given->dims())))
    return given->with_quant(type.quant);
  Dims dims;
  if (type.shape.has_rank())
    for (const Dim& d : type.shape.list()) dims.push_back(d.is_known() ? d.value() : kOpenSize);
  return Tensor::zeros(type.dtype, std::move(dims), type.quant);
}

std::vector<Tensor> inputs_for(const Graph& graph, std::span<const Tensor> given) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < graph.inputs().size(); ++i)
    inputs.push_back(fit(graph.value(graph.inputs()[i]), i < given.size() ? &given[i] : nullptr));
  return inputs;
}

/// Where the reference finds another shape than `graph` declares, either may come out: passes take what is declared.
void compare_types(const Graph& graph, const std::vector<Tensor>& expected, const std::vector<Tensor>& found) {
  if (expected.size() != found.size()) throw internal_error("another number of outputs than the reference");
  for (size_t i = 0; i < found.size(); ++i)
    if (found[i].dtype() != expected[i].dtype() ||
        (found[i].dims() != expected[i].dims() &&
         compatible(graph.type(graph.outputs()[i]).shape, Shape(expected[i].dims()))))
      throw internal_error(
          cat("output ", i, " is ", to_text(found[i].type()), ", on the reference ", to_text(expected[i].type())));
}

void write_both(const Graph& graph, Life& life) {
  survives(life, "write onnx", [&] {
    const auto bytes = std::make_shared<const std::string>(onnx::encode_model(graph));
    verify(kOnnxFormat.read({"again.onnx", std::as_bytes(std::span(*bytes)), bytes}));
  });
  survives(life, "write tflite", [&] {
    const auto bytes = std::make_shared<const std::vector<std::byte>>(write_tflite(graph));
    verify(read_tflite(*bytes, bytes));
  });
}

}  // namespace

Life live(const std::function<Graph()>& read, std::span<const Tensor> given, const LifeLimits& limits) {
  Life life;
  std::optional<Graph> graph;
  const bool is_read = survives(life, "read", [&] {
    graph = read();
    verify(*graph);
  });
  if (!is_read) return life;
  std::vector<Tensor> inputs;
  std::optional<std::vector<Tensor>> expected;
  const bool runs = is_small(*graph, limits) && !has_loop(*graph);
  if (runs) {
    survives(life, "reference", [&] {
      inputs = inputs_for(*graph, given);
      expected = evaluate(*graph, inputs);
    });
    life.has_run = expected.has_value();
    survives(life, "cpu, as read", [&] {
      const auto found = Runner(*graph, {&cpu_provider()}, {.threads = 1}).run(inputs);
      if (expected && limits.compares) compare_types(*graph, *expected, found);
    });
  }
  Graph prepared = *graph;
  const bool is_prepared = survives(life, "passes", [&] { run_pipeline(prepared, standard_pipeline()); });
  if (is_prepared && runs && is_small(prepared, limits)) {
    survives(life, "cpu", [&] {
      const auto found = Runner(prepared, {&cpu_provider()}, {.threads = 1}).run(inputs);
      if (expected && limits.compares) compare_types(*graph, *expected, found);
    });
  }
  if (is_small(*graph, limits)) write_both(is_prepared ? prepared : *graph, life);
  return life;
}

}  // namespace hone::sweep
