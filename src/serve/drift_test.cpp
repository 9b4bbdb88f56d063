#include "serve/drift.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

/// A request like the calibration's, brightness and contrast changed a little from one to the next.
Tensor request(int i, float shift = 0, float factor = 1) {
  Tensor t = Tensor::empty(DType::kF32, {1, 600});
  for (size_t k = 0; k < 600; ++k)
    t.mutable_data<float>()[k] = shift + factor * (std::sin(0.37f * static_cast<float>(k) + static_cast<float>(i)) +
                                                   0.02f * static_cast<float>(i % 5));
  return t;
}

Graph model() {
  Graph graph =
      parse_graph("graph \"g\" {\n  input %x: f32[1,600]\n  %y: f32[1,600] = Relu(%x)\n  output %y\n}", all_ops());
  std::vector<double> numbers;
  for (int i = 0; i < 50; ++i)
    for (const double x : spread_numbers(request(i), 600, 0)) numbers.push_back(x);
  Spread input = deciles_of(std::move(numbers));
  input.name = "x";
  input.limits = {-0.99, 1.05, 0.05};
  Spread output{.name = "y"};
  Json manifest;
  manifest["watch"]["inputs"].push_back(to_json(input));
  manifest["watch"]["outputs"].push_back(to_json(output));
  graph.metadata["hone.manifest"] = manifest.dump();
  return graph;
}

/// What 100 requests that are changed like that give.
Drift drift_of(float shift, float factor) {
  DriftWatch watch(model());
  const Tensor y = request(0);
  for (int i = 0; i < 100; ++i) {
    const Tensor x = request(i, shift, factor);
    watch.see(std::span(&x, 1), std::span(&y, 1));
  }
  return watch.findings().at(0);
}

TEST(DriftWatch, InputsLikeTheCalibrationsAreNoDriftAndOthersAre) {
  const Drift same = drift_of(0, 1);
  EXPECT_EQ(same.tensor, "x");
  EXPECT_EQ(same.runs, 100);
  EXPECT_LT(same.stability.value(), 0.1);
  EXPECT_LT(same.clipped.value(), 0.15);
  EXPECT_GT(drift_of(0.5f, 1).stability.value(), 0.25);
  EXPECT_GT(drift_of(0, 0.3f).stability.value(), 0.25);
  EXPECT_GT(drift_of(0, 3).clipped.value(), 0.4);
}

TEST(DriftWatch, ForgetsWhatIsLongAgo) {
  DriftWatch watch(model());
  const Tensor y = request(0);
  const auto see = [&](int count, float shift) {
    for (int i = 0; i < count; ++i) {
      const Tensor x = request(i, shift);
      watch.see(std::span(&x, 1), std::span(&y, 1));
    }
  };
  see(1000, 0.5f);
  EXPECT_GT(watch.findings()[0].stability.value(), 0.25);
  see(2000, 0);
  EXPECT_LT(watch.findings()[0].stability.value(), 0.1);
}

TEST(DriftWatch, SaysNothingAfterFewRunsAndWithoutAManifestThatFits) {
  DriftWatch few(model());
  const Tensor x = request(0);
  few.see(std::span(&x, 1), std::span(&x, 1));
  EXPECT_FALSE(few.findings().at(0).stability.has_value());
  for (const char* manifest : {"{}", "no json", R"({"watch":{"inputs":[],"outputs":[]}})", R"({"watch":3})",
                               R"({"watch":{"inputs":[{"name":"x","shares":[1,1]}],"outputs":[{"name":"y"}]}})"}) {
    Graph graph = model();
    graph.metadata["hone.manifest"] = manifest;
    DriftWatch watch(graph);
    watch.see(std::span(&x, 1), std::span(&x, 1));
    EXPECT_TRUE(watch.findings().empty()) << manifest;
  }
}

}  // namespace
}  // namespace hone
