// Models that torch itself writes (Debian's python3-torch) against what it answers.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "formats/torch_case.h"
#include "ops/binary.h"
#include "ops/reduce.h"
#include "providers/cpu/provider.h"
#include "runtime/program.h"
#include "runtime/session.h"
#include "train/gradient.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPython = "/usr/bin/python3";

bool run(const std::string& arguments) { return std::system(cat(kPython, " ", arguments).c_str()) == 0; }

std::vector<Tensor> run_on_cpu(const Graph& graph, std::span<const Tensor> inputs) {
  Session session(Program::prepared(graph, {.providers = {&cpu_provider()}}));
  std::vector<Tensor> out;
  for (const Tensor& result : session.run(inputs)) out.push_back(result.clone());
  return out;
}

/// The gradients of Σ sin(i) · y[i] over the result y with respect to every input, in place of the outputs.
std::vector<Tensor> gradients_on_cpu(const Graph& model, std::span<const Tensor> inputs) {
  Graph graph = model;
  const ValueId y = graph.outputs().at(0);
  Tensor weights = Tensor::empty(DType::kF32, graph.type(y).shape.dims());
  double i = 0;
  for (float& w : weights.mutable_data<float>()) w = static_cast<float>(std::sin(i++));
  const ValueId loss =
      graph.add(ReduceSum{.keepdims = false}, {graph.add(Mul{}, {y, graph.add_constant(std::move(weights))})});
  graph.set_outputs(add_gradients(graph, loss, std::vector<ValueId>(graph.inputs())));
  return run_on_cpu(graph, inputs);
}

/// Runs tests/oracle/torch/NAME.py, which writes MODEL.pt and MODEL.case, and compares them all.
void compare_all(const std::string& name, double tolerance, size_t least, RunModel how = run_on_reference) {
  if (!run("-c 'import torch, torchvision' 2>/dev/null"))
    GTEST_SKIP() << "torch is absent: apt-get install python3-torch python3-torchvision";
  const std::string folder = cat(HONE_BINARY_DIR, "/oracle_torch/", name);
  ASSERT_TRUE(run(cat("-W ignore ", HONE_SOURCE_DIR, "/tests/oracle/torch/", name, ".py ", folder)));
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".case") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  EXPECT_GE(files.size(), least);
  for (const fs::path& file : files) {
    const TorchCase torch = parse_torch_cases("case model\n" + read_file(file.string())).at(0);
    EXPECT_EQ(differs(fs::path(file).replace_extension(".pt").string(), torch, tolerance, how), "") << file.stem();
  }
}

TEST(TorchOracle, AgreesOnEachOperator) { compare_all("cases", 1e-4, 200); }
TEST(TorchOracle, AgreesOnNetworksTracedScriptedAndFrozen) { compare_all("nets", 1e-4, 60); }
// On the cpu, which sums up integers as torch does, results in 8 bits are equal to the step.
TEST(TorchOracle, AgreesOnQuantizedNetworks) { compare_all("quantized", 1e-4, 6, run_on_cpu); }
TEST(TorchOracle, AgreesOnGradients) { compare_all("gradients", 1e-4, 34, gradients_on_cpu); }

}  // namespace
}  // namespace hone
