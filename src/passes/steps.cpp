#include "passes/steps.h"

#include "ops/movement.h"

namespace hone {

NodeId Steps::add_node(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, const TensorType& first,
                       size_t outputs) {
  const Node* old = graph_.producer(old_);
  NodeSpec spec{.def = &def, .attrs = std::move(attrs), .inputs = std::move(inputs), .outputs = outputs};
  if (old) spec.name = old->name;
  if (old) spec.source = old->source;
  spec.output_names.assign(outputs, graph_.value(old_).name);
  if (def.moves_data && first.quant) spec.output_types.assign(outputs, {first.dtype, Shape::unranked(), first.quant});
  return graph_.add(std::move(spec));
}

std::vector<ValueId> Steps::split(ValueId x, int64_t axis, const std::vector<int64_t>& sizes) {
  if (sizes.size() == 1) return {x};
  const TensorType first = graph_.type(x);
  return graph_.node(add_node(Split::def, Attrs::of(Split{.axis = axis}), {x, ints(sizes)}, first, sizes.size()))
      .outputs;
}

ValueId Steps::slice(ValueId x, int64_t axis, int64_t begin, int64_t end) {
  return add(Slice{}, {x, ints({begin}), ints({end}), ints({axis})});
}

ValueId Steps::concat(std::vector<ValueId> parts, int64_t axis) {
  return parts.size() == 1 ? parts[0] : add(Concat{.axis = axis}, std::move(parts));
}

ValueId Steps::transpose(ValueId x, std::vector<int64_t> perm) { return add(Transpose{.perm = std::move(perm)}, {x}); }

ValueId Steps::add_reshape(ValueId x, const std::vector<int64_t>& dims) { return add(Reshape{}, {x, ints(dims)}); }

ValueId Steps::number(double x, DType dtype) { return constant(cast(Tensor::scalar(x), dtype)); }

}  // namespace hone
