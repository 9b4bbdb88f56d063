#pragma once

#include <functional>
#include <span>

#include "tensor/tensor.h"

namespace hone {

/// A loaded model, ready to run, whoever runs it: inputs in the model's order, as it stores them; the outputs are
/// valid until the next call. Throws Error when the inputs do not fit.
using Infer = std::function<std::span<const Tensor>(std::span<const Tensor> inputs)>;

/// Loads the model for one thread of use. May be called from several threads at once.
using InferMaker = std::function<Infer()>;

}  // namespace hone
