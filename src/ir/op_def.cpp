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

const Tensor* InferContext::constant(size_t i) const {
  asked_for_constants_ = true;
  return i < constants_.size() ? constants_[i] : nullptr;
}

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

namespace {

/// The rule of input i; inputs that no rule speaks of get one from the arity.
InputRule rule_of(const OpDef& def, size_t i) {
  InputRule rule = def.inputs.empty() ? InputRule() : def.inputs[std::min(i, def.inputs.size() - 1)];
  rule.is_optional |= def.max_inputs >= 0 && i >= static_cast<size_t>(def.min_inputs);
  return rule;
}

std::string ranks_of(const InputRule& rule) {
  if (rule.max_rank == InputRule::kAnyRank) return cat(int{rule.min_rank}, " or more");
  return rule.min_rank == rule.max_rank ? cat(int{rule.min_rank}) : cat(int{rule.min_rank}, " to ", int{rule.max_rank});
}

void check_input(const OpDef& def, std::span<const TensorType* const> inputs, size_t i) {
  const InputRule rule = rule_of(def, i);
  const std::string what = rule.name.empty() ? cat("input ", i) : std::string(rule.name);
  if (i >= inputs.size() || !inputs[i]) {
    if (rule.is_optional) return;
    throw invalid_model(cat(lower(def.name), ": ", what, " is missing"));
  }
  const DType dtype = inputs[i]->logical_dtype();
  if (!rule.dtypes.contains(dtype))
    throw invalid_model(cat(lower(def.name), ": dtype of ", what, " is ", to_string(dtype), ", not supported"));
  if (const auto other = static_cast<size_t>(rule.same_dtype_as);
      rule.same_dtype_as >= 0 && other < inputs.size() && inputs[other] && inputs[other]->logical_dtype() != dtype)
    throw invalid_model(cat(lower(def.name), ": inputs ", other, " and ", i, " have dtypes ",
                            to_string(inputs[other]->logical_dtype()), " and ", to_string(dtype),
                            ", expected equal ones"));
  const Shape& shape = inputs[i]->shape;
  if (shape.has_rank() && (shape.rank() < rule.min_rank || shape.rank() > rule.max_rank))
    throw invalid_model(
        cat(lower(def.name), ": ", what, " has shape ", to_text(shape), ", expected rank ", ranks_of(rule)));
}

}  // namespace

std::vector<TensorType> infer_types(const OpDef& def, const Attrs& attrs, std::span<const TensorType* const> inputs,
                                    std::span<const Tensor* const> constants, size_t outputs,
                                    std::span<const Graph> subgraphs, bool* reads_constants) {
  if (!def.infer) throw internal_error(cat("operator ", def.name, " has no type inference"));
  const size_t counted = std::max(inputs.size(), static_cast<size_t>(def.min_inputs));
  for (size_t i = 0; i < counted; ++i) check_input(def, inputs, i);
  InferContext context(attrs, inputs, constants, outputs, subgraphs);
  def.infer(context);
  if (reads_constants) *reads_constants = context.was_asked_for_constants();
  return context.take_outputs();
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
