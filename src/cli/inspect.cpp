#include "measure/inspect.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "base/printable.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "compress/manifest.h"
#include "compress/recipe.h"
#include "container/json.h"
#include "formats/formats.h"
#include "ir/text.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  bool is_text = false, is_dot = false, is_json = false;
  std::string around;
  int64_t hops = 2;
  int64_t elements = 8;
};

std::string values_text(const std::vector<std::pair<std::string, TensorType>>& values) {
  std::string out;
  for (const auto& [name, type] : values)
    out += cat(out.empty() ? "" : ", ", printable_line(name), ": ", printable_line(to_text(type)));
  return out;
}

/// The manifest in a line: "int8-mse by hone 0.1.0 from 8e5fcc63c0de…, top1 98.00 % -> 97.25 % on
/// 400". Throws Error for what is no JSON.
std::string manifest_text(const std::string& manifest) {
  const Json m = Json::parse(manifest);
  const auto member = [](const Json* j, const char* key) { return j && j->is_object() ? j->find(key) : nullptr; };
  const auto text = [](const Json* j) { return j && j->is_string() ? j->as_string() : std::string("?"); };
  const auto score = [&](const char* when) { return text(member(member(&m, when), "text")); };
  const Json* samples = member(member(&m, "after"), "samples");
  return cat(parse_recipe(text(member(&m, "recipe"))).id(), " by ", text(member(&m, "tool")), " from ",
             text(member(&m, "source_sha256")).substr(0, 12), "…, ", text(member(&m, "metric")), " ", score("before"),
             " -> ", score("after"),
             samples && samples->is_number() ? cat(" on ", fixed(samples->as_number(), 0)) : "");
}

/// Packed bytes are of no use to people.
std::string metadata_text(const std::string& key, const std::string& value, int width) {
  if (key.find("base64") != std::string::npos) return cat("(", human_bytes(value.size() / 4 * 3), ")");
  try {
    if (key == kManifestKey) return manifest_text(value);
  } catch (const Error&) {  // another program's: shown as it is
  }
  return shortened(printable_line(value), std::max(width, 40));
}

/// "17 in the file, here ", where the file counts in operators of its own.
std::string file_nodes_text(const ModelSummary& s) {
  int64_t nodes = 0;
  for (const OpCount& op : s.file_ops) nodes += op.count;
  return nodes > 0 ? cat(grouped(nodes), " in the file, here ") : "";
}

void print_summary(const ModelSummary& s, Console& console) {
  const int width = console.width();
  Facts facts;
  facts.add("model", s.name.empty() ? "(no name)" : printable_line(s.name));
  facts.add(s.inputs.size() == 1 ? "input" : "inputs", values_text(s.inputs));
  facts.add(s.outputs.size() == 1 ? "output" : "outputs", values_text(s.outputs));
  facts.add("nodes", cat(file_nodes_text(s), grouped(s.nodes), " (", counted(s.transposes, "transpose"), ")"));
  facts.add("parameters",
            cat(human_count(s.parameters), " (", human_bytes(static_cast<uint64_t>(s.parameter_bytes)), ")"));
  if (!s.sizes_note.empty()) facts.add("sizes", s.sizes_note);
  facts.add("MACs", s.macs < 0 ? "not counted: sizes are unknown" : human_count(s.macs));
  if (s.peak_bytes >= 0)
    facts.add("activations", cat("peak ", human_bytes(static_cast<uint64_t>(s.peak_bytes)), " planned",
                                 s.peak_reason.empty() ? "" : cat(" (", s.peak_reason, ")")));
  else
    facts.add("activations", cat("not planned: ", s.peak_reason));
  facts.add("quantization", quantization_phrase(s));
  int room = width;
  for (const auto& [key, value] : s.metadata) room = std::min(room, width - columns_of(key) - 2);
  for (const auto& [key, value] : s.metadata) facts.add(key, metadata_text(key, value, width < 60 ? width - 2 : room));
  console.out(facts.render(width));
  Table ops({{"operator"}, {"count", Table::Align::kRight}, {"MACs", Table::Align::kRight}});
  for (const OpCount& op : s.ops) ops.add({op.op, grouped(op.count), op.macs ? human_count(op.macs) : ""});
  console.out(cat("\n", ops.render(width)));
  if (!s.file_ops.empty()) {
    Table file({{"in the file"}, {"count", Table::Align::kRight}});
    for (const OpCount& op : s.file_ops) file.add({printable_line(op.op), grouped(op.count)});
    console.out(cat("\n", file.render(width)));
  }
  Table weights({{"constants"},
                 {"tensors", Table::Align::kRight},
                 {"elements", Table::Align::kRight},
                 {"bytes", Table::Align::kRight}});
  for (const WeightCount& w : s.weights)
    weights.add({cat(to_string(w.dtype), w.is_per_channel ? " per channel"
                                         : w.is_quantized ? " per tensor"
                                                          : ""),
                 grouped(w.tensors), human_count(w.elements), human_bytes(static_cast<uint64_t>(w.bytes))});
  if (!weights.is_empty()) console.out(cat("\n", weights.render(width)));
  if (s.unsupported.empty()) return;
  console.out("\nnot supported\n");
  for (const UnsupportedOp& op : s.unsupported) {
    const std::string head = cat("  ", printable_line(op.op), " (", op.nodes.size(), "): ");
    console.out(cat(wrapped(cat(head, printable_line(join(op.nodes, ", "))), width, 4), "\n"));
  }
}

int inspect(const Options& o, Console& console) {
  const Graph graph = o.model.load();
  const auto show = [&](const char* key, const std::string& text) {
    if (!o.is_json) return console.out(text);
    Json json;
    json[key] = text;
    console.out(cat(json.dump(2), "\n"));
  };
  if (!o.around.empty()) {
    show("around", describe_around(graph, o.around, static_cast<int>(o.hops)));
  } else if (o.is_text) {
    show("text", to_text(graph, {.max_constant_elements = o.elements}));
  } else if (o.is_dot) {
    show("dot", to_dot(graph));
  } else {
    const Census file = o.model.path == "-" ? Census() : read_census(o.model.path);
    const ModelSummary summary = summarize(graph, o.engine.engine(), file);
    if (o.is_json)
      console.out(cat(to_json(summary).dump(2), "\n"));
    else
      print_summary(summary, console);
  }
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.flag("--text", o->is_text, "print the graph in hone's text form");
  args.option("--elements", "N", o->elements, "constants and scales up to N elements appear in --text; -1: all", -1);
  args.flag("--dot", o->is_dot, "print the graph for Graphviz");
  args.option("--around", "NODE", o->around, "print the neighbourhood of a node or value");
  args.option("--hops", "N", o->hops, "how far --around looks", 0);
  args.flag("--json", o->is_json, "print the summary as JSON");
  o->engine.declare(args);
  return [o](Console& console) { return inspect(*o, console); };
}

}  // namespace

const Command kInspectCommand{"inspect", "what a model is: inputs, operators, sizes, quantization",
                              "hone inspect model.tflite\nhone inspect model.onnx --around conv_17", "", setup};

}  // namespace hone
