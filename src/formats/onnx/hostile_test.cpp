// What a file from anywhere may do to the reader: cause an Error, and nothing else.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "formats/onnx/test_model.h"
#include "formats/onnx/writer.h"
#include "ir/text.h"
#include "ops/all.h"

namespace hone::onnx {
namespace {

using testing::graph;
using testing::model;
using testing::node;
using testing::value;

/// A model with a bit of everything: weights, attributes, a subgraph, Q/DQ.
std::string sample() {
  const std::string branch = graph({{node("Neg", {"a"}, {"t"})}, {}, {value("t", DType::kF32, {1, 2, 4, 4})}, {}, {}});
  return model(graph(
      {{node("Conv", {"x", "w", "b"}, {"a"}, AttributeList().add("pads", std::vector<int64_t>{1, 1, 1, 1})),
        node("If", {"c"}, {"i"}, AttributeList().add_graph("then_branch", branch).add_graph("else_branch", branch)),
        node("QuantizeLinear", {"i", "s", "z"}, {"q"}), node("DequantizeLinear", {"q", "s", "z"}, {"d"}),
        node("Reshape", {"d", "shape"}, {"y"})},
       {value("x", DType::kF32, {1, 3, 4, 4}), value("c", DType::kBool, {})},
       {value("y", DType::kF32, {1, 32})},
       {encode_tensor("w", Tensor::zeros(DType::kF32, {2, 3, 3, 3})),
        encode_tensor("b", Tensor::zeros(DType::kF32, {2})), encode_tensor("s", Tensor::scalar(0.1f)),
        encode_tensor("z", Tensor::scalar<uint8_t>(128)), encode_tensor("shape", Tensor::of<int64_t>({2}, {1, -1}))},
       {}}));
}

/// Reads; an Error is fine, anything else escapes and fails the test.
bool reads(const std::string& bytes) {
  try {
    testing::read(bytes);
    return true;
  } catch (const Error&) {
    return false;
  }
}

std::string error_of(const std::string& bytes, const std::string& path = "model.onnx") {
  try {
    testing::read(bytes, path);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(OnnxHostile, ReadsTheSampleWhenItIsWhole) { EXPECT_TRUE(reads(sample())); }

TEST(OnnxHostile, RefusesEveryTruncation) {
  const std::string whole = sample();
  // What remains before the first node list is complete can be legal; nothing may escape as another exception.
  size_t refused = 0;
  for (size_t length = 0; length < whole.size(); ++length) refused += !reads(whole.substr(0, length));
  EXPECT_GT(refused, whole.size() * 9 / 10);
  EXPECT_NE(error_of(whole.substr(0, whole.size() / 2)).find("damaged ModelProto"), std::string::npos);
}

TEST(OnnxHostile, SurvivesFlippedBits) {
  const std::string whole = sample();
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes = whole;
    for (int flips = 1 + i % 3; flips > 0; --flips)
      bytes[random() % bytes.size()] ^= static_cast<char>(1u << random() % 8);
    reads(bytes);
  }
}

TEST(OnnxHostile, RefusesTensorsThatClaimMoreThanTheyHold) {
  for (const int32_t field : {9, 4}) {
    std::string tensor;
    protozero::pbf_writer w(tensor);
    w.add_int64(1, int64_t{1} << 20);
    w.add_int64(1, int64_t{1} << 20);
    w.add_int32(2, 1);
    w.add_string(8, "w");
    w.add_bytes(static_cast<uint32_t>(field), std::string(16, '\0'));
    const std::string bytes =
        model(graph({{node("Identity", {"w"}, {"y"})}, {}, {value("y", DType::kF32, {1})}, {tensor}, {}}));
    const std::string error = error_of(bytes);
    EXPECT_NE(error.find("tensor 'w'"), std::string::npos) << error;
    EXPECT_NE(error.find("expected"), std::string::npos) << error;
  }
}

TEST(OnnxHostile, RefusesShapesWhoseSizeOverflows) {
  std::string tensor;
  protozero::pbf_writer w(tensor);
  for (int i = 0; i < 4; ++i) w.add_int64(1, int64_t{1} << 40);
  w.add_int32(2, 1);
  w.add_string(8, "w");
  w.add_bytes(9, "");
  const std::string bytes =
      model(graph({{node("Identity", {"w"}, {"y"})}, {}, {value("y", DType::kF32, {1})}, {tensor}, {}}));
  EXPECT_FALSE(reads(bytes));
}

TEST(OnnxHostile, RefusesSubgraphsNestedWithoutEnd) {
  std::string inner = graph({{node("Neg", {"x"}, {"t"})}, {}, {value("t", DType::kF32, {2})}, {}, {}});
  for (int depth = 0; depth < 100; ++depth) {
    const AttributeList branches = AttributeList().add_graph("then_branch", inner).add_graph("else_branch", "");
    inner = graph({{node("If", {"c"}, {"t"}, branches)}, {}, {value("t", DType::kF32, {2})}, {}, {}});
  }
  const AttributeList branches = AttributeList().add_graph("then_branch", inner).add_graph("else_branch", inner);
  const std::string bytes = model(graph({{node("If", {"c"}, {"y"}, branches)},
                                         {value("x", DType::kF32, {2}), value("c", DType::kBool, {})},
                                         {value("y", DType::kF32, {2})},
                                         {},
                                         {}}));
  EXPECT_NE(error_of(bytes).find("nested more than"), std::string::npos);
}

/// A model whose weight lies in a file: location, offset and length as given.
std::string external_model(const std::string& location, const std::string& offset, const std::string& length) {
  std::string tensor;
  protozero::pbf_writer w(tensor);
  w.add_int64(1, 2);
  w.add_int32(2, 1);
  w.add_string(8, "w");
  for (const auto& [key, text] : {std::pair{"location", location}, {"offset", offset}, {"length", length}}) {
    protozero::pbf_writer entry(w, 13);
    entry.add_string(1, key);
    entry.add_string(2, text);
  }
  w.add_int32(14, 1);
  return model(graph({{node("Identity", {"w"}, {"y"})}, {}, {value("y", DType::kF32, {2})}, {tensor}, {}}));
}

TEST(OnnxHostile, ClaimsOfShapesNeedNoMemory) {
  const int64_t huge = int64_t{1} << 40;
  const std::string norm =
      node("GroupNormalization", {"x", "s", "s"}, {"y"}, AttributeList().add("num_groups", int64_t{2}));
  const std::string scale = encode_tensor("s", Tensor::of<float>({2}, {1, 2}));
  const auto claims = [&](const std::string& op, std::vector<std::string> constants) {
    return model(graph({{op},
                        {value("x", DType::kF32, {1, huge, 2, 2})},
                        {value("y", DType::kF32, {1, huge, 2, 2})},
                        std::move(constants),
                        {}}),
                 18);
  };
  EXPECT_EQ(error_of(claims(norm, {scale})), "");
  const std::string bits =
      node("MatMulNBits", {"x", "w", "s"}, {"y"},
           AttributeList().add("K", 1 << 24).add("N", 1 << 20).add("block_size", 1 << 24), "com.microsoft");
  const std::string weight = encode_tensor("w", Tensor::of<uint8_t>({1}, {0}));
  EXPECT_NE(error_of(claims(bits, {scale, weight})).find("expected"), std::string::npos);
}

class OnnxExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("hone_external_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_ / "model");
    const float values[] = {0, 1, 2, 3};
    write_file((folder_ / "model/w.bin").string(), std::as_bytes(std::span(values)));
    write_file((folder_ / "secret.bin").string(), std::as_bytes(std::span(values)));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string error(const std::string& bytes) { return error_of(bytes, (folder_ / "model/m.onnx").string()); }

  std::filesystem::path folder_;
};

TEST_F(OnnxExternalData, IsReadAtItsOffset) {
  const Graph g = testing::read(external_model("w.bin", "8", "8"), (folder_ / "model/m.onnx").string());
  const Tensor& w = g.value(g.node(g.order()[0]).inputs[0]).constant;
  EXPECT_EQ(to_doubles(w), (std::vector<double>{2, 3}));
}

TEST_F(OnnxExternalData, OutsideTheModelsFolderIsRefused) {
  EXPECT_NE(error(external_model("../secret.bin", "0", "8")).find("outside the model's folder"), std::string::npos);
  EXPECT_NE(error(external_model((folder_ / "secret.bin").string(), "0", "8")).find("outside the model's folder"),
            std::string::npos);
  std::filesystem::create_symlink(folder_ / "secret.bin", folder_ / "model/link.bin");
  EXPECT_NE(error(external_model("link.bin", "0", "8")).find("outside the model's folder"), std::string::npos);
}

TEST_F(OnnxExternalData, BeyondTheFilesEndIsRefused) {
  EXPECT_NE(error(external_model("w.bin", "12", "8")).find("which has 16"), std::string::npos);
  EXPECT_NE(error(external_model("w.bin", "9223372036854775807", "8")).find("external data"), std::string::npos);
  EXPECT_NE(error(external_model("w.bin", "-4", "8")).find("expected a number"), std::string::npos);
  EXPECT_NE(error(external_model("w.bin", "0", "4")).find("4 bytes long, expected 8"), std::string::npos);
  EXPECT_NE(error(external_model("gone.bin", "0", "8")).find("no such file"), std::string::npos);
}

}  // namespace
}  // namespace hone::onnx
