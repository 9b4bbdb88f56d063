#pragma once

#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "runtime/program.h"

namespace hone {

/// Inputs of a model with the outputs that it gave where it was made: who serves it elsewhere repeats them before it
/// takes requests. They lie beside the model, "model.tflite" → "model.golden.npz", as arrays "K/in/NAME", "K/out/NAME".
struct GoldenSample {
  std::vector<Tensor> inputs, outputs;  ///< in the model's order
};

std::string golden_path_of(const std::string& model_path);

/// Runs `program` on each of `inputs`.
std::vector<GoldenSample> make_golden(const std::shared_ptr<const Program>& program,
                                      std::span<const std::vector<Tensor>> inputs);
/// Throws Error(io).
void write_golden(const std::string& path, const Graph& graph, std::span<const GoldenSample> samples);
/// Throws Error(invalid_argument) when the file is broken or an array of the model is missing in it.
std::vector<GoldenSample> read_golden(const std::string& path, const Graph& graph);

/// Throws Error(invalid_model) that names sample and output unless every answer is as expected: integers within one
/// step, real numbers within 1 % of the largest of the output (processors round differently, a wrong model is further
/// off).
void replay_golden(const std::shared_ptr<const Program>& program, std::span<const GoldenSample> samples);

}  // namespace hone
