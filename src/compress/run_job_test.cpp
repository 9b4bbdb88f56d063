#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <set>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "compress/data_split.h"
#include "compress/deliver.h"
#include "compress/dequantize.h"
#include "compress/file_forms.h"
#include "compress/job.h"
#include "compress/manifest.h"
#include "compress/quantize.h"
#include "compress/repeat.h"
#include "compress/search.h"
#include "container/json.h"
#include "data/npy.h"
#include "formats/formats.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "providers/cpu/provider.h"

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,4,4,8]
  const %w1: f32[16,3,3,8] = random(1)
  const %wf: f32[4,16] = random(5)
  const %axes: i64[2] = {1, 2}
  %c: f32[1,4,4,16] = Conv(%x, %w1) {pads=[1, 1, 1, 1]}
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

const Engine& engine() {
  static const Engine kEngine{.providers = {&reference_provider()}, .plan = {}};
  return kEngine;
}

/// A job with the data that its samples come from.
struct Prepared {
  Prepared(const Graph& graph, const std::string& path, const std::string& directory = {})
      : data(split_data(path, {}, 20, 0)) {
    job.source = source_model(graph);
    inputs = input_specs(job.source.graph);
    job.budget.max_drop = 5;
    job.objective = Objective::kSize;
    job.latency_seconds = 0;
    job.directory = directory;
    job.calibration = samples_of(data.calibration, inputs);
    job.test = samples_of(data.test, inputs);
    job.labels = labels_of(data.test);
  }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;

  DataSplit data;
  std::vector<InputSpec> inputs;
  Job job;
};

Outcome search(const Graph& graph, const std::string& path, const std::string& directory = {}) {
  return run_job(Prepared(graph, path, directory).job, engine());
}

TEST(Job, MeasuresADynamicRangeModelAsGivenAndStartsFromItsRealWeights) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Graph dynamic = quantize_dynamic_range(graph);
  ASSERT_TRUE(has_integer_weights(dynamic));
  const Labelled data(graph, 120);
  const Outcome result = search(dynamic, data.path());
  EXPECT_EQ(result.baseline.id, "given");
  EXPECT_TRUE(has_integer_weights(result.baseline.graph));
  ASSERT_FALSE(result.candidates.empty());
  EXPECT_EQ(result.candidates[0].id, "float-weights");
  EXPECT_FALSE(has_integer_weights(result.candidates[0].graph));
  EXPECT_GT(result.candidates[0].size_bytes, result.baseline.size_bytes);
}

TEST(Job, MeasuresAFloatModelAsItIs) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  const Outcome result = search(graph, data.path());
  EXPECT_EQ(result.baseline.id, "float");
  EXPECT_EQ(result.metric.name, "top1");
  EXPECT_GT(result.baseline.score.value, 0.85);
  EXPECT_LT(result.baseline.score.value, 1);
  EXPECT_EQ(result.candidates[0].id, "float16-weights");
  EXPECT_EQ(result.baseline.score.samples(), 100);
  EXPECT_GT(result.unseen.repeats, 0);
  EXPECT_LE(result.unseen.interval.low, result.unseen.interval.high);
}

TEST(Job, TrainsBackWhatPruningLostWithinATime) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  Job job;
  job.source = source_model(graph);
  job.latency_seconds = 0;
  job.calibrators = {"minmax"};
  job.mixed = false;
  job.prune = {0.5};
  job.recover_seconds = 0.5;
  const DataSplit split = split_data(data.path(), {}, 60, 0);
  const std::vector<InputSpec> inputs = input_specs(job.source.graph);
  job.calibration = samples_of(split.calibration, inputs);
  job.test = samples_of(split.test, inputs);
  job.labels = labels_of(split.test);
  const Engine engine{.providers = {&cpu_provider()}, .plan = {}};
  const Outcome result = run_job(job, engine);
  double pruned = 2, recovered = 2;
  for (const Candidate& c : result.candidates) {
    if (c.recipe.steps.front().type().op_name != "prune") continue;
    if (!c.recipe.trains()) pruned = c.score.value;
    if (c.recipe.trains() && recovered == 2) recovered = c.score.value;
  }
  ASSERT_LT(pruned, result.baseline.score.value);
  EXPECT_LT(recovered, 2) << "nothing was trained";
  EXPECT_GE(recovered, pruned);
  job.recover_seconds = 0;
  for (const Candidate& c : run_job(job, engine).candidates) EXPECT_FALSE(c.recipe.trains()) << c.label;
  job.recover_seconds = 0.5;
  job.calibration.count = 4;
  EXPECT_THROW(run_job(job, engine), Error) << "four samples are too few to train on";
}

TEST(Job, CandidatesThatExecuteTheSameStepsAreEquallyFast) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 60);
  const Outcome result = search(graph, data.path());
  std::set<double> medians;
  for (const Candidate& c : result.candidates)
    if (c.recipe.steps.size() == 1 && c.recipe.kind() == "int8" && c.recipe.float_layers().empty() &&
        c.recipe.steps[0].as<Int8>().rounding == Rounding::nearest)
      medians.insert(c.latency.runs.median);
  EXPECT_EQ(medians.size(), 1u);
}

TEST(Job, EveryCandidateIsTimedAsItsFilesRun) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 60);
  const Outcome result = search(graph, data.path());
  for (const Candidate& c : result.candidates) {
    ASSERT_EQ(c.files.size(), 2u) << c.id;
    for (const FileForm& f : c.files) {
      EXPECT_EQ(f.runtime, "hone");
      EXPECT_GT(f.bytes, 0) << c.id << " " << f.problem;
      EXPECT_NE(f.steps, "");
      EXPECT_LE(f.latency.runs.median, c.latency.runs.median);
      EXPECT_GE(f.bytes, c.size_bytes);
    }
  }
}

/// A time stands for a list of steps, so what is announced holds when the delivered file executes the same list.
TEST(Job, EveryCandidateWouldDeliverFilesOfTheStepsThatItsTimeIsOf) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 60);
  const Engine engine{.providers = {&reference_provider()}, .plan = {}};
  for (const Graph& source : {graph, quantize_dynamic_range(graph)}) {
    const Outcome result = search(source, data.path());
    const std::vector<Tensor> sample = {Tensor::zeros(DType::kF32, {1, 4, 4, 8})};
    for (const Candidate& c : result.candidates)
      for (const FileForm& announced : c.files) {
        Graph delivered = c.graph;
        delivered.metadata["hone.manifest"] = "{}";
        FileForm form = write_form(delivered, announced.format, data.path(), "delivered");
        FileRuntime(engine, nullptr).open(form, delivered, sample);
        EXPECT_EQ(form.steps, announced.steps) << c.id << " as " << announced.format;
        EXPECT_EQ(form.memory_bytes, announced.memory_bytes) << c.id << " as " << announced.format;
      }
  }
}

TEST(Job, TheChosenTimeIsOfTheStepsOfTheDeliveredFiles) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 60);
  const Outcome result = search(graph, data.path(), data.path() + "/out");
  ASSERT_EQ(result.files.size(), result.best().files.size());
  for (size_t i = 0; i < result.files.size(); ++i)
    EXPECT_EQ(result.files[i].file.steps, result.best().files[i].steps) << result.files[i].file.path;
}

TEST(Job, WhatItDeliversSaysHowItCameToBeAndReadsBackTheSame) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  const Outcome result = search(graph, data.path(), data.path() + "/out");
  ASSERT_GE(result.chosen, 0);
  ASSERT_EQ(result.files.size(), 2u);
  EXPECT_TRUE(result.is_proven());
  for (const Deliverable& d : result.files) {
    EXPECT_TRUE(std::filesystem::exists(d.file.path)) << d.file.path;
    EXPECT_EQ(d.same_samples, 100) << d.file.path;
  }
  const std::string manifest = read_model(result.files[0].file.path).metadata.at("hone.manifest");
  EXPECT_NE(manifest.find("\"recipe\":" + json_quoted(to_text(result.best().recipe))), std::string::npos) << manifest;
  EXPECT_NE(manifest.find("at most 5.00 points lost"), std::string::npos) << manifest;
}

TEST(Job, KeepsOnlyWhatStaysInsideTheBudget) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  const Outcome result = search(quantize_dynamic_range(graph), data.path());
  for (const Candidate& c : result.candidates) {
    const double best = std::max(result.baseline.score.value, result.candidates[0].score.value);
    EXPECT_EQ(c.is_kept, 100 * (best - c.score.value) <= 5 + 1e-9) << c.id;
    EXPECT_EQ(c.is_kept, c.reason.empty()) << c.id;
  }
}

TEST(Job, ItsManifestMakesTheSameBytesAgain) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 120);
  Prepared prepared(graph, data.path(), data.path() + "/out");
  Job& job = prepared.job;
  job.formats = {"tflite"};
  const Outcome result = run_job(job, engine());
  ASSERT_EQ(result.files.size(), 1u);
  for (const Deliverable& d : result.files) {
    const Graph written = read_model(d.file.path);
    const JobRecipe recipe = parse_job_recipe(written.metadata.at(std::string(kManifestKey)));
    EXPECT_EQ(recipe.recipe, result.best().recipe);
    EXPECT_EQ(recipe.recipe, recipe_of(job, result).recipe);
    EXPECT_TRUE(repeated_file(written, recipe, job.source, job.calibration, engine(), d.file.format) ==
                read_file(d.file.path))
        << d.file.path;
  }
}

TEST(Deliver, AFolderThatNothingCameIntoIsGoneAgain) {
  char name[] = "/tmp/hone-deliver-XXXXXX";
  const std::filesystem::path base = ::mkdtemp(name);
  const auto made = base / "new/out";
  { const ResultFolder folder(made.string()); }
  EXPECT_FALSE(std::filesystem::exists(made));
  {
    ResultFolder folder(made.string());
    const std::string file = folder.workshop() + "/model.onnx";
    write_file(file, "whole");
    EXPECT_EQ(folder.final_path(file), (made / "model.onnx").string());
    EXPECT_FALSE(std::filesystem::exists(made / "model.onnx")) << "seen before it was proven";
    folder.publish();
  }
  EXPECT_EQ(read_file((made / "model.onnx").string()), "whole");
  std::filesystem::remove_all(base);
}

TEST(Search, FillsCandidatesAndChoiceAndWritesNothing) {
  const Graph graph = parse_graph(kNet, all_ops());
  const Labelled data(graph, 60);
  const Prepared prepared(graph, data.path());
  const Job& job = prepared.job;
  const Judge judge(job.source.graph, engine(), job.test, job.labels, {.budget = job.budget});
  Outcome out;
  out.baseline.score = judge.reference();
  search(job, engine(), judge, {}, out);
  EXPECT_GE(out.chosen, 0);
  EXPECT_GT(out.candidates.size(), 4u);
  EXPECT_TRUE(out.files.empty());
}

/// A candidate of this accuracy and this median, µs, one to either side.
Candidate measured(double accuracy, double us) {
  Candidate c;
  c.score.value = accuracy;
  c.latency.runs.median = us;
  c.latency.median = {us - 1, us + 1};
  return c;
}

TEST(Search, SaysWhyACandidateWasNotTaken) {
  const Metric metric = find_metric("top1", {.outputs = {{.name = "y", .dims = {1, 4}}}, .labels = {0, 1}});
  const Candidate best = measured(0.9, 50);
  const auto why = [&](const Candidate& c, bool is_given = false) { return why_not_taken(c, best, metric, is_given); };
  EXPECT_EQ(why(measured(0.9, 74)), "slower than the chosen one");
  EXPECT_EQ(why(measured(0.9, 74), true), "slower than the model as given");
  EXPECT_EQ(why(measured(0.8, 51)), "no faster than the chosen one, which is more accurate");
  EXPECT_EQ(why(measured(0.9, 51)), "no better than the chosen one");
  EXPECT_EQ(why(measured(0.8, 49)), "not measurably faster than the chosen one, which is more accurate");
  EXPECT_EQ(why(measured(0.9, 49)), "not measurably faster than the chosen one, and larger");
}

}  // namespace
}  // namespace hone
