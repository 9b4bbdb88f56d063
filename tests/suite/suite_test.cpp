#include "support/suite.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "formats/onnx/onnx.h"
#include "formats/tflite/tflite.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace hone {
namespace {

/// Compiled and run by the runtime, with these providers before the reference.
SuiteTarget planned(std::string name, std::vector<const Provider*> providers, bool exact, int64_t extra_steps) {
  const auto run = [providers, exact](const Graph& graph, std::span<const Tensor> inputs) {
    Runner runner(graph, providers, {.exact = exact});
    std::vector<Tensor> outputs;
    for (const Tensor& out : runner.run(inputs)) outputs.push_back(out.clone());
    return std::optional(std::move(outputs));
  };
  return {.name = std::move(name), .run = run, .extra_steps = extra_steps};
}

/// Written to a file, read again, run on the reference. Formats may round quantized operators in their own way, and
/// TFLite's 16-bit kernels go through tables and 10-bit coordinates that are some 16-bit steps from the formula.
SuiteTarget round_trip(const Format& format) {
  const auto run = [&format](const Graph& graph, std::span<const Tensor> inputs) -> std::optional<std::vector<Tensor>> {
    const std::string path = testing::TempDir() + "suite_" +
                             std::to_string(testing::UnitTest::GetInstance()->random_seed()) +
                             std::string(format.extensions.front());
    try {
      format.write(graph, {path});
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kUnsupported) return std::nullopt;
      throw;
    }
    const auto file = MappedFile::open(path);
    const Graph again = format.read({path, file->bytes(), file});
    std::filesystem::remove(path);
    // A reader may give dynamic dimensions a default size.
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!compatible(again.type(again.inputs().at(i)).shape, Shape(inputs[i].dims()))) return std::nullopt;
    return reference_target().run(again, inputs);
  };
  return {
      .name = std::string(format.name), .run = run, .extra_steps = 1, .extra_fine_steps = 128, .keeps_types = false};
}

class Suite : public testing::TestWithParam<std::string> {
 protected:
  /// Runs every case of the file; returns how many the target took.
  int run(const SuiteTarget& target) {
    int taken = 0;
    for (const SuiteCase& c : load_suite(GetParam())) {
      const SuiteResult result = run_case(c, target);
      taken += result.was_run;
      if (!result.failure.empty())
        ADD_FAILURE() << c.file << ":" << c.line << ": case " << c.name << " on " << target.name << "\n  "
                      << result.failure;
    }
    return taken;
  }
};

TEST_P(Suite, PassesOnTheReference) { EXPECT_GT(run(reference_target()), 0); }

TEST_P(Suite, PassesWhenPlanned) { EXPECT_GT(run(planned("plan", {&reference_provider()}, true, 0)), 0); }

TEST_P(Suite, PassesOnTheCpuProvider) { EXPECT_GT(run(planned("cpu", {&cpu_provider()}, false, 1)), 0); }

TEST_P(Suite, PassesOnTheExactCpuProvider) { EXPECT_GT(run(planned("exact cpu", {&cpu_provider()}, true, 0)), 0); }

TEST_P(Suite, SurvivesOnnx) { run(round_trip(kOnnxFormat)); }

TEST_P(Suite, SurvivesTflite) { run(round_trip(kTfliteFormat)); }

INSTANTIATE_TEST_SUITE_P(Cases, Suite, testing::ValuesIn(suite_files()),
                         [](const auto& info) { return std::filesystem::path(info.param).stem().string(); });

}  // namespace
}  // namespace hone
