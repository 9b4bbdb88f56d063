#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "data/npz.h"
#include "ir/text.h"
#include "measure/bench.h"
#include "measure/compare.h"
#include "measure/counters.h"
#include "measure/judge.h"
#include "measure/paired_latency.h"
#include "ops/all.h"

namespace hone {
namespace {

Engine reference() { return {.providers = {&reference_provider()}, .plan = {}}; }

Graph identity() {
  return parse_graph(R"(graph "g" { input %x: f32[1,3]
    %h: f32[1,3] = Relu(%x)
    %y: f32[1,3] = Relu(%h)
    output %y })",
                     all_ops());
}

Graph quantized() {
  return parse_graph(R"(graph "g" { input %x: i8[1,3]{scale=0.5, zero_point=0}
    %h: i8[1,3]{scale=0.5, zero_point=0} = Relu(%x)
    %y: i8[1,3]{scale=0.5, zero_point=0} = Relu(%h)
    output %y })",
                     all_ops());
}

TEST(Wilson, MatchesPublishedValues) {
  const Interval interval = wilson_interval(81, 263);  // Newcombe 1998, table I: 0.2553 to 0.3662
  EXPECT_NEAR(interval.low, 0.2553, 5e-5);
  EXPECT_NEAR(interval.high, 0.3662, 5e-5);
  EXPECT_EQ(wilson_interval(0, 20).low, 0);
  EXPECT_EQ(wilson_interval(20, 20).high, 1);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
}

TEST(PairedInterval, WidensForFewSamplesAndForGainsThatMeetLosses) {
  std::vector<double> a(100), b(100);
  for (size_t i = 0; i < 100; ++i) {
    a[i] = i < 90;
    b[i] = i >= 2 && i < 91;
  }
  const Interval d = paired_interval(a, b);
  EXPECT_LT(d.low, -0.01);
  EXPECT_GT(d.high, 0);
  const std::vector<double> two(2, 1.0);
  EXPECT_LT(paired_interval(two, two).low, -0.2);
}

TEST(Jackknife, GivesTheIntervalOfAMean) {
  // 1 … 9: mean 5, standard deviation 2.7386, t(8) = 2.306.
  const Interval i = jackknife_interval(9, [](const std::function<bool(int64_t)>& is_out) {
    double sum = 0, n = 0;
    for (int64_t k = 0; k < 9; ++k)
      if (!is_out(k)) sum += static_cast<double>(k + 1), n += 1;
    return sum / n;
  });
  EXPECT_NEAR(i.high - 5, 2.306 * 2.7386 / 3, 1e-3);
  EXPECT_TRUE(std::isinf(jackknife_interval(1, [](const auto&) { return 1.0; }).high));
}

TEST(Speed, CallsDifferencesInsideTheNoiseThat) {
  const auto latency = [](double median, double low, double high) {
    Latency l;
    l.runs.median = median;
    l.median = {low, high};
    return l;
  };
  EXPECT_EQ(speed_text(latency(200, 198, 202), latency(100, 99, 101)), "2.00x faster");
  EXPECT_EQ(speed_text(latency(100, 99, 101), latency(200, 198, 202)), "2.00x slower");
  EXPECT_EQ(speed_text(latency(100, 99, 101), latency(100, 99, 101)), "no faster");
  EXPECT_EQ(speed_text(latency(110, 90, 130), latency(100, 80, 120)), "no faster: the difference is within the noise");
}

TEST(Distribution, InterpolatesQuantiles) {
  const Distribution d = distribution_of({4, 1, 3, 2});
  EXPECT_EQ(d.median, 2.5);
  EXPECT_EQ(d.min, 1);
  EXPECT_NEAR(d.p95, 3.85, 1e-12);
  EXPECT_NEAR(d.stddev, 1.2909944, 1e-6);
}

TEST(ErrorSums, GivesDecibelsOfSignalOverNoise) {
  ErrorSums sums;
  const std::vector<double> a{10, 0}, b{9, 0};
  sums.add(a, b);
  EXPECT_NEAR(sums.sqnr_db(), 20, 1e-9);
  EXPECT_EQ(sums.max, 1);
  EXPECT_EQ(sums.cosine(), 1);
}

struct ArrayData {
  std::string path = "/tmp/hone-measure-test.npz";
  ArrayData() {
    const std::vector<NamedTensor> arrays{{"x", Tensor::of<float>({4, 3}, {1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 1, 2})},
                                          {"y", Tensor::of<int64_t>({4}, {0, 1, 2, 2})}};
    write_npz(path, arrays);
  }
  ~ArrayData() { std::filesystem::remove(path); }
};

InferMaker run_of(const Graph& graph) { return infer_of(graph, reference()); }

Judge judge_of(const Graph& graph, const Dataset& data, JudgeOptions options = {}) {
  static std::vector<InputSpec> specs;
  specs = input_specs(graph);
  return Judge(graph, reference(), samples_of(data, specs), labels_of(data), options);
}

TEST(Judge, IsTheSameForAnyNumberOfJobs) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  for (int jobs : {1, 3}) {
    const Judge judge = judge_of(identity(), data, {.jobs = jobs});
    EXPECT_EQ(judge.metric().name, "top1");
    EXPECT_EQ(judge.reference().value, 0.75);
    EXPECT_EQ(judge.reference().samples(), 4);
    EXPECT_EQ(judge.reference().tallies[3][1], 0);
  }
}

TEST(Judge, RefusesAnOutputThatIsNoRowOfScores) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  const Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[1,3]
    const %shape: i64[2] = {3, 1}
    %column: f32[3,1] = Reshape(%x, %shape)
    %y: f32[3,2] = Concat(%column, %column) {axis=1}
    output %column, %y
  })",
                                  all_ops());
  EXPECT_EQ(judge_of(graph, data).reference().value, 0.75);
  try {
    judge_of(graph, data, {.metric = "top1", .output = 1});
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("[3, 2], expected one row of scores"), std::string::npos) << e.what();
  }
}

TEST(Judge, StopsWhenProgressThrows) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  JudgeOptions options;
  options.progress = [](int64_t, int64_t) { throw cancelled("stopped"); };
  EXPECT_THROW(judge_of(identity(), data, options), Error);
}

Graph with_second_output(const char* second) {
  return parse_graph(std::string(R"(graph "g" { input %x: f32[1,3]
    const %k: f32[1] = {)") +
                         second + R"(}
    %y: f32[1,3] = Relu(%x)
    %z: f32[1,3] = Mul(%x, %k)
    output %y, %z })",
                     all_ops());
}

TEST(Judge, LooksAtTheOutputsThatTheMetricDoesNotJudge) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  const Judge judge = judge_of(with_second_output("2"), data);
  EXPECT_TRUE(judge.allows(judge.score(run_of(with_second_output("2.01")))).is_allowed);
  const Verdict v = judge.allows(judge.score(run_of(with_second_output("0"))));
  EXPECT_FALSE(v.is_allowed);
  EXPECT_NE(v.reason.find("output 'z' reaches 0 dB"), std::string::npos) << v.reason;
}

TEST(Judge, NeverAllowsNumbersThatAreNotFinite) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  const Graph broken = parse_graph(R"(graph "g" { input %x: f32[1,3]
    %h: f32[1,3] = Log(%x)
    %y: f32[1,3] = Sub(%h, %h)
    output %y })",
                                   all_ops());
  const Judge judge = judge_of(identity(), data);
  const Score score = judge.score(run_of(broken));
  EXPECT_EQ(score.non_finite, 3);
  EXPECT_EQ(score.value, 0);
  EXPECT_NE(judge.allows(score).reason.find("NaN or infinite numbers on 3 of 4"), std::string::npos);
}

TEST(Judge, AsksACommandThatScoresAFolderOfOutputs) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  const Judge judge =
      judge_of(identity(), data, {.command = "ls -d {outputs}/0* | wc -l; grep -c , {outputs}/samples.csv >&2"});
  EXPECT_EQ(judge.metric().name, "command");
  EXPECT_EQ(judge.reference().value, 4);
  EXPECT_EQ(judge.score(run_of(identity())).value, 4);
  EXPECT_THROW(judge_of(identity(), data, {.command = "false"}), Error);
  EXPECT_THROW(judge_of(identity(), data, {.command = "echo good"}), Error);
}

TEST(Judge, StopsWhereTheMetricSaysNothing) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path).subset({2, 3});  // both of class 2
  EXPECT_THROW(judge_of(identity(), data), Error);
  const Judge judge = judge_of(identity(), data, {.is_strict = false});
  EXPECT_NE(judge.undefined().find("one class"), std::string::npos);
}

TEST(Compare, MeasuresLayersAndOutputsOfFloatAndInt8) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  const Graph a = identity(), b = quantized();
  const Comparison c = compare_models(a, b, reference(), data, input_specs(a), input_specs(b));
  EXPECT_EQ(c.samples, 4);
  ASSERT_EQ(c.layers.size(), 2u);
  EXPECT_EQ(c.layers[0].name, "h");
  EXPECT_EQ(c.outputs[0].error.max, 0);
}

TEST(Compare, MatchesLayersWhoseNamesAFormatDecorated) {
  const ArrayData arrays;
  const Dataset data = Dataset::open(arrays.path);
  const Graph a = parse_graph(R"(graph "g" { input %x: f32[1,3]
    %net/h_output_0: f32[1,3] = Relu(%x)
    %y: f32[1,3] = Relu(%net/h_output_0)
    output %y })",
                              all_ops());
  const Graph b = parse_graph(R"(graph "g" { input %x: f32[1,3]
    %net/h/unclamped/channels_last: f32[1,3] = Relu(%x)
    %y: f32[1,3] = Relu(%net/h/unclamped/channels_last)
    output %y })",
                              all_ops());
  const Comparison c = compare_models(a, b, reference(), data, input_specs(a), input_specs(b));
  ASSERT_EQ(c.layers.size(), 2u);
  EXPECT_EQ(c.layers[0].name, "net/h/unclamped/channels_last");
}

TEST(Bench, ReportsEveryFieldOfItsJson) {
  BenchOptions options;
  options.min_runs = 5;
  options.min_seconds = 0;
  options.steps = true;
  const BenchResult r = run_bench([] { return Program::as_is(identity(), reference()); }, {}, options);
  EXPECT_EQ(r.latency_us.count, 5);
  EXPECT_EQ(r.provider, "reference");
  EXPECT_EQ(r.steps.size(), 2u);
  const Json json = to_json(r);
  for (const char* key : {"load_us", "first_us", "peak_rss_bytes", "provider"}) EXPECT_TRUE(json.find(key)) << key;
  EXPECT_TRUE(json.find("latency_us")->find("p95"));
}

TEST(CounterGroup, ReadsTheMembersOfAGroupByTheirPlaces) {
  // No cache misses on this machine: branch misses are the third member.
  const std::vector<uint64_t> raw = {3, 1000, 1000, 500, 900, 7};
  EXPECT_EQ(counters_of_group(raw, {0, 1, -1, 2}), (Counters{500, 900, -1, 7}));
}

TEST(CounterGroup, ScalesWhatWasCountedPartOfTheTime) {
  const std::vector<uint64_t> raw = {2, 1000, 250, 500, 900};
  EXPECT_EQ(counters_of_group(raw, {0, 1, -1, -1}), (Counters{2000, 3600, -1, -1}));
}

TEST(CounterGroup, CountsNothingWhenItNeverRanOrCouldNotBeRead) {
  const std::vector<uint64_t> idle = {1, 1000, 0, 0};
  EXPECT_EQ(counters_of_group(idle, {0, -1, -1, -1}), (Counters{-1, -1, -1, -1}));
  EXPECT_EQ(counters_of_group({}, {0, 1, 2, 3}), (Counters{-1, -1, -1, -1}));
}

TEST(CounterGroup, CountsThisThreadOrSaysWhyNot) {
  const CounterGroup group;
  EXPECT_NE(group.is_open(), !group.reason().empty());
  if (!group.is_open()) return;
  const Counters before = group.read();
  double sum = 0;
  for (int i = 0; i < 1'000'000; ++i) sum += std::sqrt(static_cast<double>(i));
  EXPECT_GT(sum, 0);
  const Counters after = group.read();
  if (before[1] >= 0) {
    EXPECT_GT(after[1] - before[1], 1'000'000);
  }
}

}  // namespace
TEST(ParallelSamples, ReportTheFirstSampleThatFailsWhateverFailsFirst) {
  std::atomic<bool> has_failed{false};
  const auto body = [&](int64_t i, int) {
    if (i == 0)
      while (!has_failed) std::this_thread::yield();
    if (i == 1) has_failed = true;
    throw invalid_argument(cat("sample ", i));
  };
  try {
    parallel_samples(8, 2, {}, body);
    FAIL() << "nothing was thrown";
  } catch (const Error& e) {
    EXPECT_EQ(e.message(), "sample 0");
  }
}

}  // namespace hone
