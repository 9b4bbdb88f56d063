#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"
#include "tensor/tensor.h"

namespace hone {

/// A program of TorchScript with arguments and what torch answered (tests/oracle/torch/cases.py writes them).
struct TorchCase {
  using Named = std::vector<std::pair<std::string, Tensor>>;
  std::string name;
  std::map<std::string, std::string> files;  ///< "__torch__/net.py" → its text
  Named parameters, inputs, outputs;
};

/// Lines: "case NAME", "file PATH", "| SOURCE", and "parameter|in|out NAME DTYPE [DIMS] VALUES".
std::vector<TorchCase> parse_torch_cases(std::string_view text);

/// Writes an archive as torch does, with a pickle made here, of an instance of class `type` ("__torch__.net.Net").
void write_torch(const std::string& path, const std::string& type, const std::map<std::string, std::string>& files,
                 const TorchCase::Named& parameters);

/// Pickle of `value`s for tests that write their own: pieces of protocol 2.
std::string pickled_text(const std::string& text);
std::string pickled_int(int32_t value);

/// Runs a model on inputs.
using RunModel = std::vector<Tensor> (*)(const Graph& graph, std::span<const Tensor> inputs);
std::vector<Tensor> run_on_reference(const Graph& graph, std::span<const Tensor> inputs);

/// Reads the model with the shapes of the case's inputs and runs it; "" when all outputs are as torch
/// gave them within `tolerance` (of what is not smaller than 1), else what differs.
std::string differs(const std::string& path, const TorchCase& torch, double tolerance, RunModel run = run_on_reference);

}  // namespace hone
