// Keras models against what TFLite says of the same networks, against sums done by hand, and hostile ones.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "data/npy.h"
#include "formats/formats.h"
#include "formats/keras_file.h"
#include "ops/interpreter.h"
#include "support/test_data.h"

namespace hone {
namespace {

std::string scratch(const std::string& name) { return testing::TempDir() + "keras_" + name; }

std::string error_of(const std::string& path) {
  try {
    read_model(path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

void expect_near(const std::vector<double>& found, const std::vector<double>& expected, double relative) {
  ASSERT_EQ(found.size(), expected.size());
  double largest = 0;
  for (const double v : expected) largest = std::max(largest, std::fabs(v));
  for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], relative * largest) << i;
}

/// The file beside its published conversion, on recorded inputs and the answers that the original runtime gave.
void expect_sibling(const std::string& h5, const std::string& tflite, const std::string& golden) {
  const auto source = test_data(h5), sibling = test_data(tflite);
  if (!source || !sibling) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
  const Graph graph = read_model(*source), other = read_model(*sibling);
  for (int i = 0; i < 4; ++i) {
    const auto in = test_data("golden/" + golden + "/" + std::to_string(i) + ".in0.npy");
    const auto out = test_data("golden/" + golden + "/" + std::to_string(i) + ".out0.npy");
    ASSERT_TRUE(in && out);
    const std::vector<Tensor> x{read_npy(*in)};
    const std::vector<double> found = to_doubles(evaluate(graph, x).at(0));
    expect_near(found, to_doubles(evaluate(other, x).at(0)), 1e-5);
    expect_near(found, to_doubles(read_npy(*out)), 1e-5);
  }
}

TEST(KerasModels, ResNet8IsItsTfliteSibling) {
  expect_sibling("mlperf_tiny/ic/pretrainedResnet.h5", "mlperf_tiny/ic/pretrainedResnet.tflite", "pretrainedResnet");
}

TEST(KerasModels, MobileNetOfVisualWakeWordsIsItsTfliteSibling) {
  expect_sibling("mlperf_tiny/vww/vww_96.h5", "mlperf_tiny/vww/vww_96_float.tflite", "vww_96_float");
}

constexpr const char* kDense = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
  {"class_name": "InputLayer", "config": {"batch_input_shape": [null, 2], "dtype": "float32", "name": "in"}},
  {"class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "relu", "use_bias": true}}]}})";
const std::vector<float> kKernel{1, 2, 3, 4, 5, 6}, kBias{0.5f, -100, 1};

Graph dense(bool is_chunked) {
  const std::string path = scratch("dense.h5");
  write_h5(path,
           {{"model_weights/d/d/kernel:0", {2, 3}, kKernel, is_chunked}, {"model_weights/d/d/bias:0", {3}, kBias}},
           {{{"", "model_config"}, {kDense}}, {{"model_weights/d", "weight_names"}, {"d/kernel:0", "d/bias:0"}}});
  return read_model(path);
}

TEST(KerasFiles, HoldArraysInOnePieceOrInDeflatedChunks) {
  for (const bool is_chunked : {false, true}) {
    const std::vector<Tensor> x{Tensor::of<float>({1, 2}, {1, 10})};
    expect_near(to_doubles(evaluate(dense(is_chunked), x).at(0)), {41.5, 0, 64}, 1e-6);
  }
}

/// The same network as Keras 3 saves it: an archive, weights by class and number.
TEST(KerasFiles, OfVersion3AreArchivesStoredOrDeflated) {
  const std::string h5 = scratch("weights.h5");
  write_h5(h5, {{"layers/dense/vars/0", {2, 3}, kKernel}, {"layers/dense/vars/1", {3}, kBias}}, {});
  for (const bool is_deflated : {false, true}) {
    const std::string path = scratch("dense.keras");
    write_zip(path,
              {{"config.json", kDense},
               {"metadata.json", R"({"keras_version": "3.4.1"})"},
               {"model.weights.h5", read_file(h5)}},
              is_deflated);
    const std::vector<Tensor> x{Tensor::of<float>({2, 2}, {1, 10, 0, 0})};
    expect_near(to_doubles(evaluate(read_model(path), x).at(0)), {41.5, 0, 64, 0.5, 0, 1}, 1e-6);
  }
}

/// A layer called twice, inside of a model that is a layer, beside an addition.
TEST(KerasModels, ShareLayersAndNestModels) {
  const std::string inner = R"({"class_name": "Sequential", "name": "inner", "config": {"name": "inner", "layers": [
    {"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "linear", "use_bias": false}}]},
    "inbound_nodes": [[["in", 0, 0, {}]], [["inner", 1, 0, {}]]]})";
  const std::string config = R"({"class_name": "Functional", "config": {"name": "m", "layers": [
    {"class_name": "InputLayer", "name": "in", "config": {"batch_input_shape": [null, 2], "name": "in"}, "inbound_nodes": []},
    )" + inner + R"(,
    {"class_name": "Add", "name": "a", "config": {"name": "a"}, "inbound_nodes": [[["inner", 0, 0, {}], ["in", 0, 0, {}]]]}],
    "input_layers": [["in", 0, 0]], "output_layers": [["inner", 1, 0], ["a", 0, 0]]}})";
  std::string called = config;  // the second call takes the first one's output
  called.replace(called.find(R"([["inner", 1, 0, {}]]])"), 22, R"([["inner", 0, 0, {}]]])");
  const std::string path = scratch("nested.h5");
  write_h5(path, {{"model_weights/inner/d/kernel:0", {2, 2}, {1, 2, 3, 4}}},
           {{{"", "model_config"}, {called}}, {{"model_weights/inner", "weight_names"}, {"d/kernel:0"}}});
  const std::vector<Tensor> y = evaluate(read_model(path), std::vector<Tensor>{Tensor::of<float>({1, 2}, {1, 1})});
  expect_near(to_doubles(y.at(0)), {22, 32}, 1e-6);  // (4, 6) · [[1, 2], [3, 4]]
  expect_near(to_doubles(y.at(1)), {5, 7}, 1e-6);

  write_h5(path, {{"model_weights/inner/d/kernel:0", {2, 2}, {1, 2, 3, 4}}},
           {{{"", "model_config"}, {config}}, {{"model_weights/inner", "weight_names"}, {"d/kernel:0"}}});
  EXPECT_NE(error_of(path).find("in a cycle"), std::string::npos) << error_of(path);
}

/// Gates i, f, c, o of Keras; the step written out.
TEST(KerasModels, LstmIsItsFormula) {
  const std::string config = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
    {"class_name": "LSTM", "config": {"name": "l", "batch_input_shape": [null, 2, 1], "units": 1, "activation": "tanh",
     "recurrent_activation": "sigmoid", "use_bias": true, "return_sequences": true}}]}})";
  const std::vector<float> w{0.1f, 0.2f, 0.3f, 0.4f}, r{0.5f, -0.6f, 0.7f, -0.8f}, b{0.01f, 0.02f, 0.03f, 0.04f};
  const std::string path = scratch("lstm.h5");
  write_h5(path,
           {{"model_weights/l/l/lstm_cell/kernel:0", {1, 4}, w},
            {"model_weights/l/l/lstm_cell/recurrent_kernel:0", {1, 4}, r},
            {"model_weights/l/l/lstm_cell/bias:0", {4}, b}},
           {{{"", "model_config"}, {config}},
            {{"model_weights/l", "weight_names"},
             {"l/lstm_cell/kernel:0", "l/lstm_cell/recurrent_kernel:0", "l/lstm_cell/bias:0"}}});
  const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  double h = 0, c = 0;
  std::vector<double> expected;
  for (const double x : {1.0, -2.0}) {
    const auto gate = [&](size_t g) { return x * w[g] + h * r[g] + b[g]; };
    const double i = sigmoid(gate(0)), f = sigmoid(gate(1)), o = sigmoid(gate(3));
    c = f * c + i * std::tanh(gate(2));
    h = o * std::tanh(c);
    expected.push_back(h);
  }
  const std::vector<Tensor> x{Tensor::of<float>({1, 2, 1}, {1, -2})};
  expect_near(to_doubles(evaluate(read_model(path), x).at(0)), expected, 1e-5);
}

TEST(KerasModels, NameTheLayersWhoseCodeTheFileLacks) {
  const std::string config = R"({"class_name": "Sequential", "config": {"name": "s", "layers": [
    {"class_name": "Lambda", "config": {"name": "f", "batch_input_shape": [null, 2]}},
    {"class_name": "MyLayer", "config": {"name": "a"}}, {"class_name": "MyLayer", "config": {"name": "b"}}]}})";
  const std::string path = scratch("custom.h5");
  write_h5(path, {}, {{{"", "model_config"}, {config}}});
  const std::string text = error_of(path);
  EXPECT_NE(text.find("layers of 2 classes that hone does not know"), std::string::npos) << text;
  EXPECT_NE(text.find("Lambda: 1 layer, 'f'"), std::string::npos) << text;
  EXPECT_NE(text.find("MyLayer: 2 layers, first 'a'"), std::string::npos) << text;
  EXPECT_NE(text.find("model.export"), std::string::npos) << text;
}

TEST(KerasModels, SayWhenAWeightIsMissingOrHasOtherDims) {
  const std::string path = scratch("weight.h5");
  write_h5(path, {{"model_weights/d/d/kernel:0", {3, 2}, kKernel}},
           {{{"", "model_config"}, {kDense}}, {{"model_weights/d", "weight_names"}, {"d/kernel:0"}}});
  EXPECT_NE(error_of(path).find("weight 'kernel' has dims [3, 2], expected [2, 3]"), std::string::npos)
      << error_of(path);
  write_h5(path, {}, {{{"", "model_config"}, {kDense}}});
  EXPECT_NE(error_of(path).find("weight 'kernel' is in the file 0 times"), std::string::npos) << error_of(path);
  EXPECT_NE(error_of(path).find("in layer 'd' (Dense)"), std::string::npos) << error_of(path);
  write_h5(path, {}, {});
  EXPECT_NE(error_of(path).find("without a Keras model"), std::string::npos) << error_of(path);
}

/// Cut at every length, and with bytes changed: an Error or a model, nothing else.
TEST(KerasFiles, ThatAreDamagedAreAnError) {
  dense(true);
  const std::string whole = read_file(scratch("dense.h5"));
  const auto read = [](const std::string& bytes) {
    try {
      read_model(std::as_bytes(std::span(bytes)), "m.h5");
      return true;
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
      return false;
    }
  };
  ASSERT_TRUE(read(whole));
  for (size_t size = 1; size < whole.size(); size += 37) read(whole.substr(0, size));
  std::mt19937 random(1);
  int refused = 0;
  for (int round = 0; round < 1000; ++round) {
    std::string changed = whole;
    for (unsigned k = 0; k <= random() % 4; ++k) changed[random() % changed.size()] = static_cast<char>(random());
    refused += !read(changed);
  }
  EXPECT_GT(refused, 30);
}

/// Keras 3 keeps the shape that a Sequential was built for in its first layer's config.
TEST(KerasModels, TakeTheirInputFromWhatTheyWereBuiltFor) {
  const std::string path = scratch("built.h5");
  write_h5(path, {{"model_weights/d/d/kernel:0", {2, 3}, kKernel}},
           {{{"", "model_config"}, {R"({"class_name": "Sequential", "config": {"name": "s", "layers": [{"class_name":
             "Dense", "config": {"name": "d", "units": 3, "use_bias": false, "build_input_shape": [null, 2]}}]}})"}},
            {{"model_weights/d", "weight_names"}, {"d/kernel:0"}}});
  const std::vector<Tensor> x{Tensor::of<float>({1, 2}, {1, 10})};
  expect_near(to_doubles(evaluate(read_model(path), x).at(0)), {41, 52, 63}, 1e-6);
}

}  // namespace
}  // namespace hone
