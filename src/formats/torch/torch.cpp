#include "formats/torch/torch.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/archive.h"
#include "formats/torch/evaluator.h"
#include "ops/unary.h"

namespace hone {

namespace torch {
namespace {

constexpr std::string_view kExtensions[] = {".pt", ".ptl", ".pth"};

constexpr size_t kMostStates = 64;

/// torch.export's archives, whose graph is JSON.
bool is_exported(const ModelSource& source) {
  return std::any_of(source.names.begin(), source.names.end(), [](const std::string& name) {
    return name.ends_with("serialized_exported_program.json") || name.ends_with("models/model.json");
  });
}

bool sniff(const ModelSource& source) { return Archive::looks_like(source) || is_exported(source); }

bool is_tensor_type(const Parameter& parameter) {
  return !parameter.type || (parameter.type->kind == Expr::Kind::name && parameter.type->text == "Tensor");
}

/// Makes the inputs of one method from the shapes that the caller gave.
class Inputs {
 public:
  Inputs(const ReadOptions& options, const std::map<std::string, DType>& dtypes, Heap& heap, Graph& graph)
      : options_(options), dtypes_(dtypes), heap_(heap), graph_(graph) {}

  std::vector<Value> make(const Function& method) {
    require_names(method);
    std::vector<Value> out;
    for (size_t i = 1; i < method.parameters.size(); ++i) {
      const Parameter& parameter = method.parameters[i];
      const bool is_given = options_.shapes.contains(parameter.name) || (i == 1 && options_.shapes.contains(""));
      if (!is_given && parameter.initial) break;  // it and those after it keep what they are by default
      out.push_back(is_tensor_type(parameter) || is_given ? input(parameter.name, i == 1) : refuse(parameter));
    }
    return out;
  }

 private:
  void require_names(const Function& method) const {
    std::vector<std::string> names;
    for (size_t i = 1; i < method.parameters.size(); ++i) names.push_back(method.parameters[i].name);
    for (const auto& [name, dims] : options_.shapes)
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end())
        throw not_found(cat("no input is called '", name, "', there are: ", join(names, ", ")));
  }
  Value input(const std::string& name, bool is_first) {
    auto given = options_.shapes.find(name);
    if (given == options_.shapes.end() && is_first) given = options_.shapes.find("");
    if (given == options_.shapes.end())
      throw invalid_argument(cat("the file does not say which shape input '", name, "' has"),
                             cat("add --shape ", name, "=DIMS, as in ", name, "=1x3x224x224"));
    const auto dtype = dtypes_.find(name);
    const TensorType type{dtype == dtypes_.end() ? DType::kF32 : dtype->second, Shape(given->second), nullptr};
    return heap_.cell(graph_, graph_.add_input(name, type));
  }
  Value refuse(const Parameter& parameter) {
    throw unsupported(cat("input '", parameter.name, "' is no tensor"),
                      "save a module whose inputs are tensors: wrap this one and trace it");
  }

  const ReadOptions& options_;
  const std::map<std::string, DType>& dtypes_;
  Heap& heap_;
  Graph& graph_;
};

/// Tensors of a result, however they are packed.
void collect(const Value& value, const std::string& name, int depth, std::vector<std::pair<std::string, Cell*>>& out,
             int& seen) {
  if (depth > 16 || ++seen > 4096) throw unsupported("a result that holds too much");
  if (const auto* cell = std::get_if<Cell*>(&value)) {
    out.emplace_back(name.empty() ? "output" : name, *cell);
  } else if (const auto* list = std::get_if<List*>(&value)) {
    for (size_t i = 0; i < (*list)->items.size(); ++i)
      collect((*list)->items[i], cat(name.empty() ? "output" : name, "_", i), depth + 1, out, seen);
  } else if (const auto* dict = std::get_if<Dict*>(&value)) {
    for (const auto& [key, item] : (*dict)->items)
      collect(item, is<Text>(key) ? to_text_value(key) : cat(name, "_", out.size()), depth + 1, out, seen);
  }
}

void set_outputs(Graph& graph, Heap& heap, Evaluator& evaluator, const Value& result) {
  std::vector<std::pair<std::string, Cell*>> found;
  int seen = 0;
  collect(result, "", 0, found, seen);
  if (found.empty()) throw unsupported("the program returns no tensor");
  static constexpr OpRow kResult{"return", "", nullptr};
  std::vector<ValueId> outputs;
  std::set<ValueId> used;
  for (const auto& [name, cell] : found) {
    evaluator.refresh(*cell);
    Call call(graph, heap, kResult, name, {});
    ValueId id = call.value(cell);
    if (!graph.producer(id) || used.contains(id))
      id = graph.add(Identity{}, {id}, {.name = name, .source = {"torch", "return", name, 0}});
    used.insert(id);
    outputs.push_back(id);
  }
  graph.set_outputs(outputs);
  for (size_t i = 0; i < outputs.size(); ++i) graph.set_name(outputs[i], found[i].first);
}

/// What only running the program shows.
struct Facts {
  std::map<std::string, DType> dtypes;  ///< of inputs
  std::set<std::string> states;         ///< arrays that the program changes
};

/// Nothing when the run showed a fact that the next one needs.
std::optional<Graph> read_once(const ReadRequest& request, Facts& facts) {
  Heap heap;
  Archive archive(request, heap);
  Object& root = archive.root();
  const std::string method = request.options.method.empty() ? "forward" : request.options.method;
  const Class* type = archive.find_class(root.type);
  if (!type) throw invalid_model(cat("the archive has no class '", root.type, "'"));
  const auto found = type->methods.find(method);
  if (found == type->methods.end()) {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : type->methods) names.push_back(name);
    throw not_found(cat("the module has no method '", method, "', it has: ", join(names, ", ")));
  }
  Graph graph;
  try {
    std::vector<Value> inputs = Inputs(request.options, facts.dtypes, heap, graph).make(found->second);
    Evaluator evaluator(archive, heap, graph, facts.states);
    const Value result = evaluator.call_method(root, method, std::move(inputs));
    set_outputs(graph, heap, evaluator, result);
    evaluator.finish_states();
  } catch (const InputDType& wanted) {
    if (!facts.dtypes.emplace(graph.value(wanted.input).name, wanted.dtype).second)
      throw invalid_model(cat("input '", graph.value(wanted.input).name, "' is used as two dtypes"));
    return std::nullopt;
  } catch (const ChangedArray& array) {
    if (facts.states.size() >= kMostStates || !facts.states.insert(array.name).second)
      throw unsupported(cat("the program changes '", array.name, "' and other arrays in place"));
    return std::nullopt;
  }
  graph.remove_dead();
  verify(graph);
  return graph;
}

Graph read(const ReadRequest& request) {
  if (is_exported(request))
    throw unsupported(cat("'", request.path, "' is an archive of torch.export (.pt2), which hone does not read"),
                      "save it as TorchScript: torch.jit.trace(model.eval(), example_input).save('model.pt')");
  return with_context([&] { return cat("while importing '", request.path, "'"); },
                      [&] {
                        Facts facts;
                        while (true)
                          if (std::optional<Graph> graph = read_once(request, facts)) return std::move(*graph);
                      });
}

}  // namespace
}  // namespace torch

constinit const Format kTorchFormat{
    .name = "torch", .extensions = torch::kExtensions, .sniff = torch::sniff, .read = torch::read};

}  // namespace hone
