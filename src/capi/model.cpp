#include "hone/model.h"

#include "formats/formats.h"
#include "hone/version.h"
#include "ir/text.h"
#include "passes/fix_shapes.h"
#include "passes/pipelines.h"

namespace hone {

const char* version() { return HONE_VERSION; }

namespace {

std::vector<Port> ports(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<Port> list;
  for (const ValueId id : values) list.push_back({graph.value(id).name, graph.type(id)});
  return list;
}

}  // namespace

Model::Model(Graph graph) : graph_(std::make_shared<const Graph>(std::move(graph))) {}

Model Model::load(const std::string& path) { return Model(read_model(path)); }

Model Model::parse(const void* data, size_t bytes, const std::string& name) {
  return Model(read_model(std::span(static_cast<const std::byte*>(data), bytes), name));
}

void Model::save(const std::string& path) const { write_model(*graph_, path); }
std::vector<Port> Model::inputs() const { return ports(*graph_, graph_->inputs()); }
std::vector<Port> Model::outputs() const { return ports(*graph_, graph_->outputs()); }
const std::map<std::string, std::string>& Model::metadata() const { return graph_->metadata; }

Model Model::with_metadata(const std::string& key, const std::string& value) const {
  Graph graph = *graph_;
  if (value.empty())
    graph.metadata.erase(key);
  else
    graph.metadata[key] = value;
  return Model(std::move(graph));
}

size_t Model::node_count() const { return graph_->node_count(); }
std::string Model::text() const { return to_text(*graph_); }

Model Model::simplified() const {
  Graph graph = *graph_;
  run_pipeline(graph, standard_pipeline());
  return Model(std::move(graph));
}

Model Model::with_shapes(const std::map<std::string, Dims>& shapes) const {
  Graph graph = *graph_;
  fix_shapes(graph, shapes);
  return Model(std::move(graph));
}

}  // namespace hone
