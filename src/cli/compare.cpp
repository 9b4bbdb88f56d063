#include "measure/compare.h"

#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "formats/formats.h"
#include "measure/accuracy.h"
#include "passes/check.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

struct Options {
  ModelArgs a, b;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  int64_t generated = 8, rows = 20;
  bool is_json = false;
};

std::string decibels(double db) { return std::isinf(db) ? (db > 0 ? "exact" : "-inf") : fixed(db, 1); }

Table error_table() {
  return Table({{"value"},
                {"operator"},
                {"SQNR dB", Table::Align::kRight},
                {"cosine", Table::Align::kRight},
                {"max error", Table::Align::kRight}});
}

void add_row(Table& table, const LayerError& layer) {
  table.add({layer.name, layer.op, decibels(layer.error.sqnr_db()), fixed(layer.error.cosine(), 6),
             to_text(static_cast<float>(layer.error.max))});
}

void print(const Options& o, const Comparison& c, Console& console) {
  const int width = console.width();
  Facts facts;
  facts.add("samples", cat(grouped(c.samples), o.data.path.empty() ? " generated" : ""));
  facts.add("decisions", cat(percent(c.agreement()), " agree (", grouped(c.agreeing), " of ", grouped(c.samples), ")"));
  console.out(facts.render(width));
  Table outputs = error_table();
  for (const LayerError& output : c.outputs) add_row(outputs, output);
  console.out(cat("\noutputs\n", outputs.render(width)));
  if (c.layers.empty()) {
    console.out("\nno inner values have the same name in both models\n");
    return;
  }
  std::vector<const LayerError*> order;
  for (const LayerError& layer : c.layers) order.push_back(&layer);
  std::stable_sort(order.begin(), order.end(),
                   [](const LayerError* x, const LayerError* y) { return x->error.sqnr_db() < y->error.sqnr_db(); });
  Table layers = error_table();
  for (size_t i = 0; i < order.size() && (o.rows <= 0 || static_cast<int64_t>(i) < o.rows); ++i)
    add_row(layers, *order[i]);
  console.out(cat("\nlayers, worst first (", c.layers.size(), " matched by name)\n", layers.render(width)));
}

/// What `graph` says of its preprocessing, without the layout, which is its own: for a model that says nothing.
Preprocess carried_by(const Graph& graph) {
  const auto found = graph.metadata.find(std::string(kPreprocessKey));
  if (found == graph.metadata.end()) return {};
  Preprocess p = parse_preprocess(found->second);
  p.layout.clear();
  return p;
}

/// Input specs of `graph`; where its metadata is silent, the other model's preprocessing holds for it too.
std::vector<InputSpec> specs_of(const Graph& graph, const Graph& other, const Options& o) {
  const bool is_silent = graph.metadata.count(std::string(kPreprocessKey)) == 0;
  const Preprocess stated = o.preprocess.preprocess();
  return input_specs(graph, is_silent ? merge(carried_by(other), stated) : stated, o.preprocess.stored());
}

Comparison measure(const Options& o, const Graph& a, const Graph& b, const Engine& engine, Console& console) {
  CompareOptions options;
  options.progress = console.progress("comparing");
  if (!o.data.path.empty()) {
    const Dataset data = o.data.open();
    return compare_models(a, b, engine, data, specs_of(a, b, o), specs_of(b, a, o), options);
  }
  std::vector<std::vector<Tensor>> sets;
  for (int64_t i = 0; i < o.generated; ++i) sets.push_back(generate_inputs(a, static_cast<uint64_t>(i), 1));
  return compare_models(a, b, engine, sets, options);
}

/// The model in the one form that hone's passes give every file, so that layers of different formats match.
Graph canonical(const ModelArgs& model) {
  Graph graph = model.load();
  require_known_operators(graph);
  PassOptions options;
  options.verify = false;
  run_pipeline(graph, standard_pipeline(), options);
  return graph;
}

int compare(const Options& o, Console& console) {
  const Engine engine = o.engine.engine();
  const Graph a = canonical(o.a), b = canonical(o.b);
  const Comparison result = measure(o, a, b, engine, console);
  if (!o.is_json) {
    print(o, result, console);
    return 0;
  }
  Json json;
  json["a"] = o.a.path;
  json["b"] = o.b.path;
  if (!o.data.path.empty()) json["data"] = o.data.path;
  const Json measured = to_json(result);
  for (const auto& [key, value] : measured.as_object()) json[key] = value;
  console.out(cat(json.dump(2), "\n"));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  args.positional("A", o->a.path, "the model taken as right");
  args.positional("B", o->b.path, "the model compared with it");
  o->data.declare(args, false);
  o->preprocess.declare(args);
  args.option("--generated", "N", o->generated, "without --data: compare on N generated inputs", 1);
  args.option("--rows", "N", o->rows, "show the N worst layers; 0: all", 0);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return compare(*o, console); };
}

}  // namespace

const Command kCompareCommand{"compare", "how far two models are apart: outputs, layers, decisions",
                              "hone compare float.tflite int8.tflite --data photos/ --limit 100",
                              "Layers are matched by the names of their values.", setup};

}  // namespace hone
