#include <set>

#include "base/error.h"
#include "base/text.h"
#include "compress/quantize.h"
#include "formats/formats.h"
#include "hone/hone.h"
#include "ir/text.h"
#include "passes/fix_shapes.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/plan.h"

namespace hone {

const char* version() { return HONE_VERSION; }

namespace {

std::vector<Port> ports(const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<Port> list;
  for (const ValueId id : values) list.push_back({graph.value(id).name, graph.type(id)});
  return list;
}

std::vector<const Provider*> providers_named(const std::string& name) {
  if (name == "cpu") return {&cpu_provider()};
  if (name == "reference") return {};
  throw invalid_argument(cat("unknown provider '", name, "', expected cpu or reference"));
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

struct Inference::State {
  Runner runner;
};

Inference::Inference(const Model& model, const InferenceOptions& options)
    : state_(new State{Runner(model.simplified().graph(), providers_named(options.provider),
                              {.threads = options.threads, .exact = options.exact})}) {
  state_->runner.session();
}
Inference::~Inference() = default;
Inference::Inference(Inference&&) noexcept = default;

const std::vector<Tensor>& Inference::run(const std::vector<Tensor>& inputs) { return state_->runner.run(inputs); }

Model quantize_int8(const Model& model, const Samples& samples, const Int8Options& options) {
  const Model simple = model.simplified();
  const Engine engine{.providers = {&cpu_provider()}, .plan = {.threads = options.threads}};
  const Statistics statistics = collect_statistics(simple.graph(), {samples.count, samples.inputs}, engine);
  QuantizeOptions quantize_options;
  quantize_options.keep_float = std::set<std::string>(options.keep_float.begin(), options.keep_float.end());
  quantize_options.quantize_io = options.integer_io;
  const Ranges ranges = to_ranges(statistics, find_calibrator(options.calibrator));
  return Model(quantize_static(simple.graph(), ranges, quantize_options));
}

Model quantize_dynamic(const Model& model) { return Model(quantize_dynamic_range(model.simplified().graph())); }
Model quantize_float16(const Model& model) { return Model(to_float16(model.simplified().graph())); }

}  // namespace hone
