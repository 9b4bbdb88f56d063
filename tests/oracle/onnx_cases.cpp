#include "oracle/onnx_cases.h"

#include <cstdio>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/formats.h"
#include "formats/onnx/writer.h"
#include "ir/text.h"
#include "onnx/cases_onnx.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "passes/check.h"
#include "passes/pipelines.h"
#include "support/compare.h"
#include "support/suite.h"

namespace hone {

namespace {

/// Results of integer layers may fall to the other side of a half; in a row of layers that adds up.
constexpr Tolerance kTolerance{.relative = 1e-3, .absolute = 1e-4, .steps = 1};
/// The runtime keeps what is between two halves in f32.
constexpr Tolerance kHalfTolerance{.relative = 1e-2, .absolute = 2e-3, .steps = 1};

bool has_halves(const Graph& graph) {
  for (const NodeId id : graph.order())
    for (const ValueId out : graph.node(id).outputs)
      if (graph.type(out).dtype == DType::kF16) return true;
  return false;
}

struct Tally {
  int equal = 0, refused = 0, different = 0;
};

std::string run_and_compare(OnnxRuntime& runtime, const std::string& model, std::span<const Tensor> inputs,
                            const std::vector<Tensor>& expected, OnnxRuntime::Optimizer optimizer,
                            const Tolerance& tolerance) {
  try {
    const std::vector<Tensor> found = runtime.run(model, inputs, optimizer);
    if (found.size() != expected.size()) return cat(found.size(), " outputs, expected ", expected.size());
    for (size_t i = 0; i < found.size(); ++i) {
      const std::string text = difference(found[i].with_quant(expected[i].quant()), expected[i], tolerance);
      if (!text.empty()) return cat("output ", i, ": ", text);
    }
    return "";
  } catch (const Error& e) {
    return e.message();
  }
}

/// Whether hone could write the graph; differences are printed.
void compare_graph(OnnxRuntime& runtime, const std::string& name, const Graph& graph, std::vector<Tensor> inputs,
                   Tally& tally) {
  for (const Tensor& input : inputs)
    if (input.dtype() == DType::kI4 || input.dtype() == DType::kU4) return;  // cannot be fed
  std::string model;
  std::vector<Tensor> expected;
  try {
    model = onnx::encode_model(graph);
    Graph judged = graph;
    judged.arithmetic = QuantArithmetic::kFloat;
    expected = evaluate(judged, inputs);
  } catch (const Error& e) {
    ++tally.refused;
    std::printf("refused   %s: %s\n", name.c_str(), e.message().c_str());
    return;
  }
  const Tolerance& tolerance = has_halves(graph) ? kHalfTolerance : kTolerance;
  for (const auto optimizer : {OnnxRuntime::Optimizer::on, OnnxRuntime::Optimizer::off}) {
    const std::string problem = run_and_compare(runtime, model, inputs, expected, optimizer, tolerance);
    ++(problem.empty() ? tally.equal : tally.different);
    if (!problem.empty())
      std::printf("DIFFERENT %s%s: %s\n", name.c_str(),
                  optimizer == OnnxRuntime::Optimizer::on ? "" : " (optimizer off)", problem.c_str());
  }
}

void print(const std::string& what, const Tally& tally) {
  std::printf("%-28s %4d equal, %d different, %d refused by hone\n", what.c_str(), tally.equal, tally.different,
              tally.refused);
}

}  // namespace

int compare_cases(OnnxRuntime& runtime) {
  Tally tally;
  for (const OnnxCase& test : load_onnx_cases())
    compare_graph(runtime, test.name, test.graph, generate_inputs(test.graph, 1), tally);
  print("cases as hone writes them", tally);
  return tally.different + tally.refused;
}

int compare_operators(OnnxRuntime& runtime) {
  Tally tally;
  for (const std::string& path : suite_files())
    for (const SuiteCase& test : load_suite(path)) {
      if (!test.error.empty() || test.reference_only) continue;
      const Graph graph = parse_graph(test.graph, all_ops());
      std::vector<Tensor> inputs;
      for (const ValueId id : graph.inputs())
        for (const auto& [name, tensor] : test.feeds)
          if (name == graph.value(id).name) inputs.push_back(tensor);
      if (inputs.size() == graph.inputs().size()) compare_graph(runtime, test.name, graph, std::move(inputs), tally);
    }
  print("operators as hone writes", tally);
  return tally.different;
}

int compare_files(OnnxRuntime& runtime, const std::string& folder) {
  Tally tally;
  std::set<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".onnx" || extension == ".tflite") paths.insert(entry.path().string());
  }
  for (const std::string& path : paths) {
    Graph graph;
    try {
      graph = read_model(path);
      require_known_operators(graph);
      compare_graph(runtime, path, graph, generate_inputs(graph, 1), tally);
      run_pipeline(graph, standard_pipeline());
    } catch (const Error& e) {
      ++tally.refused;
      std::printf("refused   %s: %s\n", path.c_str(), e.message().c_str());
      continue;
    }
    compare_graph(runtime, path + " (after passes)", graph, generate_inputs(graph, 1), tally);
  }
  print(folder, tally);
  return tally.different;
}

}  // namespace hone
