#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone::conformance {

/// One case of the suite: a folder with model.onnx and test_data_set_N/{input_I,output_J}.pb.
struct Case {
  std::string group;  ///< "node", "simple", …
  std::string name;   ///< without "test_"
  std::string path;
};

/// Every case under `root`, sorted by group and name. Throws Error(not_found) when there is none.
std::vector<Case> find_cases(const std::string& root);

/// Inputs of the case's first data set; those that are no tensors, and all behind them, are missing.
std::vector<Tensor> inputs_of(const Case& test);

/// How a case is run.
struct RunOptions {
  bool round_trip = false;  ///< write the model as ONNX and read that back first
  std::function<std::vector<Tensor>(const Graph&, std::span<const Tensor>)> execute;
};

/// Runs all data sets of a case. Empty when outputs are as expected (relative 1e-3, absolute 1e-7, integers exactly),
/// else what is wrong. Results of a random operator are compared by dtype, shape and share of ones.
std::string run_case(const Case& test, const RunOptions& options);

}  // namespace hone::conformance
