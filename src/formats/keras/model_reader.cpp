#include "formats/keras/model_reader.h"

#include <deque>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/keras/config.h"

namespace hone::keras {

namespace {

constexpr int kDeepestModel = 16;
constexpr size_t kMostLayers = 65536;

/// "MyLayer: 2 layers, first 'my_layer'" for every class without a row, nested models included.
void count_unknown(const Json& model, std::map<std::string, std::vector<std::string>>& found, int depth) {
  if (depth > kDeepestModel) throw resource_error(cat("models are nested deeper than ", kDeepestModel));
  if (layers_of(model).size() > kMostLayers) throw resource_error(cat("a model of more than ", kMostLayers, " layers"));
  for (const Json& layer : layers_of(model)) {
    const std::string type = class_of(layer);
    if (is_model(type))
      count_unknown(layer, found, depth + 1);
    else if (type != "InputLayer" && !find_row(type))
      found[type].push_back(name_of(layer));
  }
}

void require_known_layers(const Json& model) {
  std::map<std::string, std::vector<std::string>> found;
  count_unknown(model, found, 0);
  if (found.empty()) return;
  std::string lines;
  for (const auto& [type, names] : found)
    lines += cat("\n  ", type, ": ", names.size(), names.size() == 1 ? " layer, '" : " layers, first '", names[0], "'");
  throw unsupported(cat("layers of ", found.size() == 1 ? "a class" : cat(found.size(), " classes"),
                        " that hone does not know:", lines),
                    "their code is not in the file: export the model with it, model.export('FOLDER'), and read FOLDER");
}

}  // namespace

ValueId ModelReader::add_input(const Json& layer) {
  const Json& config = config_of(layer);
  const Json* shape = config.find("batch_shape");
  if (!shape || shape->is_null()) shape = config.find("batch_input_shape");
  if (!shape || !shape->is_array()) throw invalid_model(cat("input '", name_of(layer), "' has no shape"));
  const size_t number = graph_.inputs().size();
  TensorType type;
  for (const Json& item : shape->as_array()) {
    const size_t axis = type.shape.list().size();
    const std::string symbol = cat(axis == 0 ? std::string("batch") : cat("d", axis), number ? cat("_", number) : "");
    type.shape.list().push_back(item.is_null() ? Dim(symbol) : Dim(item.as_int()));
  }
  const Json* dtype = config.find("dtype");
  if (dtype && dtype->is_string()) {
    const std::string& name = dtype->as_string();
    type.dtype = name == "int32"     ? DType::kI32
                 : name == "int64"   ? DType::kI64
                 : name == "uint8"   ? DType::kU8
                 : name == "float16" ? DType::kF16
                 : name == "bool"    ? DType::kBool
                                     : DType::kF32;
    if (name == "string") throw unsupported(cat("input '", name_of(layer), "' holds texts"));
  }
  return graph_.add_input(name_of(layer), type);
}

ModelReader::Values ModelReader::run_layer(const Json& json, Values inputs, std::map<std::string, ValueId> named,
                                           const WeightPlace& place) {
  const std::string type = class_of(json), name = name_of(json);
  return with_context([&] { return cat("in layer '", name, "' (", type, ")"); },
                      [&]() -> Values {
                        if (is_model(type)) return run_model(json, &inputs, place);
                        Layer layer{graph_, weights_,          version_,         type, name, config_of(json), place,
                                    {},     std::move(inputs), std::move(named), {}};
                        find_row(type)->read(layer);
                        return layer.out;
                      });
}

ModelReader::Values ModelReader::run_sequential(const Json& model, const Values* inputs, const WeightPlace& place) {
  const Json::Array& layers = layers_of(model);
  const std::vector<std::string> stores = store_names(layers);
  Values values = inputs ? *inputs : Values{};
  for (size_t i = 0; i < layers.size(); ++i) {
    const bool is_input = class_of(layers[i]) == "InputLayer";
    if (i == 0 && !inputs) {
      Json first = layers[i];
      const Json* build = config_of(first).find("build_input_shape");
      if (const Json* whole = model.find("build_config"); !build && whole) build = whole->find("input_shape");
      if (const Json& config = config_of(first); !config.find("batch_shape") && !config.find("batch_input_shape")) {
        if (!build) throw invalid_model("the model was never built: its input has no shape");
        first["config"]["batch_input_shape"] = Json(*build);
      }
      // A layer that states the input's shape itself: the input is called as Keras calls it.
      if (!is_input) first["name"] = cat(name_of(first), "_input");
      values = {add_input(first)};
    }
    if (is_input) continue;
    WeightPlace inner = place;
    inner.names.push_back(name_of(layers[i]));
    inner.path += cat(inner.path.empty() ? "" : "/", "layers/", stores[i]);
    values = run_layer(layers[i], values, {}, inner);
  }
  return values;
}

ModelReader::Values ModelReader::run_functional(const Json& model, const Values* inputs, const WeightPlace& place) {
  const Json::Array& layers = layers_of(model);
  const std::vector<std::string> stores = store_names(layers);
  const std::vector<Ref> starts = refs_of(member(config_of(model), "input_layers"));
  if (inputs && inputs->size() != starts.size())
    throw invalid_model(cat("the model takes ", starts.size(), " inputs, found ", inputs->size()));

  struct Pending {
    size_t layer = 0;
    int64_t node = 0;
    Call call;
    size_t missing = 0;
  };
  std::vector<Pending> pending;
  std::map<Ref, ValueId> values;
  std::map<std::pair<std::string, int64_t>, std::vector<size_t>> waiting;  // calls by the call whose values they take
  std::deque<size_t> ready;
  std::map<std::string, size_t> numbers;
  for (size_t i = 0; i < layers.size(); ++i) numbers.emplace(name_of(layers[i]), i);
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto layer = numbers.find(starts[i].layer);
    if (layer == numbers.end()) throw invalid_model(cat("input layer '", starts[i].layer, "' is not there"));
    values[starts[i]] = inputs ? (*inputs)[i] : add_input(layers[layer->second]);
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    int64_t node = 0;
    for (Call& call : calls_of(layers[i])) {
      std::set<std::pair<std::string, int64_t>> needed;
      for (const Ref& ref : call.inputs)
        if (!values.contains(ref)) needed.emplace(ref.layer, ref.node);
      for (const auto& [key, ref] : call.named)
        if (!values.contains(ref)) needed.emplace(ref.layer, ref.node);
      for (const auto& need : needed) waiting[need].push_back(pending.size());
      if (needed.empty() && !call.inputs.empty()) ready.push_back(pending.size());
      pending.push_back({i, node++, std::move(call), needed.size()});
    }
  }
  while (!ready.empty()) {
    const Pending& next = pending[ready.front()];
    ready.pop_front();
    const std::string name = name_of(layers[next.layer]);
    Values in;
    std::map<std::string, ValueId> named;
    const auto value = [&](const Ref& ref) {
      const auto found = values.find(ref);
      if (found == values.end()) throw invalid_model(cat("layer '", ref.layer, "' has no output ", ref.tensor));
      return found->second;
    };
    for (const Ref& ref : next.call.inputs) in.push_back(value(ref));
    for (const auto& [key, ref] : next.call.named) named[key] = value(ref);
    WeightPlace inner = place;
    inner.names.push_back(name);
    inner.path += cat(inner.path.empty() ? "" : "/", "layers/", stores[next.layer]);
    const Values out = run_layer(layers[next.layer], std::move(in), std::move(named), inner);
    for (size_t t = 0; t < out.size(); ++t) values[{name, next.node, static_cast<int64_t>(t)}] = out[t];
    for (const size_t other : waiting[{name, next.node}])
      if (--pending[other].missing == 0) ready.push_back(other);
  }
  Values out;
  for (const Ref& ref : refs_of(member(config_of(model), "output_layers"))) {
    const auto found = values.find(ref);
    if (found == values.end())
      throw invalid_model(cat("output '", ref.layer, "' is never computed: its inputs are missing or in a cycle"));
    out.push_back(found->second);
  }
  return out;
}

ModelReader::Values ModelReader::run_model(const Json& model, const Values* inputs, const WeightPlace& place) {
  if (++depth_ > kDeepestModel) throw resource_error(cat("models are nested deeper than ", kDeepestModel));
  const bool is_sequential = class_of(model) == "Sequential";
  Values out = is_sequential ? run_sequential(model, inputs, place) : run_functional(model, inputs, place);
  --depth_;
  return out;
}

Graph ModelReader::read(const Json& model) {
  if (!is_model(class_of(model)))
    throw unsupported(cat("a model of class '", class_of(model), "', expected Functional or Sequential"),
                      "its code is not in the file: export the model with it, model.export('FOLDER'), and read FOLDER");
  require_known_layers(model);
  graph_.name = name_of(model);
  const Values outputs = run_model(model, nullptr, {});
  graph_.set_outputs(outputs);
  graph_.remove_dead();
  verify(graph_);
  return std::move(graph_);
}

}  // namespace hone::keras
