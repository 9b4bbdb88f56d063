#include "formats/tensorflow/node.h"

#include "base/error.h"
#include "base/text.h"
#include "ops/movement.h"
#include "ops/permute.h"

namespace hone::tensorflow {

int64_t OpNode::integer(std::string_view key, int64_t otherwise) const {
  const auto found = def.attributes.find(key);
  return found == def.attributes.end() ? otherwise : found->second.integer();
}

float OpNode::real(std::string_view key, float otherwise) const {
  const auto found = def.attributes.find(key);
  return found == def.attributes.end() ? otherwise : static_cast<float>(found->second.real());
}

bool OpNode::flag(std::string_view key) const {
  const auto found = def.attributes.find(key);
  return found != def.attributes.end() && found->second.boolean();
}

std::string OpNode::text(std::string_view key, std::string_view otherwise) const {
  const auto found = def.attributes.find(key);
  return std::string(found == def.attributes.end() ? otherwise : found->second.text());
}

std::vector<int64_t> OpNode::integers(std::string_view key) const {
  const auto found = def.attributes.find(key);
  return found == def.attributes.end() ? std::vector<int64_t>{} : found->second.integers();
}

ValueId OpNode::x(size_t i) const {
  if (i >= in.size() || !in[i].value.exists())
    throw invalid_model(cat("input ", i, " is ", i < in.size() ? "a variable" : "absent", ", expected a value"));
  return in[i].value;
}

int64_t OpNode::rank(size_t i) const {
  if (!type(i).shape.has_rank()) throw unsupported(cat("input ", i, " has an unknown rank"));
  return type(i).shape.rank();
}

const Tensor& OpNode::constant(size_t i) const {
  if (!graph.is_constant(x(i))) throw unsupported(cat("input ", i, " is known only at run time, expected a constant"));
  return graph.value(x(i)).constant;
}

std::vector<int64_t> OpNode::constant_ints(size_t i) const { return to_ints(constant(i)); }

ValueId OpNode::add_constant(Tensor value, std::string_view suffix) {
  return graph.add_constant(std::move(value), cat(name, "/", suffix));
}

ValueId OpNode::ints(const std::vector<int64_t>& values, std::string_view suffix) {
  return add_constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values), suffix);
}

ValueId OpNode::permuted_input(size_t i, const std::vector<int64_t>& perm) {
  if (rank(i) != static_cast<int64_t>(perm.size()))
    throw invalid_model(cat("input ", i, " has rank ", rank(i), ", expected ", perm.size()));
  if (!graph.is_constant(x(i))) return add(Transpose{.perm = perm}, {x(i)});
  return add_constant(permuted(constant(i), perm), "permuted");
}

ValueId OpNode::to_channels_last(ValueId value) {
  return is_channels_first() ? add(Transpose{.perm = {0, 2, 3, 1}}, {value}) : value;
}

ValueId OpNode::from_channels_last(ValueId value) {
  return is_channels_first() ? add(Transpose{.perm = {0, 3, 1, 2}}, {value}) : value;
}

std::vector<int64_t> OpNode::spatial(std::string_view key) const {
  const std::vector<int64_t> all = integers(key);
  if (all.empty()) return {1, 1};
  if (all.size() != 4) throw unsupported(cat(key, " has ", all.size(), " entries, expected 4"));
  const size_t first = is_channels_first() ? 2 : 1;
  if (all[0] != 1 || all[is_channels_first() ? 1 : 3] != 1)
    throw unsupported(cat(key, " moves along batch or channels"));
  return {all[first], all[first + 1]};
}

std::vector<ValueId> OpNode::add_spec(const OpDef& op, Attrs attrs, std::vector<ValueId> inputs, size_t outputs) {
  const NodeId id = graph.add({.def = &op,
                               .attrs = std::move(attrs),
                               .inputs = std::move(inputs),
                               .outputs = outputs,
                               .name = name,
                               .source = {"tensorflow", std::string(def.op), std::string(def.name), 0}});
  return graph.node(id).outputs;
}

const OpRow* find_row(std::string_view op) {
  for (const auto rows : {elementwise_rows(), spatial_rows(), movement_rows(), quantization_rows(), detection_rows()})
    for (const OpRow& row : rows)
      if (row.op == op) return &row;
  return nullptr;
}

}  // namespace hone::tensorflow
