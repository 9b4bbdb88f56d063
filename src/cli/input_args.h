#pragma once

#include <string>
#include <vector>

#include "cli/model_args.h"

namespace hone {

/// --input, and the flags that say how files become inputs.
struct InputArgs {
  std::vector<std::string> files;  ///< "NAME=FILE", or "FILE" for the inputs in order
  PreprocessArgs preprocess;

  void declare(Args& args);
  /// One tensor per graph input, in order; where no file was given, one without a value. Throws Error(invalid_argument)
  /// for a file too many, and what reading and preprocessing throw, naming the input.
  std::vector<Tensor> load(const Graph& graph) const;
  /// The same with generated numbers (seed 0, open sizes as 1) for inputs without a file.
  std::vector<Tensor> load_or_generate(Graph graph) const;
};

}  // namespace hone
