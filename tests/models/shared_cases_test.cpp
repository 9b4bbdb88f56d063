// Small inputs that once failed, where the checkout has them beside it (shared/cases), on every path: run on the
// reference and on the cpu provider, written to the same and to the other format and read again. What their own
// runtimes answered, and what came of each path in the runtimes, is recorded in tests/oracle/shared_cases.txt
// (`hone_models_oracle --record FILE`); `make oracle-test` asks the runtimes again.

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/formats.h"
#include "formats/onnx/writer.h"
#include "formats/tflite/tflite.h"
#include "ops/interpreter.h"
#include "oracle/model_record.h"
#include "passes/check.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"
#include "support/test_data.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

const fs::path kCases = fs::path(tests_path("")) / "../../shared/cases";

std::vector<Tensor> with_quant_of(const Graph& graph, std::vector<Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs[i].with_quant(graph.type(graph.inputs().at(i)).quant);
  return inputs;
}

std::vector<Tensor> reference(const std::string& path, const std::vector<Tensor>& inputs) {
  return evaluate(read_model(path), inputs);
}

std::vector<Tensor> cpu(const std::string& path, const std::vector<Tensor>& inputs) {
  Graph graph = read_model(path);
  run_pipeline(graph, standard_pipeline());
  Runner runner(std::move(graph), {&cpu_provider()});
  std::vector<Tensor> outputs;
  for (const Tensor& output : runner.run(inputs)) outputs.push_back(output.clone());
  return outputs;
}

std::vector<Tensor> written(const std::string& path, const std::vector<Tensor>& inputs, bool is_tflite) {
  Graph graph = read_model(path);
  run_pipeline(graph, standard_pipeline());
  Graph again;
  if (is_tflite) {
    const std::vector<std::byte> bytes = write_tflite(graph);
    again = read_model(bytes, "written.tflite");
  } else {
    const std::string bytes = onnx::encode_model(graph);
    again = read_model(std::as_bytes(std::span(bytes)), "written.onnx");
  }
  return evaluate(again, with_quant_of(again, inputs));
}

std::vector<Tensor> same_format(const std::string& path, const std::vector<Tensor>& inputs) {
  return written(path, inputs, path.ends_with(".tflite"));
}

std::vector<Tensor> other_format(const std::string& path, const std::vector<Tensor>& inputs) {
  return written(path, inputs, !path.ends_with(".tflite"));
}

struct Path {
  std::string_view name;
  std::vector<Tensor> (*run)(const std::string& path, const std::vector<Tensor>& inputs);
};

constexpr Path kPaths[] = {
    {"reference", reference}, {"cpu", cpu}, {"same format", same_format}, {"other format", other_format}};

std::vector<Tensor> inputs_of(const ModelRecord& record, const std::string& path) {
  Graph graph = read_model(path);
  for (size_t i = 0; i < record.inputs.size(); ++i) graph.set_input_shape(graph.inputs().at(i), record.inputs[i]);
  return generate_inputs(graph, 0);
}

/// "equal", "close: …", "WRONG: …" or "error: …".
Verdict outcome(const Path& way, const ModelRecord& record, const std::string& path) {
  try {
    return judge(way.run(path, inputs_of(record, path)), record);
  } catch (const Error& e) {
    return {Verdict::kError, e.what()};
  }
}

TEST(SharedCases, GiveOnEveryPathWhatTheirRuntimesAnswered) {
  if (!fs::exists(kCases)) GTEST_SKIP() << "no cases: " << kCases;
  for (const ModelRecord& record : parse_model_records(read_file(tests_path("oracle/shared_cases.txt")))) {
    SCOPED_TRACE(record.name);
    const std::string path = kCases / record.name;
    ASSERT_TRUE(fs::exists(path));
    for (const auto& [name, kind] : record.verdicts)
      for (const Path& way : kPaths) {
        if (way.name != name) continue;
        const Verdict found = outcome(way, record, path);
        const bool is_right = kind == "error"                      ? found.kind == Verdict::kError
                              : kind == "equal" || kind == "close" ? found.kind <= Verdict::kClose
                                                                   : true;
        EXPECT_TRUE(is_right) << name << ": " << to_text(found) << ", recorded " << kind;
      }
  }
}

TEST(SharedCases, GiveTheNumbersThatTheirListStates) {
  if (!fs::exists(kCases)) GTEST_SKIP() << "no cases: " << kCases;
  struct Stated {
    const char* file;
    std::vector<Tensor> inputs;
    Dims dims;
    std::vector<double> numbers;
    bool may_be_refused = false;  ///< by a format: sizes or a rank that are not known
  };
  const Tensor ones = Tensor::of<float>({1, 4}, {1, 1, 1, 1});
  const Tensor rows = Tensor::of<float>({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const Stated all[] = {{"qdq_gemm_perchannel.onnx", {ones}, {1, 2}, {0.4, 12.7}},
                        {"keras_reshape_conv.tflite", {ones}, {1, 1, 1, 2}, {10, 26}, true},
                        {"crash_e.onnx", {ones, rows}, {1, 3}, {10, 26, 42}, true}};
  for (const Stated& stated : all)
    for (const Path& way : kPaths) {
      SCOPED_TRACE(cat(stated.file, ", ", way.name));
      try {
        const Tensor found = way.run(kCases / stated.file, stated.inputs).at(0);
        EXPECT_EQ(found.dims(), stated.dims);
        const std::vector<double> numbers = to_doubles(found);
        for (size_t i = 0; i < stated.numbers.size(); ++i) EXPECT_NEAR(numbers.at(i), stated.numbers[i], 1e-5);
      } catch (const Error& e) {
        const bool is_run = way.name == "reference" || way.name == "cpu";
        EXPECT_TRUE(stated.may_be_refused && !is_run && e.code() == ErrorCode::kUnsupported) << e.what();
      }
    }
}

TEST(SharedCases, NoneEndsOtherwiseThanInAResultOrAnError) {
  if (!fs::exists(kCases)) GTEST_SKIP() << "no cases: " << kCases;
  for (const auto& entry : fs::directory_iterator(kCases)) {
    const std::string path = entry.path(), extension = entry.path().extension();
    if (extension != ".onnx" && extension != ".tflite") continue;
    const ModelRecord record{.name = path, .inputs = {}, .answers = {}, .verdicts = {}};
    for (const Path& way : kPaths) outcome(way, record, path);
  }
}

}  // namespace
}  // namespace hone
