#include "cli/run_statistics.h"

#include <gtest/gtest.h>

namespace hone {
namespace {

RunStatistics of(std::initializer_list<int64_t> values) {
  RunStatistics out;
  for (const int64_t v : values) out.add(v);
  return out;
}

TEST(RunStatistics, ArePrintedAsTheOriginalDoes) {
  EXPECT_EQ(of({}).text(), "count=0");
  EXPECT_EQ(of({1357602}).text_with_percentiles(), "count=1 curr=1357602 p5=1357602 median=1357602 p95=1357602");
  EXPECT_EQ(of({5, 5}).text(), "count=2 curr=5(all same)");
  EXPECT_EQ(of({10, 40, 20, 30}).text(), "count=4 first=10 curr=30 min=10 max=40 avg=25 std=11");
  EXPECT_EQ(of({10, 40, 20, 30}).text_with_percentiles(),
            "count=4 first=10 curr=30 min=10 max=40 avg=25 std=11 p5=10 median=30 p95=40");
}

/// A model of one small layer runs this often while the clock is asked for a second.
TEST(RunStatistics, DescribeAMillionRunsInOnePass) {
  RunStatistics runs;
  for (int64_t i = 0; i < 1'000'000; ++i) runs.add(i % 2);
  EXPECT_EQ(runs.text_with_percentiles(), "count=1000000 first=0 curr=1 min=0 max=1 avg=0.5 std=0 p5=0 median=1 p95=1");
}

TEST(RunStatistics, MeansHaveSixDigits) {
  EXPECT_EQ(stream_number(1240270), "1.24027e+06");
  EXPECT_EQ(stream_number(56283.94), "56283.9");
  EXPECT_EQ(stream_number(5), "5");
}

/// Lines as published logs of the original have them.
TEST(ProfileTables, HaveTheOriginalsColumns) {
  std::vector<TimedNode> nodes{{.type = "AllocateTensors", .name = "AllocateTensors/0", .us = of({1356})}};
  EXPECT_EQ(
      profile_tables(nodes, false),
      "============================== Run Order ==============================\n"
      "\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]\n"
      "\t         AllocateTensors\t    1.356\t    1.356\t100.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0\n"
      "\n"
      "============================== Top by Computation Time ==============================\n"
      "\t             [node type]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]\n"
      "\t         AllocateTensors\t    1.356\t    1.356\t100.000%\t100.000%\t     0.000\t        1\tAllocateTensors/0\n"
      "\n"
      "Number of nodes executed: 1\n"
      "============================== Summary by node type ==============================\n"
      "\t             [Node type]\t  [count]\t  [avg ms]\t    [avg %]\t    [cdf %]\t  [mem KB]\t[times called]\n"
      "\t         AllocateTensors\t        1\t     1.356\t   100.000%\t   100.000%\t     0.000\t        1\n"
      "\n"
      "Timings (microseconds): count=1 curr=1356\n"
      "Memory (bytes): count=0\n"
      "1 nodes observed\n"
      "\n");
}

TEST(ProfileTables, SumRunsByNodeAndNodesByType) {
  const std::vector<TimedNode> nodes{{.type = "ADD", .name = "[a]:0", .us = of({100, 300})},
                                     {.type = "CONV_2D", .name = "[b]:1", .us = of({500, 700})},
                                     {.type = "ADD", .name = "[c, d]:2", .us = of({200, 200})}};
  const std::string text = profile_tables(nodes, false);
  const size_t top = text.find("Top by");
  EXPECT_LT(text.find("[b]:1", top), text.find("[a]:0", top));
  EXPECT_NE(
      text.find("\t                     ADD\t        2\t     0.400\t    40.000%\t   100.000%\t     0.000\t        2\n"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("Timings (microseconds): count=2 first=800 curr=1200 min=800 max=1200 avg=1000 std=200\n"),
            std::string::npos)
      << text;
  const std::string csv = profile_tables(nodes, true);
  EXPECT_NE(
      csv.find("node type, first, avg_ms, %, cdf%, mem KB, times called, name\nADD, 0.1, 0.2, 20%, 20%, 0, 1, [a]:0\n"),
      std::string::npos)
      << csv;
  EXPECT_NE(csv.find("[c\t d]:2"), std::string::npos) << "a comma would begin another column";
}

}  // namespace
}  // namespace hone
