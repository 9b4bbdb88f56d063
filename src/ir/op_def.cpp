#include "ir/op_def.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ir/graph.h"

namespace hone {

InferContext::InferContext(const Attrs& attrs, std::span<const TensorType* const> inputs,
                           std::span<const Tensor* const> constants, size_t outputs, std::span<const Graph> subgraphs)
    : attrs_(attrs), inputs_(inputs), constants_(constants), subgraphs_(subgraphs), outputs_(outputs) {
  for (TensorType& type : outputs_) type.shape = Shape::unranked();
}

const TensorType& InferContext::input(size_t i) const {
  if (!has_input(i))
    throw invalid_model(cat(lower(attrs_.exists() ? attrs_.type().op_name : "operator"), ": input ", i, " is missing"));
  return *inputs_[i];
}

const Tensor* InferContext::constant(size_t i) const { return i < constants_.size() ? constants_[i] : nullptr; }

void InferContext::output(size_t i, DType dtype, Shape shape) {
  if (i < outputs_.size()) outputs_[i] = TensorType{dtype, std::move(shape), nullptr};
}

Tensor& EvalContext::make_output(size_t i) {
  return make_output(i, output_types[i].dtype, output_types[i].shape.dims());
}

Tensor& EvalContext::make_output(size_t i, DType dtype, Dims dims) {
  QuantPtr quant = i < output_types.size() && output_types[i].dtype == dtype ? output_types[i].quant : nullptr;
  outputs[i] = Tensor::empty(dtype, std::move(dims), std::move(quant));
  return outputs[i];
}

OpSet::OpSet(std::vector<const OpDef*> defs) : defs_(std::move(defs)) {
  std::sort(defs_.begin(), defs_.end(), [](const OpDef* a, const OpDef* b) { return a->name < b->name; });
}

const OpDef* OpSet::find(std::string_view name) const {
  const auto at = std::lower_bound(defs_.begin(), defs_.end(), name,
                                   [](const OpDef* def, std::string_view n) { return def->name < n; });
  return at != defs_.end() && (*at)->name == name ? *at : nullptr;
}

}  // namespace hone
