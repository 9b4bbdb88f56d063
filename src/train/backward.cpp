#include "train/backward.h"

#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "ops/backward.h"
#include "ops/movement.h"
#include "ops/reduce.h"

namespace hone {
namespace {

Tensor number_of(DType dtype, double k) {
  return dtype == DType::kF64 ? Tensor::scalar<double>(k) : cast(Tensor::scalar<float>(static_cast<float>(k)), dtype);
}

}  // namespace

Backward::Backward(Graph& graph, const Node& node, std::vector<ValueId> dy, std::vector<bool> wanted)
    : graph_(graph),
      node_(node),
      dtype_(graph.type(node.outputs[0]).dtype),
      dy_(std::move(dy)),
      dx_(node.inputs.size()),
      wanted_(std::move(wanted)) {}

ValueId Backward::dy() {
  if (!dy_[0].exists()) dy_[0] = zeros(dims(y()));
  return dy_[0];
}

void Backward::refuse(const std::string& why) const {
  throw unsupported(cat(lower(node_.def->name), ": there is no gradient ", why)).add_frame(cat("in ", describe(node_)));
}

std::vector<int64_t> Backward::ints(size_t i) const {
  if (!graph_.is_constant(node_.input(i))) refuse(cat("input ", i, " is known at run time only"));
  return to_ints(graph_.value(node_.input(i)).constant);
}

ValueId Backward::number(ValueId like, double k) { return graph_.add_constant(number_of(graph_.type(like).dtype, k)); }

ValueId Backward::zeros(const Dims& dims) { return expand(graph_.add_constant(number_of(dtype_, 0)), dims); }

ValueId Backward::shape(const Dims& dims) {
  return graph_.add_constant(Tensor::of<int64_t>({static_cast<int64_t>(dims.size())}, std::span<const int64_t>(dims)));
}

ValueId Backward::where_between(ValueId dy, ValueId v, float min, float max) {
  return apply(ClampGradient{.min = min, .max = max}, {dy, v});
}

ValueId Backward::unclamped(float act_min, float act_max) {
  if (act_min == -kInfinity && act_max == kInfinity) return dy();
  return where_between(dy(), y(), act_min, act_max);
}

ValueId Backward::part(ValueId v, int64_t axis, int64_t begin, int64_t count) {
  return apply(Slice{}, {v, shape({begin}), shape({begin + count}), shape({axis})});
}

ValueId Backward::reshape(ValueId v, const Dims& to) {
  return dims(v) == to ? v : apply(Reshape{.allow_zero = true}, {v, shape(to)});
}

ValueId Backward::expand(ValueId v, const Dims& to) { return dims(v) == to ? v : apply(Expand{}, {v, shape(to)}); }

ValueId Backward::transpose(ValueId v, std::vector<int64_t> perm) {
  return apply(Transpose{.perm = std::move(perm)}, {v});
}

ValueId Backward::sum(ValueId v, std::vector<int64_t> axes) {
  return axes.empty() ? v : apply(ReduceSum{}, {v, shape(axes)});
}

ValueId Backward::mean(ValueId v, std::vector<int64_t> axes) {
  return axes.empty() ? v : apply(ReduceMean{}, {v, shape(axes)});
}

ValueId Backward::sum_to(ValueId v, const Dims& to) {
  const Dims from = dims(v);
  const size_t extra = from.size() - to.size();
  std::vector<int64_t> axes(extra);
  std::iota(axes.begin(), axes.end(), 0);
  for (size_t i = 0; i < to.size(); ++i)
    if (to[i] != from[extra + i]) axes.push_back(static_cast<int64_t>(extra + i));
  return reshape(sum(v, axes), to);
}

void Backward::give_summed(size_t i, ValueId v) {
  if (wants(i)) give(i, sum_to(v, dims(x(i))));
}

}  // namespace hone
