#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace hone::sweep {

/// A model that a conformance case was turned into.
struct Variant {
  std::string name;            ///< "input 1 absent", "x as f16", …
  std::string model;           ///< encoded ModelProto
  std::vector<Tensor> inputs;  ///< what fits its graph inputs
  bool lies = false;           ///< an output is declared as it is not: who believes that may compute something else
};

/// Calls `visit` with every variant of `model` (encoded, with the case's own `inputs`): as it is; each input of each of
/// its nodes absent; each graph input in every dtype, as a scalar, empty, of one axis less or more, with one element
/// more along the first axis, of unknown rank, of gigantic size; each of these with the graph inputs that hold integers
/// as constants too; and each graph output declared in another shape. The order is always the same.
void for_each_variant(std::string_view model, const std::vector<Tensor>& inputs,
                      const std::function<void(const Variant&)>& visit);

}  // namespace hone::sweep
