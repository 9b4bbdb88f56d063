#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/input_args.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/versus.h"
#include "measure/roofline.h"
#include "runtime/program.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  InputArgs inputs;
  int64_t runs = 20, warmup = 3, rows = 20;
  double seconds = 1;
  bool is_json = false, is_ops = false, is_roofline = false;
  std::string against;
};

void print(const Options& o, const BenchResult& r, Console& console) {
  const int width = console.width();
  const Distribution& d = r.latency_us;
  Facts facts;
  facts.add("latency", cat("median ", human_us(d.median), ", 95 % below ", human_us(d.p95)));
  facts.add("spread", cat("min ", human_us(d.min), ", max ", human_us(d.max), ", mean ", human_us(d.mean), ", stddev ",
                          human_us(d.stddev), ", ", grouped(d.count), " runs"));
  facts.add("load", human_us(r.load_us));
  facts.add("first", human_us(r.first_us));
  facts.add("memory", cat("peak ", human_bytes(static_cast<uint64_t>(r.peak_rss_bytes)), " resident, activations ",
                          human_bytes(static_cast<uint64_t>(r.arena_bytes)), ", weights ",
                          human_bytes(static_cast<uint64_t>(r.weight_bytes))));
  facts.add("work", cat(human_count(r.macs), " MACs, ",
                        d.median > 0 ? fixed(static_cast<double>(r.macs) / d.median / 1e3, 1) : "0", " GMAC/s"));
  facts.add("provider", cat(r.provider, ", ", r.threads, r.threads == 1 ? " thread" : " threads"));
  console.out(facts.render(width));
  if (!o.is_ops) return;
  console.out(cat("\n", steps_table(r.steps, o.rows, width), "\n", ops_table(r.steps, width)));
}

int bench(const Options& o, Console& console) {
  if (!o.against.empty()) {
    if (o.is_ops || o.is_roofline) throw invalid_argument("--ops and --roofline time one model, --vs two");
    return bench_versus({o.model, o.engine, o.inputs, o.against, o.seconds, o.is_json}, console);
  }
  BenchOptions options;
  options.min_runs = o.runs;
  options.warmup_runs = o.warmup;
  options.min_seconds = o.seconds;
  options.steps = o.is_ops || o.is_roofline;
  options.progress = console.progress("measuring");
  const Engine engine = o.engine.engine();
  o.inputs.preprocess.note_unused(o.inputs.files, console);
  std::vector<Tensor> inputs;
  if (o.inputs.files.empty())
    note_open_sizes(o.model.load(), console);
  else
    inputs = o.inputs.load_or_generate(prepare(o.model.load(), engine));
  const BenchResult result = run_bench([&] { return Program::prepared(o.model.load(), engine); }, inputs, options);
  const Roof roof = o.is_roofline ? measure_roof(engine) : Roof();
  if (!o.is_json) {
    print(o, result, console);
    if (o.is_roofline) console.out(cat("\n", roofline_table(result.steps, roof, o.rows, console.width())));
    return 0;
  }
  Json json;
  json["model"] = o.model.path;
  const Json measured = to_json(result);
  for (const auto& [key, value] : measured.as_object()) json[key] = value;
  if (o.is_roofline) {
    json["roof"] = to_json(roof);
    Json& shares = json["roof_shares"] = Json::array();  // of the operators in "ops"
    for (const double share : shares_of_roof(result.steps, roof)) shares.push_back(share);
  }
  console.out(cat(json.dump(2), "\n"));
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->engine.declare(args);
  o->inputs.declare(args);
  args.option("--runs", "N", o->runs, "measure at least N runs", 1);
  args.option("--seconds", "S", o->seconds, "and at least S seconds of them", 0);
  args.option("--warmup", "N", o->warmup, "runs before measuring", 0);
  args.option("--vs", "B", o->against, "measure in turns with another model, or with the same one in ort or tflite");
  args.flag("--ops", o->is_ops, "also time every operator");
  args.flag("--roofline", o->is_roofline,
            "every operator against what this machine's arithmetic and memory allow, measured first");
  args.option("--rows", "N", o->rows, "show the N slowest nodes of --ops and --roofline; 0: all", 0);
  args.flag("--json", o->is_json, "print JSON: latency_us.median, load_us, first_us, peak_rss_bytes, ...");
  return [o](Console& console) { return bench(*o, console); };
}

}  // namespace

const Command kBenchCommand{
    "bench", "how fast a model is here: latency, load time, memory, time per operator",
    "hone bench model.tflite --threads 4 --ops\nhone bench model.tflite --vs model_int8.tflite",
    "Inputs without a file are generated numbers.\n--vs runs both for the same short time in many "
    "rounds and says who is faster, as far as the rounds tell (95 %, bootstrap); percent are of "
    "runs a second. What disturbed the machine meanwhile is said.\n--roofline measures what the "
    "engine reaches on a product that stays in the caches and on elementwise operators in cache and "
    "memory; Winograd's convolutions exceed it.",
    setup};

}  // namespace hone
