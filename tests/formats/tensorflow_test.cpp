// TensorFlow's models on labelled data, and hostile ones.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <protozero/pbf_writer.hpp>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "formats/formats.h"
#include "ops/interpreter.h"
#include "passes/pipelines.h"
#include "support/test_data.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKws = "mlperf_tiny/kws/kws_ref_model/saved_model.pb";

/// 49 × 10 coefficients, stored as integers.
Tensor kws_input(const fs::path& file) {
  const std::string bytes = read_file(file.string());
  Tensor x = Tensor::empty(DType::kF32, {1, 49, 10, 1});
  auto values = x.mutable_data<float>();
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(static_cast<int8_t>(bytes.at(i)) - 83) * 0.58470291f;
  return x;
}

size_t largest(const std::vector<double>& scores) {
  return static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

/// The published folder and the published .tflite are of one architecture and of two trainings (their plainly stored
/// dense biases differ), so outputs cannot be equal; what the folder knows of the labelled inputs is as much.
TEST(SavedModel, SpotsKeywordsAsWellAsItsPublishedTfliteRelative) {
  const auto file = test_data(kKws), inputs = test_data("mlperf_tiny/kws/kws01");
  if (!file || !inputs) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
  Graph graph = read_model(fs::path(*file).parent_path().string());
  run_pipeline(graph, standard_pipeline());
  int count = 0, right = 0;
  for (const auto& entry : fs::directory_iterator(*inputs)) {
    if (entry.path().extension() != ".bin") continue;
    const std::vector<double> scores = to_doubles(evaluate(graph, std::vector<Tensor>{kws_input(entry.path())}).at(0));
    const std::string stem = entry.path().stem().string();
    ++count;
    right += static_cast<int>(largest(scores)) == std::stoi(stem.substr(stem.rfind('_') + 1));
  }
  EXPECT_EQ(count, 1000);
  EXPECT_GE(right, 900) << "of the .tflite: 905";
}

using Writer = protozero::pbf_writer;

std::string message(const std::function<void(Writer&)>& body) {
  std::string out;
  Writer writer(out);
  body(writer);
  return out;
}

std::string attribute(const std::string& key, uint32_t field, const std::string& value) {
  return message([&](Writer& w) {
    w.add_string(1, key);
    w.add_message(2, message([&](Writer& inner) { inner.add_string(field, value); }));
  });
}

std::string node(const std::string& name, const std::string& op, const std::vector<std::string>& inputs,
                 const std::vector<std::string>& attributes) {
  return message([&](Writer& w) {
    w.add_string(1, name);
    w.add_string(2, op);
    for (const std::string& input : inputs) w.add_string(3, input);
    for (const std::string& a : attributes) w.add_message(5, a);
  });
}

std::string shape(const std::vector<int64_t>& dims) {
  return message([&](Writer& w) {
    for (const int64_t d : dims) w.add_message(2, message([&](Writer& inner) { inner.add_int64(1, d); }));
  });
}

std::string constant(const std::string& name, const std::vector<int64_t>& dims, const std::vector<float>& values) {
  const std::string tensor = message([&](Writer& w) {
    w.add_int64(1, 1);
    w.add_message(2, shape(dims));
    w.add_packed_float(5, values.begin(), values.end());
  });
  return node(name, "Const", {}, {attribute("value", 8, tensor)});
}

std::string float_type() {
  return message([&](Writer& w) {
    w.add_string(1, "dtype");
    w.add_message(2, message([](Writer& inner) { inner.add_int64(6, 1); }));
  });
}

/// relu(x · w + b) in a function that the graph calls; a control edge to a node that is not there is no edge.
TEST(GraphDef, CallsAreInlinedAndControlEdgesDropped) {
  const std::string argument = message([](Writer& w) { w.add_string(1, "a"); });
  const std::string function = message([&](Writer& w) {
    w.add_message(1, message([&](Writer& s) {
                    s.add_string(1, "layer");
                    s.add_message(2, argument);
                    s.add_message(3, message([](Writer& o) { o.add_string(1, "r"); }));
                  }));
    w.add_message(3, constant("w", {2, 2}, {1, 2, 3, 4}));
    w.add_message(3, constant("b", {2}, {-10}));  // one value stands for all
    w.add_message(3, node("m", "MatMul", {"a", "w:output:0"}, {}));
    w.add_message(3, node("s", "BiasAdd", {"m:product:0", "b:output:0", "^gone"}, {}));
    w.add_message(3, node("y", "Relu", {"s:output:0"}, {}));
    w.add_message(4, message([](Writer& r) {
                    r.add_string(1, "r");
                    r.add_string(2, "y:activations:0");
                  }));
  });
  const std::string called = message([](Writer& w) { w.add_string(1, "layer"); });
  const std::string bytes = message([&](Writer& w) {
    w.add_message(1, node("x", "Placeholder", {}, {float_type(), attribute("shape", 7, shape({-1, 2}))}));
    w.add_message(1, node("call", "PartitionedCall", {"x"}, {attribute("f", 10, called)}));
    w.add_message(1, node("out", "Identity", {"call"}, {}));
    w.add_message(2, message([&](Writer& l) { l.add_message(1, function); }));
  });
  const Graph graph = read_model(std::as_bytes(std::span(bytes)), "m.pb");
  EXPECT_EQ(graph.value(graph.inputs().at(0)).name, "x");
  const std::vector<Tensor> y = evaluate(graph, std::vector<Tensor>{Tensor::of<float>({2, 2}, {1, 3, 2, 5})});
  EXPECT_EQ(to_doubles(y.at(0)), (std::vector<double>{0, 4, 7, 14}));
}

/// relu(relu(x)) may be cut between the two.
TEST(GraphDef, BeginsAndEndsWhereTheCallerSays) {
  const std::string bytes = message([&](Writer& w) {
    w.add_message(1, node("x", "Placeholder", {}, {float_type()}));
    w.add_message(1, node("a", "Relu", {"x"}, {float_type()}));
    w.add_message(1, node("b", "Neg", {"a"}, {}));
    w.add_message(1, node("training", "Unheard", {"b"}, {}));
  });
  const auto read = [&](const ReadOptions& options) {
    return read_model(std::as_bytes(std::span(bytes)), "m.pb", options);
  };
  const Graph graph = read({.shapes = {{"a", {2}}}, .inputs = {"a:0"}, .outputs = {"b"}});
  EXPECT_EQ(graph.node_count(), 1u);
  EXPECT_EQ(graph.value(graph.inputs().at(0)).name, "a");
  EXPECT_EQ(to_doubles(evaluate(graph, std::vector<Tensor>{Tensor::of<float>({2}, {1, -3})}).at(0)),
            (std::vector<double>{-1, 3}));
  try {
    read({.inputs = {"a"}, .outputs = {"b"}});
    ADD_FAILURE() << "nobody knows the shape of 'a'";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("--shape a=DIMS"), std::string::npos) << e.what();
  }
}

/// −1 … 2 in 256 levels, moved so that zero is one of them: steps of 3/255, 85 of them below zero.
TEST(GraphDef, FakeQuantizationIsQuantization) {
  const auto graph_of = [](const std::vector<std::string>& attributes, const std::string& op, float min, float max) {
    return message([&](Writer& w) {
      w.add_message(1, node("x", "Placeholder", {}, {float_type(), attribute("shape", 7, shape({4}))}));
      w.add_message(1, constant("min", {}, {min}));
      w.add_message(1, constant("max", {}, {max}));
      w.add_message(1, node("y", op, {"x", "min", "max"}, attributes));
    });
  };
  const std::string bytes = graph_of({}, "FakeQuantWithMinMaxVars", -1, 2);
  const Graph graph = read_model(std::as_bytes(std::span(bytes)), "m.pb");
  const auto y = to_doubles(evaluate(graph, std::vector<Tensor>{Tensor::of<float>({4}, {-5, 0, 0.4f, 9})}).at(0));
  EXPECT_NEAR(y[0], -1, 1e-6);
  EXPECT_EQ(y[1], 0);
  EXPECT_NEAR(y[2], 34 * 3 / 255.0, 1e-6);
  EXPECT_NEAR(y[3], 2, 1e-6);
  const auto error_of_range = [&](float min, float max) {
    const std::string bad = graph_of({}, "FakeQuantWithMinMaxVars", min, max);
    try {
      read_model(std::as_bytes(std::span(bad)), "m.pb");
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_NE(error_of_range(0, 0).find("a range of no width"), std::string::npos) << error_of_range(0, 0);
  EXPECT_NE(error_of_range(0, INFINITY).find("not finite"), std::string::npos);
}

std::string error_of(const std::string& path, const ReadOptions& options = {}) {
  try {
    read_model(path, options);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(SavedModel, NamesItsSignaturesAndTags) {
  const auto file = test_data(kKws);
  if (!file) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
  const std::string folder = fs::path(*file).parent_path().string();
  EXPECT_NE(error_of(folder, {.signature = "train"}).find("choose one with --signature: serving_default"),
            std::string::npos)
      << error_of(folder, {.signature = "train"});
  EXPECT_NE(error_of(folder, {.tags = {"gpu"}}).find("choose one with --tag-set: serve"), std::string::npos);
  EXPECT_NE(error_of(*file).find("give the folder that it lies in"), std::string::npos) << error_of(*file);
}

/// A copy of the model's folder whose files tests damage.
class DamagedSavedModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto file = test_data(kKws);
    if (!file) GTEST_SKIP() << "real models and data are absent: set HONE_TEST_DATA";
    folder_ = fs::path(testing::TempDir()) / ("saved_model_" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::copy(fs::path(*file).parent_path(), folder_, fs::copy_options::recursive);
    for (const auto& entry : fs::recursive_directory_iterator(folder_))
      fs::permissions(entry.path(), fs::perms::owner_all);
  }
  void TearDown() override { fs::remove_all(folder_); }
  /// True when it can be read; an Error is false, everything else fails the test.
  bool reads() {
    try {
      read_model(folder_.string());
      return true;
    } catch (const Error& e) {
      EXPECT_NE(e.code(), ErrorCode::kInternal) << e.what();
      return false;
    }
  }
  void write(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary | std::ios::trunc) << bytes;
  }
  fs::path folder_;
};

TEST_F(DamagedSavedModel, IsAnErrorWhereverAFileEnds) {
  ASSERT_TRUE(reads());
  for (const std::string name :
       {"saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"}) {
    const std::string whole = read_file((folder_ / name).string());
    for (size_t part = 0; part < 12; ++part) {
      write(name, whole.substr(0, whole.size() * part / 12));
      EXPECT_FALSE(reads()) << name << " " << part;
    }
    write(name, whole);
  }
  ASSERT_TRUE(reads());
}

TEST_F(DamagedSavedModel, IsAnErrorOrAModelWhateverItsBytesAre) {
  std::mt19937 random(1);
  for (const std::string name : {"saved_model.pb", "variables/variables.index"}) {
    const std::string whole = read_file((folder_ / name).string());
    for (int round = 0; round < 60; ++round) {
      std::string changed = whole;
      for (int k = 0; k < 20; ++k) changed[random() % changed.size()] = static_cast<char>(random());
      write(name, changed);
      reads();
    }
    write(name, whole);
  }
}

TEST_F(DamagedSavedModel, NoticesAVariableThatChanged) {
  const std::string name = "variables/variables.data-00000-of-00001";
  std::string bytes = read_file((folder_ / name).string());
  for (size_t i = 0; i < bytes.size() / 2; i += 64) bytes[i] = static_cast<char>(~bytes[i]);
  write(name, bytes);
  EXPECT_NE(error_of(folder_.string()).find("checksum"), std::string::npos) << error_of(folder_.string());
}

TEST(GraphDef, FieldsStoredAsAnotherKindAreDamage) {
  const std::string bytes = message([&](Writer& w) {
    w.add_message(1, node("x", "Placeholder", {}, {attribute("dtype", 6, "a type is a number")}));
    w.add_message(1, node("y", "Relu", {"x"}, {}));
  });
  try {
    read_model(std::as_bytes(std::span(bytes)), "m.pb");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("another kind of value"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace hone
