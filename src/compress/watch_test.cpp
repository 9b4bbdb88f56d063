#include "compress/watch.h"

#include <gtest/gtest.h>

#include "data/spread.h"
#include "ir/text.h"
#include "ops/all.h"
#include "runtime/provider.h"

namespace hone {
namespace {

/// A hundred samples whose numbers are 0, 1 … 99.
SampleSource counting() {
  return {100, [](size_t i) { return std::vector<Tensor>{Tensor::of<float>({1}, {static_cast<float>(i)})}; }};
}

const Engine kEngine{.providers = {&reference_provider()}, .plan = {}};

TEST(Watched, AnInputHasItsDecilesAndAFloatHasNoLimits) {
  const Graph graph = parse_graph(R"(graph "float" {
  input %x: f32[1]
  %y = Relu(%x)
  output %y
})",
                                  all_ops());
  Json json = watched(graph, counting(), kEngine);
  const Spread x = parse_spread(json["inputs"].as_array()[0]);
  EXPECT_EQ(x.name, "x");
  ASSERT_EQ(x.edges.size(), 9u);
  for (size_t i = 0; i < x.edges.size(); ++i) EXPECT_NEAR(x.edges[i], 10.0 * static_cast<double>(i + 1), 1);
  for (const double share : x.shares) EXPECT_NEAR(share, 0.1, 0.02);
  EXPECT_FALSE(x.limits);
  const Spread y = parse_spread(json["outputs"].as_array()[0]);
  EXPECT_TRUE(y.edges.empty());
  EXPECT_FALSE(y.limits);
}

TEST(Watched, WhatIsQuantizedNextCountsHowOftenItReachesTheEnds) {
  const Graph graph = parse_graph(R"(graph "integers" {
  input %x: f32[1]
  %q: u8[1]{scale=0.25} = Quantize(%x)
  %y: f32[1] = Dequantize(%q)
  output %y
})",
                                  all_ops());
  Json json = watched(graph, counting(), kEngine);
  const Spread x = parse_spread(json["inputs"].as_array()[0]);
  ASSERT_TRUE(x.limits);
  EXPECT_DOUBLE_EQ(x.limits->low, 0.125);
  EXPECT_DOUBLE_EQ(x.limits->high, 63.625);
  EXPECT_DOUBLE_EQ(x.limits->clipped, 0.37) << "0 and 64 … 99 of 100";
  const Spread y = parse_spread(json["outputs"].as_array()[0]);
  ASSERT_TRUE(y.limits);
  EXPECT_DOUBLE_EQ(y.limits->clipped, 1.0 / 64) << "0 among the first 64 samples, which the model runs on";
}

}  // namespace
}  // namespace hone
