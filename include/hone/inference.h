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

/// A model made executable: kernels chosen, weights packed, memory planned. What a model remembers from run to run (the
/// variables of a recurrent TFLite model) lives here. Not thread-safe; make one per thread.
class Inference {
 public:
  /// Throws Error(unsupported) listing every node that cannot be executed.
  explicit Inference(const Model& model, const InferenceOptions& options = {});
  ~Inference();
  Inference(Inference&&) noexcept;

  /// Inputs in the model's order; dtypes and known dims must match, else Error(invalid_argument). The results are views
  /// that stay valid until the next run; Tensor::clone() what must live longer.
  const std::vector<Tensor>& run(const std::vector<Tensor>& inputs);

  /// What the model remembers, by name and type; empty for most models.
  std::vector<Port> states() const;
  /// What state i holds now; valid until the next run. Throws Error(invalid_argument) when there is none.
  const Tensor& state(size_t i) const;
  /// Throws Error(invalid_argument) when dtype or dims are not the state's.
  void set_state(size_t i, const Tensor& value);
  /// Forgets: every state is as before the first run.
  void reset_state();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone
