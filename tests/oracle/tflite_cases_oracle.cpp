// Small inputs that once failed, where the checkout has them beside it (shared/cases): each as .tflite in the original
// runtime, with the answers that its source gives on the reference. Those that cannot be written say why.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "formats/formats.h"
#include "formats/tflite_case.h"
#include "formats/tflite_models.h"
#include "ops/interpreter.h"
#include "oracle/tflite_runtime.h"
#include "passes/pipelines.h"
#include "support/compare.h"

namespace hone {
namespace {

constexpr const char* kCases = HONE_SOURCE_DIR "/../shared/cases";

std::vector<Tensor> some_inputs(const Graph& graph) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const TensorType& type = graph.type(id);
    Dims dims;
    for (const Dim& d : type.shape.list()) dims.push_back(d.is_known() ? d.value() : 1);
    Tensor x;
    if (is_float(type.dtype))
      x = cast(some_floats(dims, -1, 1), type.dtype);
    else
      x = some_ints(type.dtype, dims, type.quant ? min_of(type.dtype) : 0, type.quant ? max_of(type.dtype) : 1);
    inputs.push_back(x.with_quant(type.quant));
  }
  return inputs;
}

/// A step of quantization wherever the file has integers; f16 is as exact as it is.
Tolerance tolerance_of(const Graph& graph) {
  double coarsest = 0;
  bool has_half = false;
  for (const NodeId id : graph.order())
    for (const ValueId out : graph.node(id).outputs) {
      const TensorType& type = graph.type(out);
      has_half = has_half || type.dtype == DType::kF16;
      if (type.quant) coarsest = std::max(coarsest, static_cast<double>(type.quant->scale()));
    }
  return {
      .relative = has_half ? 1e-2 : 1e-4, .absolute = std::max(has_half ? 1e-2 : 1e-5, coarsest * 1.001), .steps = 1};
}

TEST(TfliteCases, RunInTheRuntimeWithTheSameAnswers) {
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  if (!std::filesystem::exists(kCases)) GTEST_SKIP() << "no cases: " << kCases;
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(kCases))
    if (entry.path().extension() == ".onnx" || entry.path().extension() == ".tflite")
      paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    const std::string name = std::filesystem::path(path).filename().string();
    SCOPED_TRACE(name);
    std::vector<std::byte> file;
    Graph source;
    try {
      source = read_model(path);
      Graph graph = source;
      run_pipeline(graph, standard_pipeline());
      file = write_tflite(graph);
    } catch (const Error& e) {
      std::printf("  not written: %s: %s\n", name.c_str(), split(e.message(), '\n').back().c_str());
      continue;
    }
    try {
      const std::vector<Tensor> inputs = some_inputs(source);
      const std::vector<Tensor> theirs = runtime->run(file, inputs), ours = evaluate(source, inputs);
      EXPECT_EQ(theirs.size(), ours.size());
      for (size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i) {
        const bool is_half = ours[i].dtype() == DType::kF16;
        EXPECT_EQ(difference(theirs[i].with_quant(ours[i].quant()), is_half ? cast(ours[i], DType::kF32) : ours[i],
                             tolerance_of(source)),
                  "")
            << "output " << i;
      }
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

}  // namespace
}  // namespace hone
