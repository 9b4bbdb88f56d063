// Every case of tests/suite that TFLite can say, run in the original runtime and on the reference: quantized results
// must be the same integers, on the case's own inputs and on random ones.

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/tflite.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "oracle/tflite_runtime.h"
#include "support/suite.h"

namespace hone {
namespace {

constexpr int kRandomRuns = 16;

/// The case's inputs; from the first run on, quantized ones are random over their whole range.
std::vector<Tensor> inputs_for(const SuiteCase& c, const Graph& graph, int run) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) {
    const Value& value = graph.value(id);
    for (const auto& [name, tensor] : c.feeds) {
      if (name != value.name) continue;
      inputs.push_back(tensor);
      if (run == 0 || !tensor.quant()) continue;
      const Graph random = parse_graph(
          cat("graph { const %x: ", to_text(tensor.type()), " = random(", run * 100 + inputs.size(), ") }"), OpSet({}));
      inputs.back() = random.value(ValueId{0}).constant;
    }
  }
  return inputs;
}

bool has_quantized_input(const SuiteCase& c) {
  for (const auto& [name, tensor] : c.feeds)
    if (tensor.quant()) return true;
  return false;
}

/// What came of a case: taken by the runtime or not, and the first difference.
struct Outcome {
  bool was_run = false;
  std::string refusal, failure;
};

Outcome compare(const SuiteCase& c, const TfliteRuntime& runtime) {
  const Graph graph = parse_graph(c.graph, all_ops());
  std::vector<std::byte> bytes;
  try {
    bytes = write_tflite(graph);
  } catch (const Error&) {
    return {};
  }
  const Graph again = read_tflite(bytes, nullptr);
  Outcome outcome;
  for (int run = 0; run < (has_quantized_input(c) ? kRandomRuns : 1); ++run) {
    const std::vector<Tensor> inputs = inputs_for(c, graph, run);
    if (inputs.size() != again.inputs().size()) return {};
    for (size_t i = 0; i < inputs.size(); ++i)
      if (!compatible(again.type(again.inputs()[i]).shape, Shape(inputs[i].dims()))) return {};
    std::vector<Tensor> theirs;
    try {
      theirs = runtime.run(bytes, inputs);
    } catch (const Error& e) {
      outcome.refusal = e.message();
      return outcome;
    }
    outcome.was_run = true;
    const std::vector<Tensor> ours = evaluate(again, inputs);
    for (size_t i = 0; i < ours.size(); ++i) {
      Tolerance tolerance = c.tolerance;
      const Tensor expected = theirs.at(i).with_quant(ours[i].quant());
      if (expected.dtype() != ours[i].dtype()) continue;
      const std::string problem = difference(ours[i], expected, tolerance);
      if (!problem.empty()) {
        outcome.failure = cat("run ", run, ", output ", i, " ", problem);
        return outcome;
      }
    }
  }
  return outcome;
}

class TfliteSuite : public testing::TestWithParam<std::string> {};

TEST_P(TfliteSuite, GivesTheSameResults) {
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "TFLite's library is not installed: run tests/oracle/fetch.sh";
  int taken = 0;
  for (const SuiteCase& c : load_suite(GetParam())) {
    if (c.reference_only || !c.error.empty()) continue;
    try {
      const Outcome outcome = compare(c, *runtime);
      taken += outcome.was_run;
      if (!outcome.refusal.empty())
        ADD_FAILURE() << c.file << ":" << c.line << ": case " << c.name << " is refused: " << outcome.refusal;
      if (!outcome.failure.empty())
        ADD_FAILURE() << c.file << ":" << c.line << ": case " << c.name << "\n  " << outcome.failure;
    } catch (const Error& e) {
      ADD_FAILURE() << c.file << ":" << c.line << ": case " << c.name << "\n  " << e.what();
    }
  }
  std::printf("  %d cases ran in TFLite %s\n", taken, runtime->version().c_str());
}

INSTANTIATE_TEST_SUITE_P(Cases, TfliteSuite, testing::ValuesIn(suite_files()),
                         [](const auto& info) { return std::filesystem::path(info.param).stem().string(); });

}  // namespace
}  // namespace hone
