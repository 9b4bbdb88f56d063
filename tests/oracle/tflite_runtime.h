#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

class TfliteLibrary;

/// TensorFlow Lite as a judge: models in, answers out.
class TfliteRuntime {
 public:
  /// Null where support/peer_library.h finds none.
  static std::unique_ptr<TfliteRuntime> open();
  ~TfliteRuntime();

  std::string version() const;
  /// Outputs of one inference, plain (without quantization). Throws Error(unsupported) with what the runtime reported
  /// when it refuses the model or the inputs, which are resized to what is given, and when it crashes or takes minutes:
  /// it runs in a process of its own.
  std::vector<Tensor> run(std::span<const std::byte> model, std::span<const Tensor> inputs) const;
  /// The same for inferences one after another, all of the first one's sizes: variables keep their values in between.
  std::vector<std::vector<Tensor>> run_steps(std::span<const std::byte> model,
                                             const std::vector<std::vector<Tensor>>& steps) const;

 private:
  explicit TfliteRuntime(void* library);
  std::unique_ptr<TfliteLibrary> library_;
};

/// The model with every value that an operator of its main subgraph makes as an output.
std::vector<std::byte> with_all_outputs(std::span<const std::byte> model);
/// Names of the outputs of the main subgraph.
std::vector<std::string> output_names(std::span<const std::byte> model);

}  // namespace hone
