#include "compress/doctor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "compress/calibrate.h"
#include "compress/doctor_checks.h"
#include "compress/quantize.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

/// A layer, something behind it, and another layer.
Graph net(const std::string& middle, const std::string& constants = {}, const std::string& end = {}) {
  return parse_graph(
      "graph \"net\" {\n  input %x: f32[1,4,4,8]\n  const %w1: f32[16,3,3,8] = random(1)\n"
      "  const %w2: f32[8,1,1,16] = random(2)\n" +
          constants + "  %a = Conv(%x, %w1) {pads=[1, 1, 1, 1]}\n" + middle + "  %y = Conv(%b, %w2)\n" +
          (end.empty() ? "  output %y\n" : end) + "}",
      all_ops());
}

ValueId find(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.value_capacity(); ++i)
    if (const ValueId id{static_cast<int32_t>(i)}; graph.value(id).name == name) return id;
  return {};
}

/// `graph` with some of the numbers of a constant scaled.
Graph scaled(Graph graph, const std::string& name, size_t begin, size_t count, float factor) {
  const ValueId id = find(graph, name);
  Tensor t = graph.value(id).constant.clone();
  for (float& v : t.mutable_data<float>().subspan(begin, count)) v *= factor;
  graph.set_constant(id, t);
  return graph;
}

std::set<std::string> checks_of(const Graph& graph) {
  std::set<std::string> out;
  for (const Finding& f : examine(graph).findings) out.emplace(f.check);
  return out;
}

const std::string kRelu = "  %b = Relu(%a)\n";

TEST(Doctor, FindsNothingInAHealthyModelAndSaysWhatToTypeNext) {
  const Diagnosis found = examine(net(kRelu));
  EXPECT_TRUE(found.findings.empty()) << found.findings[0].found;
  EXPECT_EQ(found.next, "hone optimize MODEL --data DIR --max-drop 1 -o out/");
  EXPECT_EQ(found.wins.float16_bytes * 2, found.wins.bytes);
  EXPECT_EQ(found.wins.integer_macs, 1);
}

TEST(Doctor, AChannelOfLargeWeightsIsNamedWithItsLayer) {
  const Graph graph = scaled(net(kRelu), "w1", 72, 72, 50);
  std::vector<Finding> findings;
  look_at_channels({.given = graph, .graph = graph, .is_known = true, .is_integer = false}, findings);
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].nodes, std::vector<std::string>{"a"});
}

TEST(Doctor, EachSicknessIsFoundByItsCheckAlone) {
  using Checks = std::set<std::string>;
  EXPECT_EQ(checks_of(scaled(net(kRelu), "w1", 0, 72, 0)), Checks{"dead"});
  EXPECT_EQ(checks_of(scaled(net(kRelu), "w1", 72, 72, 50)), Checks{"channels"});
  EXPECT_EQ(checks_of(scaled(net(kRelu), "w1", 5, 1, std::numeric_limits<float>::quiet_NaN())), Checks{"numbers"});
  EXPECT_EQ(checks_of(scaled(net(kRelu), "w1", 0, 1152, 1e6f)), Checks{"float16"});
  EXPECT_EQ(checks_of(net("  %s = Sigmoid(%a)\n  %b = Mul(%a, %s)\n")), Checks{"tails"});
  EXPECT_EQ(checks_of(net("  %b = Erf(%a)\n")), Checks{"islands"});
  EXPECT_EQ(checks_of(net("  %b = Transpose(%a) {perm=[0, 2, 1, 3]}\n")), Checks{"transposes"});
  EXPECT_EQ(checks_of(net(kRelu, "", "  %s = Sigmoid(%y)\n  %z = Concat(%y, %s) {axis=3}\n  output %z\n")),
            Checks{"units"});
  EXPECT_EQ(checks_of(net("  %c = Add(%a, %k)\n  %b = Mul(%c, %l)\n",
                          "  const %k: f32[4,4,16] = random(3)\n  const %l: f32[4,4,16] = random(3)\n")),
            Checks{"duplicates"});
}

TEST(Doctor, OpenSizesAreAHint) {
  const Graph graph = parse_graph("graph \"net\" {\n  input %x: f32[b,n]\n  %y = Relu(%x)\n  output %y\n}", all_ops());
  EXPECT_EQ(checks_of(graph), std::set<std::string>{"sizes"});
}

TEST(Doctor, IntegerLayersThatOverflowInPairsAreNamed) {
  const Graph graph = net(kRelu);
  Ranges ranges;
  for (const char* name : {"x", "a", "b", "y"}) ranges[name] = {-4, 4};
  const Diagnosis found = examine(quantize_static(graph, ranges));
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].check, "saturation");
  EXPECT_EQ(found.next, "hone bench MODEL");
}

TEST(Doctor, EveryCheckIsDescribed) {
  std::set<std::string_view> names;
  for (const DoctorCheck& check : all_doctor_checks()) {
    EXPECT_TRUE(names.insert(check.name).second) << check.name;
    EXPECT_FALSE(check.about.empty()) << check.name;
  }
}

}  // namespace
}  // namespace hone
