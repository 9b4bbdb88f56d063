#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace hone {

/// ONNX Runtime's shared library from the npm package onnxruntime-node, loaded at run time through its C API.
class OnnxRuntime {
 public:
  /// The library under build/oracle (tests/oracle/fetch.sh puts it there) or null when it is absent.
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
  OnnxRuntime() = default;
  std::shared_ptr<void> load(const std::string& model, Optimizer optimizer);
  struct Api;
  std::unique_ptr<Api> api_;
};

}  // namespace hone
