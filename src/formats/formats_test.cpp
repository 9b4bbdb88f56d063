#include "formats/formats.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

std::string error_of(const std::string& content, const std::string& name) {
  try {
    read_model(std::as_bytes(std::span(content)), name);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(Formats, SayWhatAFileIsInstead) {
  EXPECT_NE(error_of("<!DOCTYPE html><html>", "m.onnx").find("'m.onnx' is a web page"), std::string::npos);
  EXPECT_NE(error_of("\n <html><body>", "m.onnx").find("truncated or is no ONNX model"), std::string::npos);
  EXPECT_NE(error_of("version https://git-lfs.github.com/spec/v1\n", "m.tflite").find("git lfs pull"),
            std::string::npos);
  EXPECT_NE(error_of("PK\x03\x04rest", "m.pt").find("zip archive"), std::string::npos);
  EXPECT_NE(error_of("", "m.onnx").find("'m.onnx' is empty"), std::string::npos);
  EXPECT_NE(error_of("hello", "m.bin").find("in no format hone reads"), std::string::npos);
}

TEST(Formats, NameTheExtensionsTheyWrite) {
  try {
    write_model(Graph(), "model.xyz");
    FAIL() << "expected an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(e.hint().find(".onnx"), std::string::npos) << e.hint();
    EXPECT_NE(e.hint().find(".tflite"), std::string::npos) << e.hint();
  }
}

TEST(Formats, SayWhenAFormatIsOnlyRead) {
  for (const char* path : {"m.h5", "m.keras", "m.pb"}) {
    try {
      write_model(Graph(), path);
      FAIL() << "expected an error";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
      EXPECT_NE(e.message().find("are read, not written"), std::string::npos) << e.what();
      EXPECT_NE(e.hint().find(".onnx"), std::string::npos) << e.hint();
      EXPECT_EQ(e.hint().find(".h5"), std::string::npos) << e.hint();
    }
  }
}

TEST(Formats, SayThatAFolderHoldsNoModel) {
  const auto folder = std::filesystem::temp_directory_path() / ("hone_folder_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  try {
    read_model(folder.string());
    ADD_FAILURE() << "expected an error";
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("is a folder without a model that hone reads"), std::string::npos) << e.what();
  }
  std::filesystem::remove_all(folder);
}

TEST(Formats, NameTheModelThatLiesInsideOfAFolder) {
  const auto folder = std::filesystem::temp_directory_path() / ("hone_inside_" + std::to_string(::getpid()));
  const auto hint = [&] {
    try {
      read_model(folder.string());
    } catch (const Error& e) {
      return e.hint();
    }
    return std::string("read");
  };
  std::filesystem::create_directories(folder / "b");
  std::ofstream(folder / "b/model.onnx") << "x";
  EXPECT_NE(hint().find((folder / "b/model.onnx").string()), std::string::npos) << hint();
  std::filesystem::create_directories(folder / "saved");
  std::ofstream(folder / "saved/saved_model.pb") << "x";
  EXPECT_NE(hint().find((folder / "saved").string() + "'"), std::string::npos) << hint();
  std::filesystem::remove_all(folder);
}

TEST(Formats, SayWhenAFileIsNotThere) { EXPECT_THROW(read_model("/nonexistent/m.onnx"), Error); }

TEST(Formats, RoundTripThroughEveryExtension) {
  const auto folder = std::filesystem::temp_directory_path() / ("hone_formats_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const Graph g = parse_graph(R"(graph "g" {
    input %x: f32[1,4]
    const %w: f32[2,4] = random(1)
    %y: f32[1,2] = FullyConnected(%x, %w)
    output %y
  })",
                              all_ops());
  const std::vector<Tensor> inputs{Tensor::of<float>({1, 4}, {1, 2, 3, 4})};
  const std::vector<double> expected = to_doubles(evaluate(g, inputs).at(0));
  for (const char* name : {"m.onnx", "m.tflite", "m.hone"}) {
    const std::string path = (folder / name).string();
    write_model(g, path);
    const std::vector<double> found = to_doubles(evaluate(read_model(path), inputs).at(0));
    ASSERT_EQ(found.size(), expected.size());
    for (size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(found[i], expected[i], 1e-5) << name;
  }
  std::filesystem::remove_all(folder);
}

TEST(Formats, ListAllUnknownOperatorsAtOnce) {
  const Graph g = parse_graph(R"(graph "g" {
    input %x: f32[2]
    %a: f32[2] = Opaque(%x) {format="onnx", domain="d", type="Foo"}
    %b: f32[2] = Opaque(%a) {format="onnx", type="Bar", reason="it is new"}
    %c: f32[2] = Opaque(%b) {format="onnx", domain="d", type="Foo"}
    output %c
  })",
                              all_ops());
  try {
    require_known_operators(g);
    FAIL() << "expected an error";
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("2 operators hone does not know"), std::string::npos) << text;
    EXPECT_NE(text.find("d.Foo: 2 nodes"), std::string::npos) << text;
    EXPECT_NE(text.find("Bar (it is new): 1 node"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace hone
