#include "report/view.h"

#include <gtest/gtest.h>

#include <cmath>

#include "report/breakdown.h"
#include "report/outcome_json.h"

namespace hone {
namespace {

/// Three samples of two classes; the chosen candidate loses the last one, the other was too slow to be kept.
Outcome outcome() {
  Outcome o;
  o.metric = find_metric("top1", {.outputs = {{.name = "y", .dims = {1, 2}}}, .labels = {0, 1, 1}});
  o.budget.max_drop = 1;
  o.source_path = "/somewhere/net.onnx";
  o.runtime = "hone";
  o.test_samples = 3;
  o.labels.of_samples = {0, 1, 1};
  o.labels.classes = {"cat", "dog"};
  o.baseline.id = "float";
  o.baseline.size_bytes = 4000;
  o.baseline.score.value = 1;
  o.baseline.score.tallies = {.width = 1, .numbers = {1, 1, 1}};
  Candidate chosen = o.baseline, slow = o.baseline;
  chosen.id = "int8-mse";
  chosen.label = "int8 (mse)";
  chosen.is_kept = true;
  chosen.size_bytes = 1000;
  chosen.score.value = 2.0 / 3;
  chosen.score.tallies = {.width = 1, .numbers = {1, 1, 0}};
  chosen.latency.runs.median = 12;
  slow.reason = "slower than the chosen one";
  slow.size_bytes = 0;
  o.candidates = {slow, chosen};
  o.chosen = 1;
  o.steps_before = {
      {.name = "a", .op = "Conv", .us = 5}, {.name = "b", .op = "Relu", .us = 1}, {.name = "c", .op = "Conv", .us = 3}};
  o.steps_after = {{.name = "a", .op = "Conv", .us = 2}, {.name = "q", .op = "Quantize", .us = 6}};
  return o;
}

TEST(Breakdown, TimesOfOperatorsAreSummedTheSlowestFirst) {
  const std::vector<OperatorTime> times = operator_times(outcome());
  ASSERT_EQ(times.size(), 3u);
  EXPECT_EQ(times[0].op, "Conv");
  EXPECT_EQ(times[0].before_us, 8);
  EXPECT_EQ(times[0].after_us, 2);
  EXPECT_EQ(times[1].op, "Quantize");
  EXPECT_EQ(times[1].before_us, 0);
}

TEST(Breakdown, ClassesSayWhatBecameOfThem) {
  const std::vector<ClassChange> classes = class_changes(outcome());
  ASSERT_EQ(classes.size(), 2u);
  EXPECT_EQ(classes[0].name, "cat");
  EXPECT_EQ(classes[0].after, 1);
  EXPECT_EQ(classes[1].name, "dog");
  EXPECT_EQ(classes[1].samples, 2);
  EXPECT_EQ(classes[1].before, 1);
  EXPECT_EQ(classes[1].after, 0.5);
  Outcome unlabelled = outcome();
  unlabelled.labels = {};
  EXPECT_TRUE(class_changes(unlabelled).empty());
}

TEST(View, ShowsPercentAndLeavesWhatNoFileHoldsUnknown) {
  const report::Report r = report::view_of(outcome(), {.command = "hone optimize", .tool_version = "1"});
  EXPECT_EQ(r.model_name, "net.onnx");
  EXPECT_EQ(r.baseline.accuracy.value, 100);
  EXPECT_EQ(r.floor(), 99);
  ASSERT_NE(r.chosen(), nullptr);
  EXPECT_EQ(r.chosen()->label, "int8 (mse)");
  EXPECT_EQ(r.chosen()->number, 2);
  EXPECT_EQ(r.chosen()->latency_us.value, 12);
  EXPECT_EQ(r.candidates[0].status, report::Status::kRejected);
  EXPECT_FALSE(r.candidates[0].latency_us.has_value());
  EXPECT_TRUE(std::isnan(r.candidates[0].size_bytes));
}

TEST(OutcomeJson, HasWhatItsContractNames) {
  const Json j = to_json(outcome(), {.command = "hone optimize", .tool_version = "1"});
  const std::string text = j.dump();
  for (const char* part : {"\"schema_version\":2", "\"chosen\":\"int8-mse\"", "\"status\":\"rejected\"",
                           "\"reason\":\"slower than the chosen one\"", "\"runtime\":\"hone\"", "\"unseen\":null",
                           "\"split_seed\":null", "\"op\":\"Quantize\"", "\"name\":\"dog\""})
    EXPECT_NE(text.find(part), std::string::npos) << part << " in " << text;
}

}  // namespace
}  // namespace hone
