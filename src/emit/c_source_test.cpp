#include "emit/c_source.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/tflite/tflite.h"
#include "ir/text.h"
#include "ops/all.h"
#include "support/test_data.h"

namespace hone {
namespace {

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/hone-emit-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

/// What the check says when the sources are compiled as strictly as compilers can and run: "0 bytes differ\n".
std::string checked(const CSource& c) {
  const Folder folder;
  write_file(folder.path + "/model.h", std::string_view(c.header));
  write_file(folder.path + "/model.c", std::string_view(c.source));
  write_file(folder.path + "/model_check.c", std::string_view(c.check));
  const std::string command =
      cat("cd ", folder.path, " && { cc -std=c99 -O1 -Wall -Wextra -Werror -pedantic -fsanitize=undefined ",
          "-fno-sanitize-recover=all model.c model_check.c -o check && ./check; } >said 2>&1");
  [[maybe_unused]] const int status = std::system(command.c_str());
  return read_file(folder.path + "/said");
}

bool has_compiler() { return std::system("cc --version >/dev/null 2>&1") == 0; }

TEST(EmitC, AnswersAsTheReferenceDoesBitForBit) {
  if (!has_compiler()) GTEST_SKIP() << "no C compiler";
  const Graph graph = parse_graph(R"(graph {
    arithmetic fixed_point
    input %x: i8[1,9,8,4]{scale=0.05, zero_point=-3}
    const %w: i8[8,3,3,4]{scale=0.01, zero_point=0} = random(1)
    const %b: i32[8]{scale=0.0005, zero_point=0} = random(2)
    const %d: i8[8,3,3,1]{axis=0, scale=[0.01, 0.02, 0.01, 0.03, 0.01, 0.02, 0.01, 0.05], zero_point=[0, 0, 0, 0, 0, 0, 0, 0]} = random(3)
    %c: i8[1,5,4,8]{scale=0.07, zero_point=5} = Conv(%x, %w, %b) {strides=[2, 2], auto_pad=same_upper, act_min=0}
    %e: i8[1,5,4,8]{scale=0.09, zero_point=1} = Conv(%c, %d) {groups=8, auto_pad=same_upper}
    %a: i8[1,5,4,8]{scale=0.1, zero_point=-7} = Add(%c, %e) {act_max=6}
    %t: i8[1,5,4,8]{scale=0.0078125, zero_point=0} = Tanh(%a)
    %m: i8[1,2,2,8]{scale=0.0078125, zero_point=0} = MaxPool(%t) {kernel=[2, 2], strides=[2, 2]}
    %p: i8[1,2,2,8]{scale=0.1, zero_point=-7} = AveragePool(%a) {kernel=[3, 2], strides=[2, 2]}
    %j: i8[1,2,2,16]{scale=0.1, zero_point=-7} = Concat(%m, %p) {axis=-1}
    const %shape: i64[2] = {1, 64}
    %f: i8[1,64]{scale=0.1, zero_point=-7} = Reshape(%j, %shape)
    const %fw: i8[10,64]{scale=0.02, zero_point=0} = random(5)
    %l: i8[1,10]{scale=0.2, zero_point=3} = FullyConnected(%f, %fw)
    %s: i8[1,10]{scale=0.00390625, zero_point=-128} = Softmax(%l)
    %y: f32[1,10] = Dequantize(%s)
    output %y, %l
  })",
                                  all_ops());
  EXPECT_EQ(checked(emit_c(graph, {.name = "model", .samples = 4})), "0 bytes differ\n");
}

TEST(EmitC, TakesUnsignedBytesAndReals) {
  if (!has_compiler()) GTEST_SKIP() << "no C compiler";
  const Graph graph = parse_graph(R"(graph {
    arithmetic fixed_point
    input %r: f32[1,4,4,3]
    const %w: u8[3,1,1,3]{scale=0.01, zero_point=120} = random(1)
    %x: u8[1,4,4,3]{scale=0.02, zero_point=128} = Quantize(%r)
    %c: u8[1,4,4,3]{scale=0.03, zero_point=100} = Conv(%x, %w)
    %m: u8[1,4,4,3]{scale=0.01, zero_point=90} = Mul(%c, %x)
    %s: u8[1,4,4,3]{scale=0.05, zero_point=11} = Sub(%m, %c)
    output %s
  })",
                                  all_ops());
  EXPECT_EQ(checked(emit_c(graph, {.name = "model", .samples = 3})), "0 bytes differ\n");
}

class EmitCModels : public testing::TestWithParam<const char*> {};

TEST_P(EmitCModels, AnswerAsTheReferenceDoes) {
  const auto path = test_data(GetParam());
  if (!path) GTEST_SKIP() << "no test data: set HONE_TEST_DATA";
  if (!has_compiler()) GTEST_SKIP() << "no C compiler";
  const auto file = MappedFile::open(*path);
  const Graph graph = kTfliteFormat.read({*path, file->bytes(), file});
  EXPECT_EQ(checked(emit_c(graph, {.name = "model", .samples = 2})), "0 bytes differ\n");
}

INSTANTIATE_TEST_SUITE_P(Models, EmitCModels,
                         testing::Values("mlperf_tiny/ic/pretrainedResnet_quant.tflite",
                                         "mlperf_tiny/kws/kws_ref_model.tflite",
                                         "mlperf_tiny/ic/pretrainedResnet_large_int8.tflite",
                                         "mlperf_tiny/vww/vww_96_int8.tflite",
                                         "imagenet/mobilenet_v1_0.25_128_quant.tflite"));

TEST(EmitC, SaysWhatItCannotWrite) {
  const auto error = [](std::string_view text) -> std::string {
    try {
      emit_c(parse_graph(text, all_ops()));
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_NE(error("graph { input %x: f32[1,2]\n %y = Relu(%x)\n output %y }").find("fixed-point"), std::string::npos);
  EXPECT_NE(error("graph { arithmetic fixed_point\n input %x: f32[1,2]\n %y = Exp(%x)\n output %y }").find("Exp"),
            std::string::npos);
  EXPECT_NE(
      error("graph { arithmetic fixed_point\n input %x: f32[2]\n %y = NonZero(%x)\n output %y }").find("open sizes"),
      std::string::npos);
}

TEST(EmitC, MakesNamesIdentifiers) {
  EXPECT_EQ(c_identifier("a-b.c"), "a_b_c");
  EXPECT_EQ(c_identifier("1st"), "model_1st");
}

}  // namespace
}  // namespace hone
