#include "measure/model_diff.h"

#include <gtest/gtest.h>

#include "ir/text.h"
#include "ops/all.h"

namespace hone {
namespace {

Graph graph(const std::string& weights, const std::string& act, const std::string& end) {
  return parse_graph("graph \"net\" {\n  input %x: f32[1,4]\n  const %w: f32[2,4] = " + weights +
                         "\n  %a = FullyConnected(%x, %w)" + act + "\n  %s = Tanh(%a)\n" + end + "}",
                     all_ops());
}

const std::string kWeights = "{1, 2, 3, 4, 5, 6, 7, 8}", kEnd = "  %y = Relu(%s)\n  output %y\n";

TEST(ModelDiff, EqualModelsDifferInNothing) {
  const ModelDiff d = diff_models(graph(kWeights, "", kEnd), graph(kWeights, "", kEnd));
  EXPECT_EQ(d.same, 3);
  EXPECT_TRUE(d.nodes.empty());
}

TEST(ModelDiff, NamesWhatWasAddedRemovedAndChanged) {
  const ModelDiff d = diff_models(graph(kWeights, "", kEnd),
                                  graph("{1, 2, 3, 4, 5, 6, 7, 8.5}", " {act_min=0}", "  %z = Neg(%s)\n  output %z\n"));
  ASSERT_EQ(d.nodes.size(), 3u);
  EXPECT_EQ(d.same, 1);
  EXPECT_EQ(d.nodes[0].name, "a");
  ASSERT_EQ(d.nodes[0].what.size(), 2u);
  EXPECT_NE(d.nodes[0].what[0].find("act_min=0"), std::string::npos) << d.nodes[0].what[0];
  EXPECT_NE(d.nodes[0].what[1].find("at most 0.5 off"), std::string::npos) << d.nodes[0].what[1];
  EXPECT_EQ(d.nodes[1].kind, NodeDiff::Kind::added);
  EXPECT_EQ(d.nodes[1].name, "z");
  EXPECT_EQ(d.nodes[2].kind, NodeDiff::Kind::removed);
  EXPECT_EQ(d.nodes[2].op, "Relu");
}

TEST(ModelDiff, StorageAndInputsAreToldApart) {
  const ModelDiff d =
      diff_models(graph(kWeights, "", kEnd),
                  graph(kWeights, "", "  %y: i8[1,2]{scale=0.5, zero_point=0} = Relu(%a)\n  output %y\n  output %s\n"));
  ASSERT_EQ(d.nodes.size(), 1u);
  ASSERT_EQ(d.nodes[0].what.size(), 2u);
  EXPECT_NE(d.nodes[0].what[0].find("scale=0.5"), std::string::npos);
  EXPECT_EQ(d.nodes[0].what[1], "input 0 's' -> 'a'");
}

TEST(ModelDiff, WhatReadingAndWritingAddsToNamesDoesNotCount) {
  const ModelDiff d =
      diff_models(graph(kWeights, "", kEnd),
                  graph(kWeights, "", "  %y/real/channels_first = Relu(%s)\n  output %y/real/channels_first\n"));
  EXPECT_TRUE(d.nodes.empty()) << d.nodes[0].name;
}

}  // namespace
}  // namespace hone
