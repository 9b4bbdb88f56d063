#include "measure/inspect.h"

#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "ir/text.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  bool is_text = false, is_dot = false, is_json = false;
  std::string around;
  int64_t hops = 2;
  int64_t elements = 16;
};

std::string values_text(const std::vector<std::pair<std::string, TensorType>>& values) {
  std::string out;
  for (const auto& [name, type] : values) out += cat(out.empty() ? "" : ", ", name, ": ", to_text(type));
  return out;
}

/// Packed bytes are of no use to people.
std::string metadata_text(const std::string& key, const std::string& value) {
  if (key.find("base64") != std::string::npos) return cat("(", human_bytes(value.size() / 4 * 3), ")");
  return value.size() > 160 ? cat(value.substr(0, 157), "...") : value;
}

void print_summary(const ModelSummary& s, Console& console) {
  const int width = console.width();
  Facts facts;
  facts.add("model", s.name.empty() ? "(no name)" : s.name);
  facts.add(s.inputs.size() == 1 ? "input" : "inputs", values_text(s.inputs));
  facts.add(s.outputs.size() == 1 ? "output" : "outputs", values_text(s.outputs));
  facts.add("nodes", cat(grouped(s.nodes), " (", s.transposes, " transposes)"));
  facts.add("parameters",
            cat(human_count(s.parameters), " (", human_bytes(static_cast<uint64_t>(s.parameter_bytes)), ")"));
  facts.add("MACs", human_count(s.macs));
  if (s.peak_bytes >= 0)
    facts.add("activations", cat("peak ", human_bytes(static_cast<uint64_t>(s.peak_bytes)), " planned",
                                 s.peak_reason.empty() ? "" : cat(" (", s.peak_reason, ")")));
  else
    facts.add("activations", cat("not planned: ", s.peak_reason));
  facts.add("quantization", quantization_phrase(s));
  for (const auto& [key, value] : s.metadata) facts.add(key, metadata_text(key, value));
  console.out(facts.render(width));
  Table ops({{"operator"}, {"count", Table::Align::kRight}, {"MACs", Table::Align::kRight}});
  for (const OpCount& op : s.ops) ops.add({op.op, grouped(op.count), op.macs ? human_count(op.macs) : ""});
  console.out(cat("\n", ops.render(width)));
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
    const std::string head = cat("  ", op.op, " (", op.nodes.size(), "): ");
    console.out(cat(wrapped(cat(head, join(op.nodes, ", ")), width, 4), "\n"));
  }
}

int inspect(const Options& o, Console& console) {
  const Graph graph = o.model.load();
  if (!o.around.empty()) {
    console.out(describe_around(graph, o.around, static_cast<int>(o.hops)));
  } else if (o.is_text) {
    console.out(to_text(graph, {.max_constant_elements = o.elements}));
  } else if (o.is_dot) {
    console.out(to_dot(graph));
  } else {
    const ModelSummary summary = summarize(graph, o.engine.engine());
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
  args.option("--elements", "N", o->elements, "constants up to N elements appear in --text; -1: all");
  args.flag("--dot", o->is_dot, "print the graph for Graphviz");
  args.option("--around", "NODE", o->around, "print the neighbourhood of a node or value");
  args.option("--hops", "N", o->hops, "how far --around looks");
  args.flag("--json", o->is_json, "print the summary as JSON");
  o->engine.declare(args);
  return [o](Console& console) { return inspect(*o, console); };
}

}  // namespace

const Command kInspectCommand{"inspect", "what a model is: inputs, operators, sizes, quantization",
                              "hone inspect model.tflite\nhone inspect model.onnx --around conv_17", "", setup};

}  // namespace hone
