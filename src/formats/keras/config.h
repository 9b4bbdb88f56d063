#pragma once

#include <string>
#include <vector>

#include "container/json.h"

namespace hone::keras {

/// A member of an object. Throws Error(invalid_model) when it is not there.
const Json& member(const Json& object, std::string_view key);
/// The layer's "class_name", its name, its configuration.
std::string class_of(const Json& layer);
std::string name_of(const Json& layer);
const Json& config_of(const Json& layer);
/// Whether a class is a model of layers.
bool is_model(std::string_view type);
/// The layers of a model.
const Json::Array& layers_of(const Json& model);

/// One value that a layer makes: output `tensor` of its call number `node`.
struct Ref {
  std::string layer;
  int64_t node = 0;
  int64_t tensor = 0;
  friend auto operator<=>(const Ref&, const Ref&) = default;
};

/// One call of a layer.
struct Call {
  std::vector<Ref> inputs;
  std::vector<std::pair<std::string, Ref>> named;  ///< inputs given by name
};
/// The calls of a layer in a functional model, as Keras 2 ([["x", 0, 0, {}]]) and 3 ({"args", "kwargs"}) write them.
std::vector<Call> calls_of(const Json& layer);
/// "input_layers" and "output_layers": a reference, a list of them, or an object of them.
std::vector<Ref> refs_of(const Json& value);

/// Where Keras 3 keeps the weights of each layer in a list: its class in snake case, numbered.
std::vector<std::string> store_names(const Json::Array& layers);

}  // namespace hone::keras
