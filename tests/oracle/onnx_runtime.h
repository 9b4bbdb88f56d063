#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

class OnnxRuntimeLibrary;

/// ONNX Runtime as a judge: models in, answers out.
class OnnxRuntime {
 public:
  /// Null where support/peer_library.h finds none.
  static std::unique_ptr<OnnxRuntime> open();
  ~OnnxRuntime();

  enum class Optimizer { on, off };

  /// Runs a model, given as the bytes of a file, on the CPU. Inputs in the model's order.
  /// Throws Error(unsupported) with the runtime's message when it refuses the model or fails.
  std::vector<Tensor> run(const std::string& model, std::span<const Tensor> inputs,
                          Optimizer optimizer = Optimizer::on);
  /// Whether the runtime takes the model, its optimizer off.
  bool loads(const std::string& model);
  std::string version() const;

 private:
  explicit OnnxRuntime(void* library);
  std::unique_ptr<OnnxRuntimeLibrary> library_;
};

}  // namespace hone
