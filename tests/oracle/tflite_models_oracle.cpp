#include <gtest/gtest.h>

#include <map>

#include "formats/tflite_models.h"
#include "ops/interpreter.h"
#include "oracle/tflite_runtime.h"
#include "support/compare.h"

namespace hone {
namespace {

class TfliteModels : public ::testing::TestWithParam<GoldenModel> {
 protected:
  void SetUp() override {
    runtime_ = TfliteRuntime::open();
    if (!runtime_) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
    const auto path = test_data(GetParam().path);
    if (!path) GTEST_SKIP() << "no test data: " << GetParam().path;
    path_ = *path;
    const auto in = golden(GetParam(), 0, "in0");
    ASSERT_TRUE(in);
    inputs_ = {*in};
  }

  std::unique_ptr<TfliteRuntime> runtime_;
  std::string path_;
  std::vector<Tensor> inputs_;
};

/// Runs the graph node by node, each on the runtime's own values where it tells them (`expected`, by graph output), and
/// reports every node whose result is not the runtime's.
void compare_layers(const Graph& graph, const std::vector<Tensor>& inputs, const std::vector<Tensor>& expected,
                    const Tolerance& tolerance) {
  std::map<ValueId, Tensor> told, values;
  for (size_t i = 0; i < expected.size(); ++i)
    told[graph.outputs()[i]] = expected[i].with_quant(graph.type(graph.outputs()[i]).quant);
  for (size_t i = 0; i < inputs.size(); ++i)
    values[graph.inputs()[i]] = inputs[i].with_quant(graph.type(graph.inputs()[i]).quant);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    std::vector<Tensor> in;
    for (const ValueId v : node.inputs)
      in.push_back(!v.exists() ? Tensor() : graph.is_constant(v) ? graph.value(v).constant : values[v]);
    std::vector<const TensorType*> types;
    for (const ValueId v : node.outputs) types.push_back(&graph.type(v));
    const std::vector<Tensor> out = evaluate_node(node, types, in, graph.arithmetic);
    for (size_t j = 0; j < out.size(); ++j) {
      const ValueId v = node.outputs[j];
      values[v] = out[j];
      if (!told.contains(v)) continue;
      EXPECT_EQ(difference(out[j], told[v], tolerance), "") << describe(node) << " " << to_text(out[j].type());
      values[v] = told[v];
    }
  }
}

TEST_P(TfliteModels, EveryLayerIsTheRuntimesOnEqualInputs) {
  const auto file = MappedFile::open(path_);
  const std::vector<std::byte> model = with_all_outputs(file->bytes());
  const std::vector<Tensor> expected = runtime_->run(model, inputs_);
  const Graph graph = read_bytes(model);
  ASSERT_EQ(graph.outputs().size(), expected.size());
  compare_layers(graph, inputs_, expected,
                 GetParam().is_float ? Tolerance{.relative = 1e-4, .absolute = 1e-4, .steps = 0} : Tolerance{0, 0, 0});
}

TEST_P(TfliteModels, RewrittenFileRunsThereWithTheSameAnswers) {
  const auto file = MappedFile::open(path_);
  const std::vector<std::byte> rewritten = write_tflite(read_tflite(file->bytes(), file));
  const std::vector<Tensor> before = runtime_->run(file->bytes(), inputs_);
  const std::vector<Tensor> after = runtime_->run(rewritten, inputs_);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(difference(after[i], before[i], {1e-6, 1e-6, 0}), "");
}

INSTANTIATE_TEST_SUITE_P(Models, TfliteModels, ::testing::ValuesIn(kGoldenModels), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

}  // namespace
}  // namespace hone
