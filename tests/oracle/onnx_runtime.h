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

  /// Runs a model, given as the bytes of a file, on the CPU with all optimizations. Inputs in the model's order.
  /// Throws Error(unsupported) with the runtime's message when it refuses the model or fails.
  std::vector<Tensor> run(const std::string& model, std::span<const Tensor> inputs);
  std::string version() const;

 private:
  OnnxRuntime() = default;
  struct Api;
  std::unique_ptr<Api> api_;
};

}  // namespace hone
