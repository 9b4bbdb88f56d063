#include "compress/optimize.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <string>

#include "compress/dequantize.h"
#include "compress/quantize.h"
#include "data/npy.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,4,4,8]
  const %w1: f32[16,3,3,8] = random(1)
  const %wf: f32[4,16] = random(5)
  const %axes: i64[2] = {1, 2}
  %c: f32[1,4,4,16] = Conv(%x, %w1) {pads=[1, 1, 1, 1], act_min=0}
  %p: f32[1,16] = ReduceMean(%c, %axes) {keepdims=false}
  %y: f32[1,4] = FullyConnected(%p, %wf)
  output %y
})";

/// Random samples whose labels are what `graph` decides, but for every tenth, in a folder of arrays.
class Labelled {
 public:
  Labelled(const Graph& graph, int64_t count) {
    char name[] = "/tmp/hone-optimize-XXXXXX";
    path_ = ::mkdtemp(name);
    Tensor x = Tensor::empty(DType::kF32, {count, 4, 4, 8}), y = Tensor::empty(DType::kI64, {count});
    uint64_t state = 7;
    for (float& v : x.mutable_data<float>()) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      v = static_cast<float>(static_cast<double>(state >> 11) * 0x1p-52 - 1);
    }
    for (int64_t i = 0; i < count; ++i) {
      Tensor sample = Tensor::empty(DType::kF32, {1, 4, 4, 8});
      const auto all = x.data<float>();
      std::copy_n(all.begin() + i * 128, 128, sample.mutable_data<float>().begin());
      const std::vector<Tensor> inputs = {sample};
      const std::vector<double> scores = to_doubles(evaluate(graph, inputs)[0]);
      const int64_t best = std::max_element(scores.begin(), scores.end()) - scores.begin();
      y.mutable_data<int64_t>()[static_cast<size_t>(i)] = i % 10 == 0 ? (best + 1) % 4 : best;
    }
    write_npy(path_ + "/x.npy", x);
    write_npy(path_ + "/y.npy", y);
  }
  ~Labelled() { std::filesystem::remove_all(path_); }
  Labelled(const Labelled&) = delete;
  Labelled& operator=(const Labelled&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

OptimizeResult search(const Graph& graph, const std::string& path) {
  OptimizeOptions options;
  options.max_drop_points = 5;
  options.objective = Objective::kSize;
  options.latency_seconds = 0;
  options.engine = {.providers = {&reference_provider()}};
  const DataSplit data = split_data(path, {}, 20, 0);
  return optimize(graph, data, input_specs(graph), options);
}

TEST(Optimize, MeasuresADynamicRangeModelAsGivenAndStartsFromItsRealWeights) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Graph dynamic = quantize_dynamic_range(graph);
  ASSERT_TRUE(has_integer_weights(dynamic));
  const Labelled data(graph, 120);
  const OptimizeResult result = search(dynamic, data.path());
  EXPECT_EQ(result.baseline.id, "given");
  EXPECT_TRUE(has_integer_weights(result.baseline.graph));
  ASSERT_FALSE(result.candidates.empty());
  EXPECT_EQ(result.candidates[0].id, "float");
  EXPECT_FALSE(has_integer_weights(result.candidates[0].graph));
  EXPECT_GT(result.candidates[0].size_bytes, result.baseline.size_bytes);
}

TEST(Optimize, MeasuresAFloatModelAsItIs) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  const OptimizeResult result = search(graph, data.path());
  EXPECT_EQ(result.baseline.id, "float");
  EXPECT_GT(result.baseline.score, 0.85);
  EXPECT_LT(result.baseline.score, 1);
  EXPECT_EQ(result.candidates[0].id, "float16");
  EXPECT_EQ(result.baseline.right.size(), 100u);
  EXPECT_GT(result.unseen.repeats, 0);
  EXPECT_LE(result.unseen.interval.low, result.unseen.interval.high);
}

TEST(Optimize, CandidatesThatExecuteTheSameStepsAreEquallyFast) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 60);
  const OptimizeResult result = search(graph, data.path());
  std::set<double> typical;
  double sum = 0;
  int count = 0;
  for (const Candidate& c : result.candidates) {
    if (c.kind != "int8") continue;
    typical.insert(c.typical_us);
    sum += c.latency_us.median;
    ++count;
  }
  ASSERT_EQ(count, 4);
  ASSERT_EQ(typical.size(), 1u);
  EXPECT_NEAR(*typical.begin(), sum / count, 1e-6);
}

TEST(Optimize, KeepsOnlyWhatStaysInsideTheBudget) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  const OptimizeResult result = search(quantize_dynamic_range(graph), data.path());
  for (const Candidate& c : result.candidates) {
    const double worst = std::max(result.baseline.score, result.candidates[0].score);
    EXPECT_EQ(c.is_kept, 100 * (worst - c.score) <= 5 + 1e-9) << c.id;
    EXPECT_EQ(c.is_kept, c.reason.empty()) << c.id;
  }
}

}  // namespace
}  // namespace hone
