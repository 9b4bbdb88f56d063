#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hone/hone.h"
#include "hone_c.h"

namespace {

const std::string kSample = std::string(HONE_SOURCE_DIR) + "/examples/sample/model.onnx";
constexpr int64_t kDims[] = {1, 3, 64, 64};
constexpr size_t kElements = 3 * 64 * 64;

struct ModelFree {
  void operator()(hone_model* m) const { hone_model_free(m); }
};
struct SessionFree {
  void operator()(hone_session* s) const { hone_session_free(s); }
};
using ModelPtr = std::unique_ptr<hone_model, ModelFree>;
using SessionPtr = std::unique_ptr<hone_session, SessionFree>;

ModelPtr load_sample() {
  hone_model* model = nullptr;
  EXPECT_EQ(hone_model_load(kSample.c_str(), &model), HONE_OK) << hone_last_error();
  return ModelPtr(model);
}

SessionPtr make_session(const hone_model* model, const hone_session_options* options = nullptr) {
  hone_session* session = nullptr;
  EXPECT_EQ(hone_session_create(model, options, &session), HONE_OK) << hone_last_error();
  return SessionPtr(session);
}

std::vector<float> ramp() {
  std::vector<float> values(kElements);
  for (size_t i = 0; i < kElements; ++i) values[i] = static_cast<float>(i % 97) / 48.5f - 1;
  return values;
}

std::vector<float> run_c(hone_session* session, const std::vector<float>& input) {
  EXPECT_EQ(hone_session_set_input(session, 0, kDims, 4, input.data(), input.size() * sizeof(float)), HONE_OK);
  EXPECT_EQ(hone_session_run(session), HONE_OK) << hone_last_error();
  const void* data = nullptr;
  size_t bytes = 0;
  EXPECT_EQ(hone_session_output(session, 0, nullptr, &data, &bytes), HONE_OK) << hone_last_error();
  std::vector<float> result(bytes / sizeof(float));
  std::memcpy(result.data(), data, bytes);
  return result;
}

bool last_error_says(std::string_view words) {
  return std::string_view(hone_last_error()).find(words) != std::string_view::npos;
}

TEST(CApi, TellsItsVersion) { EXPECT_STREQ(hone_version(), hone::version()); }

TEST(CApi, RefusesNullWhereSomethingIsNeeded) {
  hone_model* model = nullptr;
  EXPECT_EQ(hone_model_load(nullptr, &model), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_model_load(kSample.c_str(), nullptr), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_model_load_memory(nullptr, 4, &model), HONE_INVALID_ARGUMENT);
  hone_session* session = nullptr;
  EXPECT_EQ(hone_session_create(nullptr, nullptr, &session), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_session_run(nullptr), HONE_INVALID_ARGUMENT);
  EXPECT_TRUE(last_error_says("hone_session_run")) << hone_last_error();
}

TEST(CApi, FreesNullAndCountsNothingOfIt) {
  hone_model_free(nullptr);
  hone_session_free(nullptr);
  EXPECT_EQ(hone_model_input_count(nullptr), 0u);
  EXPECT_EQ(hone_model_output_count(nullptr), 0u);
}

TEST(CApi, NamesTheMissingFile) {
  hone_model* model = nullptr;
  EXPECT_EQ(hone_model_load("/nowhere/model.onnx", &model), HONE_NOT_FOUND);
  EXPECT_EQ(model, nullptr);
  EXPECT_TRUE(last_error_says("/nowhere/model.onnx")) << hone_last_error();
}

TEST(CApi, RefusesGarbage) {
  std::vector<unsigned char> garbage(1000);
  for (size_t i = 0; i < garbage.size(); ++i) garbage[i] = static_cast<unsigned char>(i * 151 + 7);
  hone_model* model = nullptr;
  EXPECT_NE(hone_model_load_memory(garbage.data(), garbage.size(), &model), HONE_OK);
  EXPECT_EQ(model, nullptr);
  EXPECT_STRNE(hone_last_error(), "");
}

TEST(CApi, DescribesInputsAndOutputs) {
  const ModelPtr model = load_sample();
  ASSERT_EQ(hone_model_input_count(model.get()), 1u);
  ASSERT_EQ(hone_model_output_count(model.get()), 1u);
  hone_tensor_info in, out;
  ASSERT_EQ(hone_model_input(model.get(), 0, &in), HONE_OK);
  ASSERT_EQ(hone_model_output(model.get(), 0, &out), HONE_OK);
  EXPECT_STREQ(in.name, "image");
  EXPECT_EQ(in.dtype, HONE_F32);
  ASSERT_EQ(in.rank, 4);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(in.dims[i], kDims[i]);
  EXPECT_EQ(in.scale, 0);
  EXPECT_STREQ(out.name, "probabilities");
  EXPECT_EQ(hone_model_input(model.get(), 1, &in), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_model_output(model.get(), 9, &out), HONE_INVALID_ARGUMENT);
}

TEST(CApi, RefusesInputsThatDoNotFit) {
  const ModelPtr model = load_sample();
  const SessionPtr session = make_session(model.get());
  const std::vector<float> input = ramp();
  EXPECT_EQ(hone_session_set_input(session.get(), 1, kDims, 4, input.data(), kElements * 4), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_session_set_input(session.get(), 0, kDims, 4, input.data(), 12), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_session_set_input(session.get(), 0, nullptr, 4, input.data(), 12), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_session_set_input(session.get(), 0, kDims, -1, input.data(), 4), HONE_INVALID_ARGUMENT);
  constexpr int64_t kNegative[] = {1, -3, 64, 64};
  EXPECT_NE(hone_session_set_input(session.get(), 0, kNegative, 4, input.data(), kElements * 4), HONE_OK);
  constexpr int64_t kHuge[] = {INT64_MAX, INT64_MAX, 2, 2};
  EXPECT_EQ(hone_session_set_input(session.get(), 0, kHuge, 4, input.data(), kElements * 4), HONE_RESOURCE);
  const std::vector<int64_t> many(65, 1);
  EXPECT_EQ(hone_session_set_input(session.get(), 0, many.data(), 65, input.data(), 4), HONE_INVALID_ARGUMENT);
  constexpr int64_t kOther[] = {1, 3, 32, 128};
  EXPECT_EQ(hone_session_set_input(session.get(), 0, kOther, 4, input.data(), kElements * 4), HONE_OK);
  EXPECT_EQ(hone_session_run(session.get()), HONE_INVALID_ARGUMENT);
}

TEST(CApi, AFailedRunLeavesNoResultOfTheOneBefore) {
  const ModelPtr model = load_sample();
  const SessionPtr session = make_session(model.get());
  const std::vector<float> input = ramp();
  run_c(session.get(), input);
  constexpr int64_t kOther[] = {1, 3, 32, 128};
  ASSERT_EQ(hone_session_set_input(session.get(), 0, kOther, 4, input.data(), kElements * 4), HONE_OK);
  ASSERT_NE(hone_session_run(session.get()), HONE_OK);
  const void* data = nullptr;
  size_t bytes = 0;
  EXPECT_EQ(hone_session_output(session.get(), 0, nullptr, &data, &bytes), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(data, nullptr);
}

TEST(CApi, RefusesOptionsWithoutTheirSize) {
  const ModelPtr model = load_sample();
  const hone_session_options options{0, 1, 0, nullptr};
  hone_session* session = nullptr;
  EXPECT_EQ(hone_session_create(model.get(), &options, &session), HONE_INVALID_ARGUMENT);
  EXPECT_TRUE(last_error_says("set size")) << hone_last_error();
}

TEST(CApi, KeepsMetadataThroughAFile) {
  const ModelPtr model = load_sample();
  EXPECT_EQ(hone_model_metadata(model.get(), "licence"), nullptr);
  ASSERT_EQ(hone_model_set_metadata(model.get(), "licence", "free"), HONE_OK) << hone_last_error();
  EXPECT_STREQ(hone_model_metadata(model.get(), "licence"), "free");
  for (const char* name : {"m.onnx", "m.tflite"}) {
    const std::string path = ::testing::TempDir() + name;
    ASSERT_EQ(hone_model_save(model.get(), path.c_str()), HONE_OK) << hone_last_error();
    hone_model* back = nullptr;
    ASSERT_EQ(hone_model_load(path.c_str(), &back), HONE_OK) << hone_last_error();
    EXPECT_STREQ(hone_model_metadata(back, "licence"), "free") << name;
    hone_model_free(back);
  }
  ASSERT_EQ(hone_model_set_metadata(model.get(), "licence", nullptr), HONE_OK);
  EXPECT_EQ(hone_model_metadata(model.get(), "licence"), nullptr);
}

TEST(CApi, PreparesAPictureAsTheModelSays) {
  const ModelPtr model = load_sample();
  ASSERT_EQ(hone_model_set_metadata(model.get(), "hone.preprocess",
                                    R"({"scale": 0.003921569, "mean": [0.5], "std": [0.25]})"),
            HONE_OK);
  const SessionPtr session = make_session(model.get());
  const std::vector<uint8_t> pixels(kElements, 255);
  ASSERT_EQ(hone_session_set_image(session.get(), model.get(), 0, pixels.data(), 64, 64, 3), HONE_OK)
      << hone_last_error();
  ASSERT_EQ(hone_session_run(session.get()), HONE_OK);
  const void* data = nullptr;
  size_t bytes = 0;
  ASSERT_EQ(hone_session_output(session.get(), 0, nullptr, &data, &bytes), HONE_OK);
  std::vector<float> found(bytes / sizeof(float));
  std::memcpy(found.data(), data, bytes);
  const std::vector<float> expected = run_c(session.get(), std::vector<float>(kElements, 2));
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5);
  EXPECT_EQ(hone_session_set_image(session.get(), model.get(), 0, pixels.data(), 64, 64, 4), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_session_set_image(session.get(), model.get(), 1, pixels.data(), 64, 64, 3), HONE_INVALID_ARGUMENT);
}

TEST(CApi, NeedsInputsBeforeARunAndARunBeforeOutputs) {
  const ModelPtr model = load_sample();
  const SessionPtr session = make_session(model.get());
  const void* data = nullptr;
  size_t bytes = 0;
  EXPECT_EQ(hone_session_output(session.get(), 0, nullptr, &data, &bytes), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(hone_session_run(session.get()), HONE_INVALID_ARGUMENT);
}

TEST(CApi, RefusesUnknownProviders) {
  const ModelPtr model = load_sample();
  const hone_session_options options{sizeof options, 1, 0, "abacus"};
  hone_session* session = nullptr;
  EXPECT_EQ(hone_session_create(model.get(), &options, &session), HONE_INVALID_ARGUMENT);
  EXPECT_EQ(session, nullptr);
  EXPECT_TRUE(last_error_says("abacus")) << hone_last_error();
}

TEST(CApi, AgreesWithTheCppApi) {
  const std::vector<float> input = ramp();
  const ModelPtr model = load_sample();
  const SessionPtr session = make_session(model.get());
  const std::vector<float> from_c = run_c(session.get(), input);

  hone::Inference inference(hone::Model::load(kSample));
  const auto from_cpp = inference.run({hone::Tensor::of<float>({1, 3, 64, 64}, input)}).at(0).data<float>();
  ASSERT_EQ(from_c.size(), from_cpp.size());
  for (size_t i = 0; i < from_c.size(); ++i) EXPECT_EQ(from_c[i], from_cpp[i]);
}

TEST(CApi, AgreesWithTheReferenceProvider) {
  const std::vector<float> input = ramp();
  const ModelPtr model = load_sample();
  const hone_session_options reference{sizeof reference, 1, 0, "reference"};
  const SessionPtr fast = make_session(model.get()), plain = make_session(model.get(), &reference);
  const std::vector<float> a = run_c(fast.get(), input), b = run_c(plain.get(), input);
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 1e-4);
}

TEST(CApi, SessionOutlivesItsModel) {
  ModelPtr model = load_sample();
  const SessionPtr session = make_session(model.get());
  model.reset();
  EXPECT_EQ(run_c(session.get(), ramp()).size(), 4u);
}

TEST(CApi, KeepsErrorsApartByThread) {
  hone_model* model = nullptr;
  EXPECT_EQ(hone_model_load("/nowhere/a", &model), HONE_NOT_FOUND);
  std::thread([] {
    EXPECT_STREQ(hone_last_error(), "");
    hone_model* other = nullptr;
    EXPECT_EQ(hone_model_load("/nowhere/b", &other), HONE_NOT_FOUND);
  }).join();
  EXPECT_TRUE(last_error_says("/nowhere/a")) << hone_last_error();
}

TEST(CApi, SessionsRunAtOnce) {
  const std::vector<float> input = ramp();
  const ModelPtr model = load_sample();
  const SessionPtr a = make_session(model.get()), b = make_session(model.get());
  std::vector<float> from_a, from_b;
  std::thread other([&] { from_b = run_c(b.get(), input); });
  from_a = run_c(a.get(), input);
  other.join();
  EXPECT_EQ(from_a, from_b);
}

/// Sample `index` of a made-up data set; `context` counts the calls.
hone_status fill_sample(void* context, size_t index, hone_sample* sample) {
  ++*static_cast<int*>(context);
  std::vector<float> values = ramp();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= 0.2f * static_cast<float>((index * 7 + i % 11) % 10);
  return hone_sample_set_input(sample, 0, kDims, 4, values.data(), values.size() * sizeof(float));
}

TEST(CApi, QuantizesOnTheCallersSamples) {
  const ModelPtr model = load_sample();
  int calls = 0;
  const hone_samples samples{4, fill_sample, &calls};
  hone_model* made = nullptr;
  ASSERT_EQ(hone_quantize(model.get(), &samples, nullptr, &made), HONE_OK) << hone_last_error();
  const ModelPtr int8(made);
  EXPECT_EQ(calls, 4);
  const SessionPtr session = make_session(int8.get());
  EXPECT_EQ(run_c(session.get(), ramp()).size(), 4u);
}

TEST(CApi, KeepsLayersInFloatByTheNamesOfTheFile) {
  const ModelPtr model = load_sample();
  int calls = 0;
  const hone_samples samples{4, fill_sample, &calls};
  const char* merged[] = {"/net/features/features.0/features.0.0/Conv"};  // into the activation behind it
  hone_quantize_options options{.size = sizeof(hone_quantize_options)};
  options.keep_float = merged;
  options.keep_float_count = 1;
  hone_model* made = nullptr;
  ASSERT_EQ(hone_quantize(model.get(), &samples, &options, &made), HONE_OK) << hone_last_error();
  hone_model_free(made);
  merged[0] = "no such layer";
  EXPECT_EQ(hone_quantize(model.get(), &samples, &options, &made), HONE_NOT_FOUND);
  EXPECT_TRUE(last_error_says("no such layer"));
}

TEST(CApi, OptimizesWithinABoundAndSaysWhatItCost) {
  const ModelPtr model = load_sample();
  int calls = 0;
  const hone_samples calibration{4, fill_sample, &calls}, test{12, fill_sample, &calls};
  hone_optimize_options options = hone_optimize_defaults();
  options.metric = "sqnr";
  options.bound = 10;
  options.objective = "size";
  options.latency_seconds = 0;
  options.no_mixed = 1;
  hone_optimize_result result{};
  result.size = sizeof result;
  hone_model* made = nullptr;
  ASSERT_EQ(hone_optimize(model.get(), &calibration, &test, nullptr, &options, &made, &result), HONE_OK)
      << hone_last_error();
  const ModelPtr best(made);
  EXPECT_EQ(result.is_better, 1);
  EXPECT_GE(result.score_after, 10);
  EXPECT_LT(result.bytes_after, result.bytes_before);
  EXPECT_GT(result.latency_after_us, 0);
}

TEST(CApi, RefusesNumbersAndNamesThatCannotBeBeforeItWorks) {
  const ModelPtr model = load_sample();
  int calls = 0;
  const hone_samples samples{4, fill_sample, &calls};
  const auto refuses = [&](auto change, const char* reason) {
    hone_optimize_options options = hone_optimize_defaults();
    hone_optimize_result result{};
    result.size = sizeof result;
    change(options, result);
    EXPECT_EQ(hone_optimize(model.get(), &samples, &samples, nullptr, &options, nullptr, &result),
              HONE_INVALID_ARGUMENT);
    EXPECT_TRUE(last_error_says(reason)) << hone_last_error();
  };
  const double nan = std::nan("");
  refuses([&](auto& o, auto&) { o.max_drop = nan; }, "max_drop");
  for (const double seconds : {nan, -1.0, HUGE_VAL})
    refuses([&](auto& o, auto&) { o.latency_seconds = seconds; }, "latency_seconds");
  for (const char* stem : {"", "../up", "/up", "a/b"}) refuses([&](auto& o, auto&) { o.stem = stem; }, "stem");
  refuses([&](auto&, auto& result) { result.size = 0; }, "set size");
  EXPECT_EQ(calls, 0);
}

TEST(CApi, TakesOptionsOfAnOlderHeader) {
  const ModelPtr model = load_sample();
  struct {
    size_t size;
    const char* to;
  } older{sizeof older, "dynamic"};
  hone_model* made = nullptr;
  ASSERT_EQ(hone_quantize(model.get(), nullptr, reinterpret_cast<const hone_quantize_options*>(&older), &made), HONE_OK)
      << hone_last_error();
  hone_model_free(made);
  const hone_quantize_options unset{};
  EXPECT_EQ(hone_quantize(model.get(), nullptr, &unset, &made), HONE_INVALID_ARGUMENT);
  EXPECT_TRUE(last_error_says("set size"));
}

TEST(CApi, StopsWhenASampleFails) {
  const ModelPtr model = load_sample();
  const hone_samples samples{4, [](void*, size_t, hone_sample*) { return HONE_IO; }, nullptr};
  hone_model* made = nullptr;
  EXPECT_EQ(hone_quantize(model.get(), &samples, nullptr, &made), HONE_CANCELLED);
  EXPECT_EQ(made, nullptr);
}

}  // namespace
