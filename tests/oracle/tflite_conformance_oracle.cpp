// Every case of ONNX's own suite as .tflite in the original runtime. What came of each is recorded in
// tflite_conformance.txt (HONE_RECORD names a file to write it anew): "equal", why there is no file, or why hone cannot
// read the case. A file that the runtime refuses, or for which it gives other numbers, is never right.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "conformance/cases.h"
#include "formats/tflite/tflite.h"
#include "oracle/tflite_runtime.h"
#include "passes/pipelines.h"

namespace hone {
namespace {

constexpr const char* kSuite = "/usr/share/libonnx-testdata/data";
constexpr const char* kRecord = HONE_SOURCE_DIR "/tests/oracle/tflite_conformance.txt";

/// The graph as it stands in a file whose inputs have the sizes of the data.
std::vector<std::byte> written(Graph graph, std::span<const Tensor> inputs) {
  for (size_t i = 0; i < inputs.size(); ++i)
    if (graph.type(graph.inputs()[i]).shape.has_rank()) graph.set_input_shape(graph.inputs()[i], inputs[i].dims());
  run_pipeline(graph, standard_pipeline());
  return write_tflite(graph);
}

/// First line of what stands in the way, without the names of nodes.
std::string reason(const Error& e) {
  const std::vector<std::string> lines = split(e.message(), '\n');
  if (lines.size() < 2) return e.message();
  const size_t end = lines[1].find("): ");
  return end == std::string::npos ? std::string(trim(lines[1])) : lines[1].substr(end + 3);
}

std::map<std::string, std::string> recorded() {
  std::map<std::string, std::string> all;
  if (!std::filesystem::exists(kRecord)) return all;
  for (const std::string& line : split(read_file(kRecord), '\n'))
    if (const size_t at = line.find(": "); at != std::string::npos) all[line.substr(0, at)] = line.substr(at + 2);
  return all;
}

TEST(TfliteConformance, GivesWhatOnnxSaysOrIsNotWritten) {
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  if (!std::filesystem::exists(kSuite)) GTEST_SKIP() << "no suite: apt-get install libonnx-testdata";
  const char* only = std::getenv("HONE_ONLY");
  std::map<std::string, std::string> found;
  for (const conformance::Case& test : conformance::find_cases(kSuite)) {
    const std::string name = cat(test.group, "/", test.name);
    if (only && name.find(only) == std::string::npos) continue;
    std::string refusal;
    bool is_read = false;
    conformance::RunOptions how;
    how.execute = [&](const Graph& graph, std::span<const Tensor> inputs) {
      is_read = true;
      std::vector<std::byte> file;
      try {
        file = written(graph, inputs);
      } catch (const Error& e) {
        refusal = cat("not written: ", reason(e));
        throw;
      }
      std::vector<Tensor> outputs = runtime->run(file, inputs);
      for (size_t i = 0; i < outputs.size() && i < graph.outputs().size(); ++i)
        if (graph.type(graph.outputs()[i]).dtype == DType::kF16) outputs[i] = cast(outputs[i], DType::kF16);
      return outputs;
    };
    const std::string problem = conformance::run_case(test, how);
    found[name] = problem.empty()    ? "equal"
                  : !refusal.empty() ? refusal
                  : !is_read         ? cat("not read: ", problem)
                                     : cat("WRONG: ", problem);
    EXPECT_FALSE(found[name].starts_with("WRONG")) << name << ": " << found[name];
  }
  std::string text;
  for (const auto& [name, verdict] : found) text += cat(name, ": ", verdict, "\n");
  if (const char* path = std::getenv("HONE_RECORD")) return write_file(path, text);
  for (const auto& [name, verdict] : recorded()) {
    if (only && name.find(only) == std::string::npos) continue;
    EXPECT_EQ(found[name], verdict) << name;
  }
}

}  // namespace
}  // namespace hone
