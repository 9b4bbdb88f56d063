#include <gtest/gtest.h>

#include "formats/tflite_models.h"
#include "ops/interpreter.h"
#include "support/compare.h"

namespace hone {
namespace {

Tolerance tolerance_of(const GoldenModel& model) {
  return model.is_float ? Tolerance{.relative = 1e-4, .absolute = 1e-5, .steps = 0}
                        : Tolerance{.relative = 0, .absolute = 0, .steps = 0};
}

class TfliteGolden : public ::testing::TestWithParam<GoldenModel> {
 protected:
  void SetUp() override {
    const auto path = test_data(GetParam().path);
    if (!path) GTEST_SKIP() << "no test data: set HONE_TEST_DATA to the folder with " << GetParam().path;
    path_ = *path;
  }
  std::string path_;
};

TEST_P(TfliteGolden, AnswersAsTheOriginalRuntime) {
  const Graph graph = read_mapped(path_);
  verify(graph);
  int compared = 0;
  for (int k = 0;; ++k) {
    const auto in = golden(GetParam(), k, "in0"), out = golden(GetParam(), k, "out0");
    if (!in || !out) break;
    const Tensor inputs[] = {*in};
    const std::vector<Tensor> found = evaluate(graph, inputs);
    EXPECT_EQ(difference(found[0].with_quant(nullptr), *out, tolerance_of(GetParam())), "") << "golden " << k;
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

TEST_P(TfliteGolden, AnswersTheSameAfterARoundTrip) {
  const Graph graph = read_mapped(path_);
  const std::vector<std::byte> bytes = write_tflite(graph);
  EXPECT_EQ(bytes, write_tflite(graph)) << "two writes of one graph differ";
  const Graph again = read_bytes(bytes);
  verify(again);
  EXPECT_EQ(again.metadata, graph.metadata);
  const auto in = golden(GetParam(), 0, "in0");
  ASSERT_TRUE(in);
  const Tensor inputs[] = {*in};
  EXPECT_EQ(difference(evaluate(again, inputs)[0], evaluate(graph, inputs)[0], {0, 0, 0}), "");
}

INSTANTIATE_TEST_SUITE_P(Models, TfliteGolden, ::testing::ValuesIn(kGoldenModels), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
});

}  // namespace
}  // namespace hone
