#include "passes/fix_shapes.h"

#include "base/error.h"
#include "base/text.h"
#include "passes/pipelines.h"

namespace hone {
namespace {

ValueId find_input(const Graph& graph, const std::string& name) {
  std::vector<std::string> names;
  for (ValueId input : graph.inputs()) {
    if (graph.value(input).name == name) return input;
    names.push_back(graph.value(input).name);
  }
  if (name.empty() && names.size() == 1) return graph.inputs()[0];
  throw not_found(name.empty() ? cat("the graph has ", names.size(), " inputs: say whose shape is given")
                               : cat("no input is called '", name, "'"),
                  cat("inputs: ", join(names, ", ")));
}

}  // namespace

void fix_shapes(Graph& graph, const std::map<std::string, Dims>& shapes) {
  std::vector<std::pair<ValueId, Shape>> fixed;
  for (const auto& [name, dims] : shapes) {
    for (int64_t dim : dims) {
      if (dim < 0) throw invalid_argument(cat("shape of input '", name, "' is ", to_text(dims), ", expected dims ≥ 0"));
    }
    fixed.emplace_back(find_input(graph, name), Shape(dims));
  }
  graph.set_input_shapes(fixed);
  run_pipeline(graph, simplify_pipeline());
}

Graph with_input_shapes(const Graph& graph, std::span<const Dims> shapes) {
  Graph fixed = graph;
  std::vector<std::pair<ValueId, Shape>> open;
  for (size_t i = 0; i < shapes.size() && i < graph.inputs().size(); ++i)
    if (const ValueId in = graph.inputs()[i]; !graph.type(in).shape.is_static())
      open.emplace_back(in, Shape(shapes[i]));
  if (!open.empty()) fixed.set_input_shapes(open);
  return fixed;
}

std::vector<Dims> smallest_input_shapes(const Graph& graph) {
  std::vector<Dims> shapes;
  for (const ValueId in : graph.inputs()) {
    const Shape& shape = graph.type(in).shape;
    shapes.emplace_back();
    if (!shape.has_rank()) continue;
    for (const Dim& dim : shape.list()) shapes.back().push_back(dim.is_known() ? dim.value() : 1);
  }
  return shapes;
}

}  // namespace hone
