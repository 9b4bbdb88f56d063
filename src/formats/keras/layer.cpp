#include "formats/keras/layer.h"

#include "base/error.h"
#include "base/text.h"
#include "ops/movement.h"

namespace hone::keras {

int64_t Layer::integer(std::string_view key, int64_t otherwise) const {
  const Json* value = config.find(key);
  return value && !value->is_null() ? value->as_int() : otherwise;
}

float Layer::real(std::string_view key, float otherwise) const {
  const Json* value = config.find(key);
  return value && !value->is_null() ? static_cast<float>(value->as_number()) : otherwise;
}

bool Layer::flag(std::string_view key, bool otherwise) const {
  const Json* value = config.find(key);
  return value && !value->is_null() ? value->as_bool() : otherwise;
}

std::string Layer::text(std::string_view key, std::string_view otherwise) const {
  const Json* value = config.find(key);
  return value && !value->is_null() ? value->as_string() : std::string(otherwise);
}

std::vector<int64_t> Layer::ints(std::string_view key, size_t count, int64_t otherwise) const {
  const Json* value = config.find(key);
  if (!value || value->is_null()) return std::vector<int64_t>(count, otherwise);
  if (!value->is_array()) return std::vector<int64_t>(count, value->as_int());
  std::vector<int64_t> out;
  for (const Json& item : value->as_array()) out.push_back(item.as_int());
  if (out.size() != count) throw invalid_model(cat(key, " has ", out.size(), " entries, expected ", count));
  return out;
}

ValueId Layer::x() const {
  if (in.empty()) throw invalid_model("has no input");
  return in.front();
}

const Shape& Layer::shape(ValueId value) const { return graph.type(value).shape; }

int64_t Layer::rank(ValueId value) const {
  if (!shape(value).has_rank()) throw unsupported("an input of unknown rank");
  return shape(value).rank();
}

int64_t Layer::dim(ValueId value, int64_t axis) const {
  const int64_t place = axis < 0 ? axis + rank(value) : axis;
  if (place < 0 || place >= rank(value)) throw invalid_model(cat("axis ", axis, " of an input of rank ", rank(value)));
  const Dim& dim = shape(value)[place];
  if (!dim.is_known()) throw unsupported(cat("axis ", axis, " of an input is open"), "fix it: --shape INPUT=DIMS");
  return dim.value();
}

Tensor Layer::weight(std::string_view weight_name, int64_t index, const Dims& dims, std::vector<Part> inner) const {
  std::vector<Part> all = parts;
  all.insert(all.end(), inner.begin(), inner.end());
  Tensor found = weights.find(place, {.name = weight_name, .index = index, .parts = all});
  bool is_fit = found.rank() == static_cast<int64_t>(dims.size());
  for (size_t i = 0; is_fit && i < dims.size(); ++i) is_fit = dims[i] < 0 || found.dims()[i] == dims[i];
  if (!is_fit)
    throw invalid_model(cat("weight '", weight_name, "' has dims ", to_text(std::span(found.dims())), ", expected ",
                            to_text(std::span(dims))));
  return found.dtype() == DType::kF32 ? found : cast(found, DType::kF32);
}

ValueId Layer::constant(Tensor value, std::string_view constant_name) {
  return graph.add_constant(std::move(value), cat(name, "/", constant_name));
}

ValueId Layer::ints_constant(const std::vector<int64_t>& values, std::string_view constant_name) {
  return constant(Tensor::of<int64_t>({static_cast<int64_t>(values.size())}, values), constant_name);
}

std::vector<ValueId> Layer::add_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, size_t outputs) {
  const NodeId id = graph.add({.def = &def,
                               .attrs = std::move(attrs),
                               .inputs = std::move(inputs),
                               .outputs = outputs,
                               .name = name,
                               .source = {"keras", type, name, 0}});
  return graph.node(id).outputs;
}

ValueId Layer::activated(ValueId value, std::string_view key) {
  return apply_activation(*this, value, activation_name(config.find(key)));
}

ValueId Layer::transpose(ValueId value, std::vector<int64_t> perm) {
  return add(Transpose{.perm = std::move(perm)}, {value});
}

ValueId Layer::reshape(ValueId value, const std::vector<int64_t>& dims) {
  return add(Reshape{}, {value, ints_constant(dims, "shape")});
}

ValueId Layer::to_channels_last(ValueId value) {
  if (!is_channels_first()) return value;
  std::vector<int64_t> perm{0};
  for (int64_t i = 2; i < rank(value); ++i) perm.push_back(i);
  perm.push_back(1);
  return transpose(value, perm);
}

ValueId Layer::from_channels_last(ValueId value) {
  if (!is_channels_first()) return value;
  std::vector<int64_t> perm{0, rank(value) - 1};
  for (int64_t i = 1; i + 1 < rank(value); ++i) perm.push_back(i);
  return transpose(value, perm);
}

const LayerRow* find_row(std::string_view type) {
  for (const auto rows : {activation_rows(), conv_rows(), core_rows(), merge_rows(), norm_rows(), pool_rows(),
                          recurrent_rows(), shape_rows()})
    for (const LayerRow& row : rows)
      if (row.type == type) return &row;
  return nullptr;
}

}  // namespace hone::keras
