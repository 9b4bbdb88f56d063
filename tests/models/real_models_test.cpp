// The main job on real models and data: what int8 may cost, and what must survive it. Skipped where the data is absent;
// bench/results.sh runs the same on all of the data and records it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "compress/data_split.h"
#include "compress/dequantize.h"
#include "compress/job.h"
#include "compress/pixels.h"
#include "compress/quantize.h"
#include "data/npy.h"
#include "formats/formats.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "support/test_data.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

Engine cpu_engine() { return {.providers = {&cpu_provider()}, .plan = {.threads = 1}}; }

Graph read_simplified(const std::string& path) {
  Graph graph = read_model(path);
  run_pipeline(graph, standard_pipeline());
  return graph;
}

/// An archive of CIFAR-10 unpacked once beside the build.
std::optional<std::string> cifar(const std::string& part) {
  const auto archive = test_data("cifar10/" + part + ".tar.gz");
  if (!archive) return std::nullopt;
  const fs::path folder = fs::path(HONE_BINARY_DIR) / "test-data";
  if (!fs::exists(folder / part / "truck")) {
    fs::create_directories(folder);
    const std::string command = "tar -xzf '" + *archive + "' -C '" + folder.string() + "'";
    if (std::system(command.c_str()) != 0) return std::nullopt;
  }
  return (folder / part).string();
}

#define NEED(variable, expression)  \
  const auto variable = expression; \
  if (!variable) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA"

Outcome optimize_within(const Graph& graph, const DataSplit& data, const std::vector<InputSpec>& inputs,
                        double max_drop) {
  Job job;
  job.source = source_model(graph);
  job.calibration = samples_of(data.calibration, inputs);
  job.test = samples_of(data.test, inputs);
  job.labels = labels_of(data.test);
  job.budget.max_drop = max_drop;
  job.latency_seconds = 0.05;
  return run_job(job, cpu_engine());
}

/// Top-1 on the data.
double accuracy_of(const Graph& graph, const Dataset& data, const std::vector<InputSpec>& inputs) {
  return Judge(graph, cpu_engine(), samples_of(data, inputs), labels_of(data), {.is_strict = false}).reference().value;
}

/// Every way to calibrate is a way to use: none may fall far behind the simplest.
void expect_calibrators_near_minmax(const Outcome& outcome) {
  double minmax = 0;
  for (const Candidate& c : outcome.candidates)
    if (c.recipe == Recipe::of(Int8{.calibrator = "minmax"})) minmax = c.score.value;
  ASSERT_GT(minmax, 0.5);
  for (const Candidate& c : outcome.candidates)
    if (c.recipe.kind() == Int8::kName && c.recipe.float_layers().empty()) {
      EXPECT_GE(100 * c.score.value, 100 * minmax - 0.5) << c.label;
    }
}

TEST(RealModels, ResNet8OnCifarLosesAtMostHalfAPoint) {
  NEED(model, test_data("mlperf_tiny/ic/pretrainedResnet.tflite"));
  NEED(vendor_path, test_data("mlperf_tiny/ic/pretrainedResnet_quant.tflite"));
  NEED(train, cifar("train"));
  NEED(test, cifar("test"));
  const Graph graph = read_simplified(*model);
  const std::vector<InputSpec> inputs = input_specs(graph);
  const DataSplit data{Dataset::open(*train).limited(200), Dataset::open(*test).limited(2000), 0, true};
  const Outcome outcome = optimize_within(graph, data, inputs, 0.5);
  ASSERT_GE(outcome.chosen, 0);
  EXPECT_EQ(outcome.best().recipe.kind(), "int8") << outcome.best().id;
  const Graph vendor = read_simplified(*vendor_path);
  EXPECT_GE(100 * outcome.best().score.value, 100 * accuracy_of(vendor, data.test, input_specs(vendor)) - 0.3);
  expect_calibrators_near_minmax(outcome);
}

TEST(RealModels, ResNet8WithFourBitWeightsKeepsItsAccuracyWhenRoundingIsCompensated) {
  NEED(model, test_data("mlperf_tiny/ic/pretrainedResnet.tflite"));
  NEED(train, cifar("train"));
  NEED(test, cifar("test"));
  const Graph graph = read_simplified(*model);
  const std::vector<InputSpec> inputs = input_specs(graph);
  const Dataset calibration = Dataset::open(*train).limited(300), judging = Dataset::open(*test).limited(2000);
  const Evidence evidence(samples_of(calibration, inputs), cpu_engine());
  const double real = 100 * accuracy_of(graph, judging, inputs);
  const auto loss = [&](const char* recipe) {
    return real - 100 * accuracy_of(apply(parse_recipe(recipe), graph, evidence), judging, inputs);
  };
  EXPECT_GT(loss("int8 {weight_bits=4}"), 5);
  EXPECT_LT(loss("int8 {weight_bits=4, rounding=compensated}"), 1.5);
}

TEST(RealModels, KeywordSpotterLosesAtMostHalfAPoint) {
  NEED(model, test_data("mlperf_tiny/kws/kws_ref_model_float32.tflite"));
  NEED(vendor_path, test_data("mlperf_tiny/kws/kws_ref_model.tflite"));
  NEED(folder, test_data("mlperf_tiny/kws/kws01"));
  const Graph graph = read_simplified(*model);
  const std::vector<InputSpec> inputs = input_specs(graph, {}, QuantParams::per_tensor(0.58470291f, 83));
  const Dataset all = Dataset::open(*folder);
  const auto [calibration, test] = all.split(200, 0);
  const Outcome outcome = optimize_within(graph, {calibration, test, 0, false}, inputs, 0.5);
  ASSERT_GE(outcome.chosen, 0);
  EXPECT_EQ(outcome.best().recipe.kind(), "int8") << outcome.best().id;
  const Graph vendor = read_simplified(*vendor_path);
  EXPECT_GE(100 * outcome.best().score.value, 100 * accuracy_of(vendor, test, input_specs(vendor)) - 0.3);
  expect_calibrators_near_minmax(outcome);
}

/// A shared model with what its inputs are, and data that it answers on.
struct Calibrated {
  const char* model;
  const char* data;  ///< a folder of photos; "cifar": labelled
  Preprocess preprocess;
};

/// By the metric of each model's task on samples that did not calibrate: labels, or the decisions or boxes of the model
/// itself. ResNet-8, the keyword spotter and MobileNetV2 have tests of their own.
TEST(RealModels, NoCalibratorFallsBehindMinMaxOnTheOtherSharedModels) {
  const Calibrated cases[] = {
      {"mlperf_tiny/ic/pretrainedResnet_large_float.tflite", "cifar", {}},
      {"mlperf_tiny/vww/vww_96_float.tflite", "yolox/photos", {.scale = 1.0f / 255}},
      {"imagenet/mobilenet_v1_0.25_128_quant.tflite", "yolox/photos", {}},
      {"ultraface/version-RFB-320.onnx", "yolox/photos", {.mean = {127}, .std = {128}}},
  };
  for (const Calibrated& c : cases) {
    NEED(model, test_data(c.model));
    NEED(folder, std::string(c.data) == "cifar" ? cifar("test") : test_data(c.data));
    const Graph given = read_simplified(*model);
    Graph graph = to_float(given);
    keep_pixels(given, graph);
    run_pipeline(graph, standard_pipeline());
    const std::vector<InputSpec> inputs = input_specs(graph, c.preprocess);
    const Dataset all = Dataset::open(*folder).limited(600);
    const auto [calibration, test] = all.split(all.size() / 3, 0);
    const Evidence evidence(samples_of(calibration, inputs), cpu_engine());
    const Judge judge(graph, cpu_engine(), samples_of(test, inputs), labels_of(test), {.is_strict = false});
    ASSERT_EQ(judge.metric().row->unit, Unit::kShare) << c.model;
    const auto points = [&](std::string_view calibrator) {
      const Graph rounded = apply(Recipe::of(Int8{.calibrator = std::string(calibrator)}), graph, evidence);
      return 100 * judge.score(infer_of(rounded, cpu_engine())).value;
    };
    const double minmax = points("minmax");
    for (const Calibrator& calibrator : all_calibrators())
      EXPECT_GE(points(calibrator.name), minmax - 0.5) << calibrator.name << ", " << c.model;
  }
}

int64_t top_class(const Graph& graph, const std::string& image) {
  const std::vector<InputSpec> specs = input_specs(graph);
  const std::vector<Tensor> inputs = {load_input_file(image, specs[0])};
  Runner runner = cpu_engine().runner(graph);
  const std::vector<double> scores = to_doubles(runner.run(inputs)[0]);
  return std::max_element(scores.begin(), scores.end()) - scores.begin();
}

TEST(RealModels, MobileNetV2PhotosKeepTheirLabelsThroughFloatAndInt8) {
  NEED(model, test_data("imagenet/mobilenet_v2_1.0_224_quant.tflite"));
  NEED(photos, test_data("imagenet"));
  NEED(faces, test_data("ultraface"));
  const std::pair<const char*, int64_t> expected[] = {
      {"cat.bmp", 286}, {"bird.bmp", 20}, {"grace_hopper.bmp", 653}, {"sunflower.bmp", 986}};
  const Graph original = read_simplified(*model);
  Graph real = to_float(original);
  keep_pixels(original, real);
  run_pipeline(real, standard_pipeline());
  // None of the photos that judge calibrates.
  const std::vector<std::string> others = {*photos + "/hot_dog.jpg", *photos + "/parrot.jpg", *faces + "/1.jpg",
                                           *faces + "/2.jpg", *faces + "/3.jpg"};
  const std::vector<InputSpec> specs = input_specs(real);
  const SampleSource source{others.size(),
                            [&](size_t i) { return std::vector<Tensor>{load_input_file(others[i], specs[0])}; }};
  const Evidence evidence(source, cpu_engine());
  for (const auto& [name, label] : expected) {
    const std::string file = *photos + "/" + name;
    EXPECT_EQ(top_class(original, file), label) << "original, " << file;
    EXPECT_EQ(top_class(real, file), label) << "float, " << file;
  }
  for (const Calibrator& calibrator : all_calibrators()) {
    const Graph requantized = apply(Recipe::of(Int8{.calibrator = std::string(calibrator.name)}), real, evidence);
    for (const auto& [name, label] : expected)
      EXPECT_EQ(top_class(requantized, *photos + "/" + name), label) << calibrator.name << ", " << name;
  }
}

struct Box {
  double x1, y1, x2, y2, score;
};

double overlap(const Box& a, const Box& b) {
  const double w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1), h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (w <= 0 || h <= 0) return 0;
  const double shared = w * h;
  return shared / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - shared);
}

/// Faces above a score of 0.7, strongest first, after suppression at IoU 0.3: the detector's own settings.
std::vector<Box> faces(std::span<const Tensor> outputs) {
  const std::vector<double> scores = to_doubles(outputs[0]), corners = to_doubles(outputs[1]);
  std::vector<Box> found;
  for (size_t i = 0; i * 2 + 1 < scores.size(); ++i)
    if (scores[i * 2 + 1] > 0.7)
      found.push_back({corners[i * 4], corners[i * 4 + 1], corners[i * 4 + 2], corners[i * 4 + 3], scores[i * 2 + 1]});
  std::sort(found.begin(), found.end(), [](const Box& a, const Box& b) { return a.score > b.score; });
  std::vector<Box> kept;
  for (const Box& box : found)
    if (std::none_of(kept.begin(), kept.end(), [&](const Box& k) { return overlap(k, box) > 0.3; }))
      kept.push_back(box);
  return kept;
}

/// Faces found by the float model, each of which the integer model must find too.
size_t expect_same_faces(Runner& real, Runner& integer, const Tensor& photo) {
  const std::vector<Tensor> inputs = {photo};
  const std::vector<Box> expected = faces(real.run(inputs)), actual = faces(integer.run(inputs));
  EXPECT_EQ(actual.size(), expected.size());
  for (const Box& box : expected) {
    double best = 0;
    for (const Box& other : actual) best = std::max(best, overlap(box, other));
    EXPECT_GE(best, 0.9) << "face at " << box.x1 << ", " << box.y1;
  }
  return expected.size();
}

TEST(RealModels, FaceBoxesSurviveInt8OnPhotosThatDidNotCalibrate) {
  NEED(model, test_data("ultraface/version-RFB-320.onnx"));
  NEED(goldens, test_data("golden/version-RFB-320"));
  NEED(more, test_data("imagenet"));
  const Graph graph = read_simplified(*model);
  std::vector<Tensor> photos;
  for (int i = 0; fs::exists(*goldens + "/" + std::to_string(i) + ".in0.npy"); ++i)
    photos.push_back(read_npy(*goldens + "/" + std::to_string(i) + ".in0.npy"));
  ASSERT_GE(photos.size(), 3u);
  Preprocess preprocess;
  preprocess.mean = {127};
  preprocess.std = {128};
  const std::vector<InputSpec> specs = input_specs(graph, preprocess);
  std::vector<Tensor> others;
  for (const char* name : {"cat.bmp", "bird.bmp", "grace_hopper.bmp", "sunflower.bmp", "hot_dog.jpg", "parrot.jpg"})
    others.push_back(load_input_file(*more + "/" + name, specs[0]));
  Runner real = cpu_engine().runner(graph);
  size_t total = 0;
  for (size_t judge = 0; judge < photos.size(); ++judge) {
    std::vector<Tensor> calibration = others;
    for (size_t i = 0; i < photos.size(); ++i)
      if (i != judge) calibration.push_back(photos[i]);
    const SampleSource source{calibration.size(), [&](size_t i) { return std::vector<Tensor>{calibration[i]}; }};
    const Ranges ranges = to_ranges(collect_statistics(graph, source, cpu_engine()), find_calibrator("minmax"));
    Runner integer = cpu_engine().runner(quantize_static(graph, ranges));
    total += expect_same_faces(real, integer, photos[judge]);
  }
  EXPECT_GE(total, 3u);
}

}  // namespace
}  // namespace hone
