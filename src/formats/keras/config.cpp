#include "formats/keras/config.h"

#include <cctype>
#include <map>

#include "base/error.h"
#include "base/text.h"

namespace hone::keras {

namespace {

/// ["name", node, tensor, …].
bool is_ref(const Json& value) {
  return value.is_array() && value.as_array().size() >= 3 && value.as_array()[0].is_string() &&
         value.as_array()[1].is_number() && value.as_array()[2].is_number();
}
Ref ref_of(const Json& value) {
  const Json::Array& items = value.as_array();
  return {items[0].as_string(), items[1].as_int(), items[2].as_int()};
}

/// Every "__keras_tensor__" in the arguments of a call, in order.
void collect(const Json& value, std::vector<Ref>& out) {
  if (value.is_array())
    for (const Json& item : value.as_array()) collect(item, out);
  if (!value.is_object()) return;
  const Json* type = value.find("class_name");
  if (!type || !type->is_string() || type->as_string() != "__keras_tensor__") {
    for (const auto& [key, item] : value.as_object()) collect(item, out);
    return;
  }
  const Json& history = member(member(value, "config"), "keras_history");
  if (!is_ref(history)) throw invalid_model("keras_history names no layer");
  out.push_back(ref_of(history));
}

Call call_of_3(const Json& node) {
  Call call;
  collect(member(node, "args"), call.inputs);
  if (const Json* named = node.find("kwargs"); named && named->is_object())
    for (const auto& [key, value] : named->as_object()) {
      std::vector<Ref> found;
      collect(value, found);
      for (Ref& ref : found) call.named.emplace_back(key, std::move(ref));
    }
  return call;
}

Call call_of_2(const Json& node) {
  Call call;
  const auto add = [&](const Json& item) {
    if (!is_ref(item)) throw unsupported("an argument that is no layer's output");
    call.inputs.push_back(ref_of(item));
    if (item.as_array().size() < 4 || !item.as_array()[3].is_object()) return;
    for (const auto& [key, value] : item.as_array()[3].as_object())
      if (is_ref(value)) call.named.emplace_back(key, ref_of(value));
  };
  if (is_ref(node))
    add(node);
  else
    for (const Json& item : node.as_array()) add(item);
  return call;
}

/// As Keras's naming does it: GlobalAveragePooling2D → global_average_pooling2d.
std::string snake_case(std::string_view type) {
  std::string out;
  const auto is_upper = [&](size_t i) { return i < type.size() && std::isupper(static_cast<unsigned char>(type[i])); };
  const auto is_lower = [&](size_t i) { return i < type.size() && std::islower(static_cast<unsigned char>(type[i])); };
  for (size_t i = 0; i < type.size(); ++i) {
    if (i > 0 && is_upper(i) && (is_lower(i + 1) || is_lower(i - 1))) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(type[i])));
  }
  return out;
}

}  // namespace

const Json& member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  if (!found) throw invalid_model(cat("the configuration has no '", key, "'"));
  return *found;
}

std::string class_of(const Json& layer) { return member(layer, "class_name").as_string(); }

const Json& config_of(const Json& layer) { return member(layer, "config"); }

std::string name_of(const Json& layer) {
  if (const Json* name = layer.find("name"); name && name->is_string()) return name->as_string();
  const Json* config = layer.find("config");
  const Json* name = config ? config->find("name") : nullptr;
  return name && name->is_string() ? name->as_string() : "";
}

bool is_model(std::string_view type) { return type == "Functional" || type == "Sequential" || type == "Model"; }

const Json::Array& layers_of(const Json& model) {
  const Json& config = config_of(model);
  return (config.is_array() ? config : member(config, "layers")).as_array();  // a list alone before Keras 2.2
}

std::vector<Call> calls_of(const Json& layer) {
  std::vector<Call> out;
  const Json* nodes = layer.find("inbound_nodes");
  if (!nodes || !nodes->is_array()) return out;
  for (const Json& node : nodes->as_array()) out.push_back(node.is_object() ? call_of_3(node) : call_of_2(node));
  return out;
}

std::vector<Ref> refs_of(const Json& value) {
  if (is_ref(value)) return {ref_of(value)};
  std::vector<Ref> out;
  const auto add = [&](const Json& item) {
    const std::vector<Ref> more = refs_of(item);
    out.insert(out.end(), more.begin(), more.end());
  };
  if (value.is_array())
    for (const Json& item : value.as_array()) add(item);
  if (value.is_object())
    for (const auto& [key, item] : value.as_object()) add(item);
  return out;
}

std::vector<std::string> store_names(const Json::Array& layers) {
  std::vector<std::string> out;
  std::map<std::string, int64_t> used;
  for (const Json& layer : layers) {
    const std::string name = snake_case(class_of(layer));
    const int64_t count = used[name]++;
    out.push_back(count == 0 ? name : cat(name, "_", count));
  }
  return out;
}

}  // namespace hone::keras
