#include "formats/keras/weights.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "tensor/stored.h"

namespace hone::keras {

namespace {

DType dtype_of(const Hdf5File::Array& array) {
  using Kind = Hdf5File::Kind;
  struct Row {
    Kind kind;
    int64_t size;
    DType dtype;
  };
  static constexpr Row kRows[] = {{Kind::real, 4, DType::kF32},           {Kind::real, 2, DType::kF16},
                                  {Kind::real, 8, DType::kF64},           {Kind::integer, 1, DType::kI8},
                                  {Kind::integer, 4, DType::kI32},        {Kind::integer, 8, DType::kI64},
                                  {Kind::unsigned_integer, 1, DType::kU8}};
  for (const Row& row : kRows)
    if (row.kind == array.kind && row.size == array.element_size) return row.dtype;
  throw unsupported(cat("a weight has elements of ", array.element_size, " bytes, expected f32, f16, f64 or integers"));
}

/// Texts of an attribute that is split into NAME0, NAME1, … where it would be too large.
std::vector<std::string> all_texts(const Hdf5File& file, Hdf5File::Address object, const std::string& name) {
  if (auto whole = file.texts(object, name)) return *whole;
  std::vector<std::string> out;
  for (int i = 0; i < 4096; ++i) {
    const auto more = file.texts(object, cat(name, i));
    if (!more) break;
    out.insert(out.end(), more->begin(), more->end());
  }
  return out;
}

}  // namespace

Weights::Weights(std::shared_ptr<const Hdf5File> file, Order order)
    : file_(std::move(file)), order_(order), top_(file_->root()) {
  if (order == Order::by_path) return;
  if (const auto inner = file_->find(top_, "model_weights")) top_ = *inner;
}

Tensor Weights::tensor(Hdf5File::Address object) const {
  const Hdf5File::Array array = file_->array(object);
  const DType dtype = dtype_of(array);
  const bool is_half =
      file_->texts(object, "dtype").value_or(std::vector<std::string>{}) == std::vector<std::string>{"bfloat16"};
  if (is_half) throw unsupported("a weight is stored as bfloat16", "save the model in float32");
  return stored_tensor(dtype, Dims(array.dims.begin(), array.dims.end()), array.bytes.data, array.bytes.owner);
}

const std::vector<Weights::Named>& Weights::group(const std::string& layer) const {
  const auto known = groups_.find(layer);
  if (known != groups_.end()) return known->second;
  std::vector<Named>& found = groups_[layer];
  const auto members = file_->children(top_);
  const auto member = members.find(layer);
  if (member == members.end()) return found;
  for (const std::string& name : all_texts(*file_, member->second, "weight_names")) {
    const auto array = file_->find(member->second, name);
    if (!array) throw invalid_model(cat("weight '", name, "' is listed and is not there"));
    std::vector<std::string> components = split(name, '/');
    components.back() = components.back().substr(0, components.back().find(':'));
    found.push_back({std::move(components), *array});
  }
  return found;
}

Tensor Weights::by_name(const WeightPlace& place, const WeightQuery& query) const {
  const std::vector<std::string> names = split(query.name, '|');
  std::vector<Hdf5File::Address> fitting;
  for (const Named& weight : group(place.names.front())) {
    const auto& words = weight.components;
    const auto has = [&](auto&& test) { return std::any_of(words.begin(), words.end() - 1, test); };
    if (std::find(names.begin(), names.end(), words.back()) == names.end()) continue;
    if (place.names.size() > 1 && !has([&](const std::string& word) { return word == place.names.back(); })) continue;
    bool is_part = true;
    for (const Part& part : query.parts)
      is_part = is_part && (part.word.empty() || has([&](const std::string& w) { return w.starts_with(part.word); }));
    if (is_part) fitting.push_back(weight.array);
  }
  if (fitting.size() != 1)
    throw invalid_model(cat("weight '", query.name, "' is in the file ", fitting.size(), " times, expected once"));
  return tensor(fitting.front());
}

Tensor Weights::by_path(const WeightPlace& place, const WeightQuery& query) const {
  // Keras 2 called a model's list of layers otherwise.
  for (const std::string_view list : {"layers", "_layer_checkpoint_dependencies"}) {
    std::string start;
    for (const std::string& word : split(place.path, '/'))
      start += cat(start.empty() ? "" : "/", word == "layers" ? list : word);
    std::vector<Hdf5File::Address> at;
    if (const auto layer = file_->find(top_, start)) at.push_back(*layer);
    for (const Part& part : query.parts) {
      std::vector<Hdf5File::Address> deeper;
      if (part.path.empty()) continue;
      for (const Hdf5File::Address object : at)
        for (const std::string& name : split(part.path, '|'))
          if (const auto inner = file_->find(object, name)) deeper.push_back(*inner);
      at = std::move(deeper);
    }
    for (const Hdf5File::Address object : at)
      if (const auto array = file_->find(object, cat("vars/", query.index))) return tensor(*array);
  }
  throw invalid_model(cat("weight '", query.name, "' is not in the file at ", place.path, ", number ", query.index));
}

Tensor Weights::find(const WeightPlace& place, const WeightQuery& query) const {
  return order_ == Order::by_name ? by_name(place, query) : by_path(place, query);
}

}  // namespace hone::keras
