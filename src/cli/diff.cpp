#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "formats/formats.h"
#include "measure/compare.h"
#include "measure/inspect.h"
#include "measure/model_diff.h"
#include "measure/speed.h"
#include "passes/check.h"
#include "passes/pipelines.h"
#include "runtime/program.h"

namespace hone {

namespace {

struct Options {
  ModelArgs a, b;
  EngineArgs engine;
  int64_t rows = 20;
  double seconds = 0.5;
  bool is_markdown = false, is_json = false;
};

/// One quantity of both models.
struct Quantity {
  std::string name, a, b;
};

/// All that is shown, however it is shown.
struct Found {
  std::vector<Quantity> quantities;
  ModelDiff graph;
  std::vector<LayerError> outputs;
  std::string no_outputs;  ///< why outputs were not compared
  std::string speed;       ///< the verdict; "" when it was not asked for
};

Graph simplified(const ModelArgs& model) {
  Graph graph = model.load();
  require_known_operators(graph);
  run_pipeline(graph, standard_pipeline());
  return graph;
}

std::vector<Quantity> quantities(const Graph& a, const Graph& b, const Engine& engine) {
  const ModelSummary x = summarize(a, engine), y = summarize(b, engine);
  std::vector<Quantity> out;
  const auto add = [&](const char* name, const std::string& p, const std::string& q) { out.push_back({name, p, q}); };
  const auto bytes = [](int64_t n) { return n < 0 ? std::string("?") : human_bytes(static_cast<uint64_t>(n)); };
  add("nodes", grouped(x.nodes), grouped(y.nodes));
  add("MACs", x.macs < 0 ? "?" : human_count(x.macs), y.macs < 0 ? "?" : human_count(y.macs));
  add("parameters", human_count(x.parameters), human_count(y.parameters));
  add("weights", bytes(x.parameter_bytes), bytes(y.parameter_bytes));
  add("activations", bytes(x.peak_bytes), bytes(y.peak_bytes));
  add("transposes", grouped(x.transposes), grouped(y.transposes));
  add("quantization", quantization_phrase(x), quantization_phrase(y));
  return out;
}

void compare_outputs(const Graph& a, const Graph& b, const Engine& engine, Found& found) {
  constexpr uint64_t kSeeds = 4;
  std::vector<std::vector<Tensor>> sets;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) sets.push_back(generate_inputs(a, seed, 1));
  try {
    found.outputs = compare_models(a, b, engine, sets, {.layers = false}).outputs;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kInvalidArgument) throw;
    found.no_outputs = e.message();
  }
}

std::string speed(const Graph& a, const Graph& b, const Options& o, Console& console) {
  const std::vector<Tensor> inputs = generate_inputs(a, 0, 1);
  const Infer run_a = infer_of(Program::prepared(a, o.engine.engine()))(),
              run_b = infer_of(Program::prepared(b, o.engine.engine()))();
  const std::vector<Tensor> for_b = inputs_for(inputs, a, b);
  const std::vector<Infer> both = {run_a, [&](std::span<const Tensor>) { return run_b(for_b); }};
  const std::vector<Latency> times =
      paired_latency(both, inputs, {.seconds_each = o.seconds, .progress = console.progress("measuring in turns")});
  console.end_progress();
  return cat(human_us(times[0].runs.median), " -> ", human_us(times[1].runs.median), ": ",
             verdict_text(speed_of(times[0], times[1])));
}

std::string kind_text(NodeDiff::Kind kind) {
  return kind == NodeDiff::Kind::added ? "added" : kind == NodeDiff::Kind::removed ? "removed" : "changed";
}

std::string decibels(double db) { return std::isinf(db) ? (db > 0 ? "exact" : "-inf") : fixed(db, 1); }

/// A table of cells, as either kind shows it.
std::string table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows,
                  bool is_markdown, int width) {
  if (!is_markdown) {
    std::vector<Table::Column> columns;
    for (const std::string& header : headers) columns.push_back({header});
    Table out(columns);
    for (const auto& row : rows) out.add(row);
    return out.render(width);
  }
  const auto line = [](const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& cell : cells) {
      out += " ";
      for (const char c : printable_line(cell)) out += c == '|' ? "\\|" : std::string(1, c);
      out += " |";
    }
    return out + "\n";
  };
  std::string out = line(headers) + line(std::vector<std::string>(headers.size(), "---"));
  for (const auto& row : rows) out += line(row);
  return out;
}

/// Markdown shows a table, a terminal a paragraph for each: what changed is long.
void print_nodes(const Options& o, std::span<const NodeDiff> nodes, Console& console) {
  if (nodes.empty()) return;
  const int width = console.width();
  console.out("\n");
  std::vector<std::vector<std::string>> rows;
  for (const NodeDiff& d : nodes) rows.push_back({d.name, d.op, kind_text(d.kind), join(d.what, "; ")});
  if (o.is_markdown) {
    console.out(table({"node", "operator", "", "what"}, rows, true, width));
    return;
  }
  for (const NodeDiff& d : nodes) {
    console.out(wrapped(cat(kind_text(d.kind), " ", printable_line(d.name), " (", d.op, ")\n"), width, 2));
    for (const std::string& what : d.what) console.out(wrapped(cat("  ", printable_line(what), "\n"), width, 4));
  }
}

void print(const Options& o, const Found& found, Console& console) {
  const auto show = [&](const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows) {
    console.out(table(headers, rows, o.is_markdown, console.width()));
  };
  std::vector<std::vector<std::string>> rows;
  for (const Quantity& q : found.quantities) rows.push_back({q.name, q.a, q.b});
  show({"", o.a.path, o.b.path}, rows);
  const auto all = static_cast<int64_t>(found.graph.nodes.size());
  const int64_t shown = o.rows > 0 ? std::min(o.rows, all) : all;
  console.out(cat("\n", counted(found.graph.same, "node"), " equal, ", grouped(all), " not",
                  shown < all ? cat("; the first ", shown, " (--rows)") : "", "\n"));
  print_nodes(o, {found.graph.nodes.data(), static_cast<size_t>(shown)}, console);
  rows.clear();
  for (const LayerError& e : found.outputs)
    rows.push_back({e.value, decibels(e.error.sqnr_db()), to_text(static_cast<float>(e.error.max))});
  console.out("\n");
  if (rows.empty())
    console.out(cat("outputs not compared: ", found.no_outputs, "\n"));
  else
    show({"output", "SQNR dB", "max error"}, rows);
  if (!found.speed.empty()) console.out(cat("\n", found.speed, "\n"));
}

std::string report_json(const Options& o, const Found& found) {
  Json json = Json::object();
  json["a"] = o.a.path;
  json["b"] = o.b.path;
  Json& quantities = json["quantities"] = Json::object();
  for (const Quantity& q : found.quantities) quantities[q.name] = Json::list(std::vector<std::string>{q.a, q.b});
  json["same_nodes"] = found.graph.same;
  Json& nodes = json["nodes"] = Json::array();
  for (const NodeDiff& d : found.graph.nodes) {
    Json entry = Json::object();
    entry["name"] = d.name;
    entry["op"] = d.op;
    entry["kind"] = kind_text(d.kind);
    entry["what"] = Json::list(d.what);
    nodes.push_back(std::move(entry));
  }
  Json& outputs = json["outputs"] = Json::array();
  for (const LayerError& e : found.outputs) outputs.push_back(to_json(e));
  json["speed"] = found.speed.empty() ? Json() : Json(found.speed);
  return json.dump(2) + "\n";
}

int diff_command(const Options& o, Console& console) {
  if (o.is_markdown && o.is_json) throw invalid_argument("--markdown and --json: one of them");
  const Engine engine = o.engine.engine();
  const Graph a = simplified(o.a), b = simplified(o.b);
  Found found{.quantities = quantities(a, b, engine), .graph = diff_models(a, b)};
  compare_outputs(a, b, engine, found);
  if (o.seconds > 0 && found.no_outputs.empty()) found.speed = speed(a, b, o, console);
  if (o.is_json)
    console.out(report_json(o, found));
  else
    print(o, found, console);
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  args.positional("A", o->a.path, "the model before");
  args.positional("B", o->b.path, "the model after");
  args.option("--rows", "N", o->rows, "show N nodes that differ; 0: all", 0);
  args.option("--seconds", "S", o->seconds, "of measured runs for each; 0: no latency", 0.0);
  args.flag("--markdown", o->is_markdown, "tables in Markdown, for a pull request");
  args.flag("--json", o->is_json, "print JSON");
  o->engine.declare(args);
  return [o](Console& console) { return diff_command(*o, console); };
}

}  // namespace

const Command kDiffCommand{"diff", "what differs between two models: graph, weights, scales, outputs, latency",
                           "hone diff float.tflite int8.tflite\n"
                           "hone diff model.onnx pruned.onnx --markdown",
                           "Both models are simplified first, so that files of different formats can be compared. "
                           "Nodes are matched by the names "
                           "of what they make. Outputs are compared on generated inputs (hone compare takes data), "
                           "latency is measured in turns.",
                           setup};

}  // namespace hone
