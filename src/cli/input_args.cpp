#include "cli/input_args.h"

#include <map>

#include "base/error.h"
#include "base/text.h"
#include "data/npz.h"
#include "measure/samples.h"
#include "passes/check.h"

namespace hone {

namespace {

/// Index of the input that `text` names as "name=file", and the file; input `position` when it names none.
std::pair<size_t, std::string> split_input(const Graph& graph, const std::string& text, size_t position) {
  const auto& ids = graph.inputs();
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::string prefix = graph.value(ids[i]).name + "=";
    if (text.starts_with(prefix)) return {i, text.substr(prefix.size())};
  }
  if (position < ids.size()) return {position, text};
  throw invalid_argument(cat("--input '", text, "' is one too many, the model has ", ids.size(), " inputs"));
}

/// Puts the arrays of a .npz where their names say, or the only array at the only input. Nothing is unpacked before
/// each has a place.
void take_npz(const std::string& path, std::span<const InputSpec> specs, std::vector<Tensor>& out) {
  std::vector<std::string> names;
  read_npz(path, [&](const std::string& name) { return names.push_back(name), false; });
  std::map<std::string, size_t> places;
  for (const std::string& name : names) {
    size_t at = specs.size() == 1 && names.size() == 1 ? 0 : specs.size();
    for (size_t i = 0; i < specs.size(); ++i)
      if (specs[i].name == name) at = i;
    if (at == specs.size()) throw not_found(cat("'", path, "': the model has no input '", name, "'"));
    places[name] = at;
  }
  for (const auto& [name, tensor] : read_npz(path, [&](const std::string& name) { return places.contains(name); })) {
    const size_t at = places.at(name);
    out[at] = convert_input(tensor, specs[at].type, specs[at].stored);
  }
}

}  // namespace

void InputArgs::declare(Args& args) {
  args.option("--input", "[NAME=]FILE", files, "an input from .npy, .npz, .png, .jpg, .bmp or .bin; -: standard input");
  preprocess.declare(args);
}

std::vector<Tensor> InputArgs::load(const Graph& graph) const {
  const std::vector<InputSpec> specs = input_specs(graph, preprocess.preprocess(), preprocess.stored());
  std::vector<Tensor> out(specs.size());
  for (size_t i = 0; i < files.size(); ++i) {
    const auto [at, path] = split_input(graph, files[i], i);
    with_context([&, at = at] { return cat("while preparing input '", specs[at].name, "'"); },
                 [&, at = at, path = path] {
                   if (lower(path).ends_with(".npz"))
                     take_npz(path, specs, out);
                   else if (path == "-")
                     out[at] = load_input_bytes(read_standard_input(), specs[at]);
                   else
                     out[at] = load_input_file(path, specs[at]);
                 });
  }
  return out;
}

std::vector<Tensor> InputArgs::load_or_generate(Graph graph) const {
  std::vector<Tensor> inputs = files.empty() ? std::vector<Tensor>(graph.inputs().size()) : load(graph);
  std::vector<std::pair<ValueId, Shape>> shapes;  // sizes that inputs share
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i].exists()) shapes.emplace_back(graph.inputs()[i], Shape(inputs[i].dims()));
  graph.set_input_shapes(shapes);
  const std::vector<Tensor> generated = generate_inputs(graph, 0, 1);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].exists()) inputs[i] = generated[i];
  return inputs;
}

}  // namespace hone
