// What `optimize` announces of a candidate is the time of a list of steps. Files of equal steps must need as many
// instructions, those that are delivered included, or the time announced is not theirs.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/file.h"
#include "base/text.h"
#include "compress/file_forms.h"
#include "compress/job.h"
#include "formats/formats.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "providers/cpu/provider.h"
#include "support/instructions.h"

namespace hone {
namespace {

constexpr double kAsFast = 1.1;

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,12,12,16]
  const %w1: f32[32,3,3,16] = random(1)
  const %w2: f32[32,3,3,1] = random(2)
  const %w3: f32[16,1,1,32] = random(3)
  const %wf: f32[4,16] = random(5)
  const %axes: i64[2] = {1, 2}
  %c: f32[1,12,12,32] = Conv(%x, %w1) {pads=[1, 1, 1, 1], act_min=0}
  %d: f32[1,12,12,32] = Conv(%c, %w2) {pads=[1, 1, 1, 1], groups=32, act_min=0}
  %e: f32[1,12,12,16] = Conv(%d, %w3)
  %p: f32[1,16] = ReduceMean(%e, %axes) {keepdims=false}
  %y: f32[1,4] = FullyConnected(%p, %wf)
  output %y
})";

/// Noise, around a number of its own in each channel.
Tensor sample(size_t i) {
  Tensor x = Tensor::empty(DType::kF32, {1, 12, 12, 16});
  uint64_t state = 7 + i;
  const auto next = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<double>(state >> 11) * 0x1p-52 - 1);
  };
  float middles[16];
  for (float& middle : middles) middle = 2 * next();
  const std::span<float> values = x.mutable_data<float>();
  for (size_t k = 0; k < values.size(); ++k) values[k] = middles[k % 16] + 0.2f * next();
  return x;
}

SampleSource samples(size_t from, size_t count) {
  return {count, [from](size_t i) { return std::vector<Tensor>{sample(from + i)}; }};
}

Outcome optimized(const std::string& directory) {
  Job job;
  job.source = source_model(parse_graph(kNet, all_ops()));
  job.budget.max_drop = 30;
  job.latency_seconds = 0;
  job.mixed = false;
  job.calibrators = {"minmax", "percentile"};
  job.directory = directory;
  job.calibration = samples(0, 16);
  job.test = samples(100, 40);
  for (size_t i = 0; i < 40; ++i) {
    const std::vector<Tensor> inputs = job.test.inputs(i);
    const std::vector<double> y = to_doubles(evaluate(job.source.graph, inputs)[0]);
    job.labels.of_samples.push_back(std::max_element(y.begin(), y.end()) - y.begin());
  }
  return run_job(job, {.providers = {&cpu_provider()}, .plan = {}});
}

TEST(Announced, FilesOfTheSameStepsNeedAsManyInstructions) {
  if (!has_callgrind()) GTEST_SKIP() << "no valgrind: apt-get install valgrind";
  const TemporaryFolder folder;
  const Outcome outcome = optimized(folder.path() + "/out");
  ASSERT_GE(outcome.chosen, 0);
  std::vector<std::string> files, steps;
  for (const Deliverable& d : outcome.files) {
    files.push_back(d.file.path);
    steps.push_back(d.file.steps);
  }
  const std::vector<Tensor> inputs = {sample(0)};
  for (const Candidate& c : outcome.candidates)
    for (const FileForm& announced : c.files) {
      if (std::find(steps.begin(), steps.end(), announced.steps) == steps.end() || files.size() >= 6) continue;
      files.push_back(write_form(c.graph, announced.format, folder.path(), c.id + announced.format).path);
      steps.push_back(announced.steps);
    }
  ASSERT_GT(files.size(), outcome.files.size());
  std::string command = HONE_COUNTED_RUNS;
  for (const std::string& file : files) command += cat(" ", file);
  const std::vector<double> counts = count_instructions(command).counts;
  ASSERT_EQ(counts.size(), files.size());
  std::map<std::string, std::pair<double, double>> ranges;
  for (size_t i = 0; i < counts.size(); ++i) {
    auto& [low, high] = ranges.try_emplace(steps[i], counts[i], counts[i]).first->second;
    low = std::min(low, counts[i]);
    high = std::max(high, counts[i]);
  }
  for (const auto& [text, range] : ranges) {
    EXPECT_GT(range.first, 1e4) << text;
    EXPECT_LE(range.second, kAsFast * range.first) << text;
  }
}

}  // namespace
}  // namespace hone
