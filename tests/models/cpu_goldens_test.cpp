// The cpu provider on the real models, against the answers of the original runtimes and, layer by layer, against the
// reference. Skipped where the data is absent.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/npy.h"
#include "formats/formats.h"
#include "ops/interpreter.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"
#include "support/test_data.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

struct ModelCase {
  const char* file;
  const char* golden;
  double tolerance = 1e-4;  ///< of the largest output
};

constexpr ModelCase kFloatModels[] = {
    {"mlperf_tiny/ic/pretrainedResnet.tflite", "pretrainedResnet"},
    {"mlperf_tiny/ic/pretrainedResnet_large_float.tflite", "pretrainedResnet_large_float"},
    {"mlperf_tiny/kws/kws_ref_model_float32.tflite", "kws_ref_model_float32"},
    {"mlperf_tiny/vww/vww_96_float.tflite", "vww_96_float"},
    {"ultraface/version-RFB-320.onnx", "version-RFB-320"},
};
constexpr ModelCase kIntegerModels[] = {
    {"mlperf_tiny/ic/pretrainedResnet_quant.tflite", "pretrainedResnet_quant"},
    {"mlperf_tiny/ic/pretrainedResnet_large_int8.tflite", "pretrainedResnet_large_int8"},
    {"mlperf_tiny/kws/kws_ref_model.tflite", "kws_ref_model"},
    {"mlperf_tiny/vww/vww_96_int8.tflite", "vww_96_int8"},
    {"imagenet/mobilenet_v1_0.25_128_quant.tflite", "mobilenet_v1_0.25_128_quant"},
    {"imagenet/mobilenet_v2_1.0_224_quant.tflite", "mobilenet_v2_1.0_224_quant"},
};

std::optional<Graph> read_case(const ModelCase& c) {
  const auto path = test_data(c.file);
  if (!path || !test_data(std::string("golden/") + c.golden)) return std::nullopt;
  Graph graph = read_model(*path);
  run_pipeline(graph, standard_pipeline());
  return graph;
}

#define NEED_MODEL(graph, c)       \
  const auto graph = read_case(c); \
  if (!graph) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA"

// Inputs (or outputs) of golden sample k: files k.in0.npy, k.in1.npy, …
std::vector<Tensor> golden(const ModelCase& c, int k, const std::string& what) {
  std::vector<Tensor> found;
  for (int i = 0;; ++i) {
    const auto path = test_data("golden/" + std::string(c.golden) + "/" + std::to_string(k) + "." + what +
                                std::to_string(i) + ".npy");
    if (!path) return found;
    found.push_back(read_npy(*path));
  }
}

std::vector<Tensor> run(const Graph& graph, const Provider& provider, const std::vector<Tensor>& inputs, bool exact) {
  const Provider* providers[] = {&provider};
  Session session(Plan::compile(graph, providers, {.threads = 1, .exact = exact}));
  std::vector<Tensor> results;
  for (const Tensor& t : session.run(inputs)) results.push_back(t.clone().with_quant(nullptr));
  return results;
}

std::vector<const Provider*> levels() {
  std::vector<const Provider*> found;
  for (cpu::Isa isa : cpu::all_levels()) {
    if (cpu::is_supported(isa)) found.push_back(&cpu::provider_for(isa));
  }
  return found;
}

size_t top(const std::vector<double>& x) {
  return static_cast<size_t>(std::max_element(x.begin(), x.end()) - x.begin());
}

class FloatGoldens : public testing::TestWithParam<ModelCase> {};

TEST_P(FloatGoldens, AreReachedOnEveryLevel) {
  NEED_MODEL(graph, GetParam());
  for (int k = 0;; ++k) {
    const std::vector<Tensor> inputs = golden(GetParam(), k, "in");
    if (inputs.empty()) break;
    const std::vector<Tensor> expected = golden(GetParam(), k, "out");
    for (const Provider* provider : levels()) {
      const std::vector<Tensor> got = run(*graph, *provider, inputs, false);
      ASSERT_EQ(got.size(), expected.size());
      for (size_t o = 0; o < got.size(); ++o) {
        const std::vector<double> a = to_doubles(got[o]), b = to_doubles(expected[o]);
        ASSERT_EQ(a.size(), b.size());
        double largest = 0;
        for (double v : b) largest = std::max(largest, std::abs(v));
        for (size_t i = 0; i < a.size(); ++i)
          ASSERT_NEAR(a[i], b[i], GetParam().tolerance * largest) << "output " << o << " at " << i;
      }
    }
  }
}

class IntegerGoldens : public testing::TestWithParam<ModelCase> {};

TEST_P(IntegerGoldens, KeepTheirDecisionsAndTheSameBytesOnEveryLevel) {
  NEED_MODEL(graph, GetParam());
  for (int k = 0;; ++k) {
    const std::vector<Tensor> inputs = golden(GetParam(), k, "in");
    if (inputs.empty()) break;
    const std::vector<double> expected = to_doubles(golden(GetParam(), k, "out")[0]);
    std::vector<Tensor> first;
    for (const Provider* provider : levels()) {
      const std::vector<Tensor> got = run(*graph, *provider, inputs, false);
      if (first.empty()) first = got;
      EXPECT_TRUE(identical(got[0], first[0])) << "levels differ on sample " << k;
      // Ties of the original may fall either way.
      EXPECT_EQ(expected[top(to_doubles(got[0]))], expected[top(expected)]) << "sample " << k;
    }
  }
}

TEST_P(IntegerGoldens, AreReachedBitForBitByExactArithmetic) {
  NEED_MODEL(graph, GetParam());
  for (int k = 0;; ++k) {
    const std::vector<Tensor> inputs = golden(GetParam(), k, "in");
    if (inputs.empty()) break;
    const std::vector<double> expected = to_doubles(golden(GetParam(), k, "out")[0]);
    for (const Provider* provider : levels())
      EXPECT_EQ(to_doubles(run(*graph, *provider, inputs, true)[0]), expected) << "sample " << k;
  }
}

// One node as a graph of its own, fed with the reference's values.
Graph one_node(const Graph& graph, const Node& node, const std::vector<Tensor>& values, std::vector<Tensor>& inputs) {
  Graph g;
  g.arithmetic = graph.arithmetic;
  NodeSpec spec{.def = node.def, .attrs = node.attrs, .outputs = node.outputs.size(), .subgraphs = node.subgraphs};
  for (const ValueId v : node.inputs) {
    if (!v.exists()) {
      spec.inputs.push_back({});
    } else if (graph.is_constant(v)) {
      spec.inputs.push_back(g.add_constant(graph.value(v).constant));
    } else {
      const Tensor& value = values[static_cast<size_t>(v.index)];
      spec.inputs.push_back(g.add_input("x" + std::to_string(inputs.size()), value.type()));
      inputs.push_back(value);
    }
  }
  for (const ValueId v : node.outputs) spec.output_types.push_back(graph.type(v));
  const NodeId id = g.add(std::move(spec));
  g.set_outputs(g.node(id).outputs);
  return g;
}

TEST_P(IntegerGoldens, AreWithinOneStepLayerByLayerOnOwnKernels) {
  NEED_MODEL(graph, GetParam());
  std::vector<Tensor> values(graph->value_capacity());
  const std::vector<Tensor> inputs = golden(GetParam(), 0, "in");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const ValueId v = graph->inputs()[i];
    values[static_cast<size_t>(v.index)] = inputs[i].with_quant(graph->type(v).quant);
  }
  EvalOptions options;
  options.observe = [&](NodeId id, std::span<const Tensor> outputs) {
    const std::vector<ValueId>& to = graph->node(id).outputs;
    for (size_t i = 0; i < outputs.size(); ++i) values[static_cast<size_t>(to[i].index)] = outputs[i];
  };
  evaluate(*graph, inputs, options);
  const Provider* providers[] = {&cpu_provider()};
  for (const NodeId id : graph->order()) {
    const Node& node = graph->node(id);
    std::vector<Tensor> fed;
    const Graph layer = one_node(*graph, node, values, fed);
    Session session(Plan::compile(layer, providers));
    EXPECT_NE(session.plan().steps()[0].step->kernel, "reference") << describe(node);
    const std::vector<Tensor>& got = session.run(fed);
    for (size_t o = 0; o < got.size(); ++o) {
      const Tensor& expected = values[static_cast<size_t>(node.outputs[o].index)];
      const std::vector<double> a = to_doubles(got[o].with_quant(nullptr)),
                                b = to_doubles(expected.with_quant(nullptr));
      for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1) << describe(node) << " at " << i;
    }
  }
}

std::string case_name(const testing::TestParamInfo<ModelCase>& info) {
  std::string name = info.param.golden;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cpu, FloatGoldens, testing::ValuesIn(kFloatModels), case_name);
INSTANTIATE_TEST_SUITE_P(Cpu, IntegerGoldens, testing::ValuesIn(kIntegerModels), case_name);

}  // namespace
}  // namespace hone
