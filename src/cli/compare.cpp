#include "measure/compare.h"

#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/report.h"
#include "cli/table.h"
#include "formats/formats.h"
#include "measure/judge.h"
#include "passes/check.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

struct Options {
  ModelArgs a, b;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  MetricArgs metric;
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

Table layer_table() {
  return Table({{"layer"},
                {"operator"},
                {"SQNR dB", Table::Align::kRight},
                {"alone", Table::Align::kRight},
                {"clipped", Table::Align::kRight},
                {"seen"},
                {"held"}});
}

std::string range_text(double low, double high) {
  return cat(to_text(std::round(low * 1000) / 1000), "…", to_text(std::round(high * 1000) / 1000));
}

void add_layer(Table& table, const LayerError& layer) {
  const bool is_held = layer.is_held_in_integers();
  table.add({layer.name, layer.op, decibels(layer.error.sqnr_db()),
             layer.local.count > 0 ? decibels(layer.local.sqnr_db()) : "",
             is_held ? percent(layer.clipped_share(), 2) : "", is_held ? range_text(layer.low, layer.high) : "",
             is_held ? range_text(layer.held_low, layer.held_high) : ""});
}

/// Where the loss begins: the node that is worst alone, and whether its range is to blame.
std::string culprit(const Comparison& c) {
  constexpr double kHarmless = 40;
  const LayerError* worst = nullptr;
  for (const LayerError& layer : c.layers)
    if (layer.local.count > 0 && (worst == nullptr || layer.local.sqnr_db() < worst->local.sqnr_db())) worst = &layer;
  if (worst == nullptr || worst->local.sqnr_db() > kHarmless) return {};
  std::string why;
  if (worst->clipped_share() > 1e-3)
    why = cat("; ", percent(worst->clipped_share(), 2),
              " of its numbers lie beyond what it can hold: another calibrator may help");
  else if (worst->is_held_in_integers() && worst->held_high - worst->held_low > 2 * (worst->high - worst->low))
    why = "; its range is far wider than its numbers: data that the calibration saw has outliers";
  return cat("most is lost in ", worst->name, " (", worst->op, "): ", decibels(worst->local.sqnr_db()), " dB alone",
             why, "\n");
}

void add_row(Table& table, const LayerError& layer) {
  table.add({layer.name, layer.op, decibels(layer.error.sqnr_db()), fixed(layer.error.cosine(), 6),
             to_text(static_cast<float>(layer.error.max))});
}

/// Both models by one metric, a as the one taken as right.
struct Judged {
  Metric metric;
  Score a, b;
  Verdict verdict;
  std::string budget;  ///< as text
  std::string doubt;   ///< why the metric says nothing here
};

std::string judged_text(const Judged& j) {
  std::string out = score_text(j.metric, j.b);
  if (j.metric.row->needs_truth()) out = cat(score_text(j.metric, j.a), " -> ", out);
  if (!j.doubt.empty()) return out;
  return cat(out, j.verdict.is_allowed ? "" : cat("; ", j.verdict.reason),
             j.verdict.is_certain ? "" : "; uncertain with so few samples");
}

void print(const Options& o, const Comparison& c, const Judged& judged, Console& console) {
  const int width = console.width();
  Facts facts;
  facts.add("samples", cat(grouped(c.samples), o.data.path.empty() ? " generated" : ""));
  facts.add(judged.metric.name, judged_text(judged));
  if (judged.b.non_finite > 0)
    facts.add("warning", cat(grouped(judged.b.non_finite), " samples give NaN or infinite numbers in b only"));
  console.out(facts.render(width));
  Table outputs = error_table();
  for (const LayerError& output : c.outputs) add_row(outputs, output);
  console.out(cat("\noutputs\n", outputs.render(width)));
  if (c.layers.empty()) {
    console.out(cat("\nno inner values have the same name in both models",
                    c.equalized > 0 ? cat("; ", grouped(c.equalized), " are equalized: not comparable") : "", "\n"));
    return;
  }
  std::vector<const LayerError*> order;
  for (const LayerError& layer : c.layers) order.push_back(&layer);
  std::stable_sort(order.begin(), order.end(),
                   [](const LayerError* x, const LayerError* y) { return x->error.sqnr_db() < y->error.sqnr_db(); });
  Table layers = layer_table();
  for (size_t i = 0; i < order.size() && (o.rows <= 0 || static_cast<int64_t>(i) < o.rows); ++i)
    add_layer(layers, *order[i]);
  console.out(cat("\nlayers, worst first (", c.layers.size(), " matched by name",
                  c.equalized > 0 ? cat("; ", grouped(c.equalized), " equalized: not comparable") : "", ")\n",
                  layers.render(width)));
  console.out(wrapped(culprit(c), width));
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

struct Measured {
  Comparison comparison;
  Judged judged;
};

Measured measure(const Options& o, const Graph& a, const Graph& b, const Engine& engine, Console& console) {
  CompareOptions options;
  options.progress = console.progress("comparing");
  JudgeOptions judge_options{.metric = o.metric.metric, .command = o.metric.command, .is_strict = false};
  const auto judged = [&](const SampleSource& for_a, const SampleSource& for_b, const Labels& labels) {
    const Judge judge(a, engine, for_a, labels, judge_options);
    Judged out{.metric = judge.metric(),
               .a = judge.reference(),
               .b = judge.score(infer_of(b, engine), for_b),
               .doubt = judge.undefined()};
    out.verdict = judge.allows(out.b);
    out.budget = judge.budget().text(judge.metric());
    return out;
  };
  if (!o.data.path.empty()) {
    const Dataset data = o.data.open();
    o.preprocess.note_unused(std::vector{data.name(0)}, console);
    const std::vector<InputSpec> specs_a = specs_of(a, b, o), specs_b = specs_of(b, a, o);
    const bool is_stated = b.metadata.count(std::string(kPreprocessKey)) > 0;
    if (!specs_a.empty() && !is_stated)
      warn_of_scale(a, engine, samples_of(data, specs_a), specs_a.front(), o.preprocess, console);
    return {compare_models(a, b, engine, data, specs_a, specs_b, options),
            judged(samples_of(data, specs_a), samples_of(data, specs_b), labels_of(data))};
  }
  std::vector<std::vector<Tensor>> sets;
  for (int64_t i = 0; i < o.generated; ++i) sets.push_back(generate_inputs(a, static_cast<uint64_t>(i), 1));
  const SampleSource for_a{sets.size(), [&](size_t i) { return sets[i]; }};
  const SampleSource for_b{sets.size(), [&](size_t i) { return inputs_for(sets[i], a, b); }};
  return {compare_models(a, b, engine, sets, options), judged(for_a, for_b, {})};
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
  const Measured result = measure(o, a, b, engine, console);
  const Judged& judged = result.judged;
  console.end_progress();
  if (!o.is_json) {
    print(o, result.comparison, judged, console);
    console.flush();
    if (!judged.doubt.empty()) console.note(cat("warning: ", judged.doubt));
    return 0;
  }
  Json json;
  json["a"] = o.a.path;
  json["b"] = o.b.path;
  if (!o.data.path.empty()) json["data"] = o.data.path;
  json["metric"] = judged.metric.name;
  json["score_a"] = to_json(judged.a.value, judged.a.interval);
  json["score_b"] = to_json(judged.b.value, judged.b.interval);
  json["budget"] = judged.budget;
  json["allowed"] = judged.doubt.empty() ? Json(judged.verdict.is_allowed) : Json();
  const Json measured = to_json(result.comparison);
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
  o->metric.declare(args);
  args.option("--generated", "N", o->generated, "without --data: compare on N generated inputs", 1);
  args.option("--rows", "N", o->rows, "show the N worst layers; 0: all", 0);
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return compare(*o, console); };
}

}  // namespace

const Command kCompareCommand{
    "compare", "how far two models are apart: outputs, layers, and the metric of their task",
    "hone compare float.tflite int8.tflite --data photos/ --limit 100",
    "Layers are matched by the names of their values. SQNR counts all that stands before a layer too; alone is the "
    "layer of B "
    "by itself, fed with the numbers of A; clipped is the share of A's numbers (seen) beyond what "
    "B can hold.",
    setup};

}  // namespace hone
