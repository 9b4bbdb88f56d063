#pragma once

#include <memory>
#include <string>
#include <vector>

#include "hone/model.h"
#include "hone/tensor.h"

namespace hone {

struct InferenceOptions {
  int threads = 1;               ///< 0: all CPUs this process may use
  std::string provider = "cpu";  ///< "cpu" or "reference"
  bool exact = false;            ///< requantize in fixed point, bit-equal to the reference
};

/// A model made executable: kernels chosen, weights packed, memory planned. Not thread-safe; make one per thread.
class Inference {
 public:
  /// Throws Error(unsupported) listing every node that cannot be executed.
  explicit Inference(const Model& model, const InferenceOptions& options = {});
  ~Inference();
  Inference(Inference&&) noexcept;

  /// Inputs in the model's order; dtypes and known dims must match, else Error(invalid_argument). The results are views
  /// that stay valid until the next run; Tensor::clone() what must live longer.
  const std::vector<Tensor>& run(const std::vector<Tensor>& inputs);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone
