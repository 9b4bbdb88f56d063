#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/report.h"
#include "cli/table.h"
#include "compress/data_split.h"
#include "compress/job.h"
#include "compress/manifest.h"
#include "hone/version.h"
#include "measure/machine.h"
#include "providers/cpu/kernels/isa.h"
#include "report/html.h"
#include "report/outcome_json.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  std::string directory, output, objective = "latency", bound, runtime = "hone", recipe, recover;
  std::vector<std::string> calibrators, prune;
  MetricArgs metric;
  std::vector<std::string> formats;
  double max_drop = 1, seconds = 0.5;
  int64_t calibration_samples = 0, seed = 0;
  bool is_json = false, no_mixed = false;
};

std::string iso_time() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

ReportContext context_of(const Options& o, const Args& args) {
  const Machine machine = read_machine();
  ReportContext c;
  c.command = args.typed();
  c.created = iso_time();
  c.data_path = o.data.path;
  c.cpu = machine.cpu;
  c.isa = cpu::isa_name(cpu::best_isa());
  c.os = cat(machine.system, " ", machine.architecture);
  c.tool_version = version();
  c.threads = static_cast<int>(o.engine.threads);
  return c;
}

std::string times(int64_t before, int64_t after, std::string_view better, std::string_view worse) {
  const double a = static_cast<double>(before), b = static_cast<double>(after);
  if (b <= 0 || std::abs(a / b - 1) < 0.005) return cat("not ", better);
  return cat(fixed(a >= b ? a / b : b / a, 2), "x ", a >= b ? better : worse);
}

/// "drop 0.25 points (95 %: -0.6 to 1.1) of 1.00 points allowed", or "31.2 dB of 20.0 dB at least".
std::string cost_text(const Outcome& outcome, const Candidate& c) {
  const Metric& metric = outcome.metric;
  const double bound = outcome.budget.bound_of(metric);
  if (!std::isnan(bound)) return cat(score_text(metric, c.score), ", ", outcome.budget.text(metric));
  const Interval& i = c.verdict.drop_interval;
  const std::string range = std::isfinite(i.low) && std::isfinite(i.high)
                                ? cat(" (95 %: ", fixed(i.low, 2), " to ", fixed(i.high, 2), ")")
                                : " (too few samples for an interval)";
  return cat("drop ", metric.drop_text(c.verdict.drop), range, " of ", fixed(outcome.budget.max_drop, 2), " allowed");
}

/// What was gained, what it costs on the samples that chose it, and what to expect on others. A recipe that is repeated
/// was chosen elsewhere.
void print_verdict(const Outcome& outcome, bool is_repeated, Console& console) {
  const int width = console.width();
  const Candidate &best = outcome.best(), &base = outcome.baseline;
  if (outcome.chosen < 0) {
    const char* what = base.id == "float" ? "the float model" : "the model as given";
    console.out(
        wrapped(cat("nothing beats ", what, " within the budget: ", outcome.budget.text(outcome.metric), "\n"), width));
    return;
  }
  const std::string memory =
      best.memory_bytes > 0 ? cat(", ", times(base.memory_bytes, best.memory_bytes, "less memory", "more memory")) : "";
  console.out(
      wrapped(cat(best.label, " (in ", outcome.runtime, "): ", speed_text(base.latency, best.latency), ", ",
                  times(base.size_bytes, best.size_bytes, "smaller", "larger"), memory, "; ", cost_text(outcome, best),
                  best.verdict.is_certain ? "" : "; the interval reaches past the budget", "\n"),
              width));
  if (!std::isnan(outcome.budget.bound_of(outcome.metric)) || is_repeated) return;
  const UnseenDrop& unseen = outcome.unseen;
  const bool is_beyond = unseen.drop > outcome.budget.max_drop;
  const std::string expectation =
      unseen.repeats == 0 ? cat("the ", counted(outcome.test_samples, "test sample"),
                                " that measured it also chose it: too few to say what to expect on others\n")
                          : cat("expect on new data: drop ", outcome.metric.drop_text(unseen.drop),
                                " (95 %: ", fixed(unseen.interval.low, 2), " to ", fixed(unseen.interval.high, 2),
                                "), with the choice made on one half of the test data and measured on the other",
                                is_beyond ? "; THAT IS BEYOND THE BUDGET" : "", "\n");
  console.out(wrapped(expectation, width));
}

/// Where int8 loses most, when it lost too much.
std::string why_text(const Outcome& outcome) {
  bool is_any_rejected = false;
  for (const Candidate& c : outcome.candidates) is_any_rejected |= c.recipe.kind() == Int8::kName && !c.is_kept;
  if (!is_any_rejected || outcome.sensitivity.empty()) return {};
  const LayerSensitivity& worst = outcome.sensitivity.front();
  const auto range = [](const Range& r) { return cat(to_text(r.min), "…", to_text(r.max)); };
  std::string out = cat("int8 loses most in ", worst.layer, " (", worst.op, "): alone it leaves ",
                        fixed(worst.sqnr_db, 1), " dB at the output");
  if (worst.held.max > worst.held.min)
    out += cat("; its numbers ", range(worst.seen), ", held ", range(worst.held), ", ", percent(worst.clipped, 2),
               " clipped");
  return out + "\n";
}

std::string proof_text(const Outcome& outcome, const Deliverable& d) {
  const int64_t samples = d.score.samples();
  const std::string answers = d.same_samples == samples ? cat("same answers on all ", grouped(samples), " samples")
                                                        : cat("other answers on ", grouped(samples - d.same_samples),
                                                              " of ", grouped(samples), " samples");
  return cat(d.is_verified ? "verified" : "NOT VERIFIED", ": ", human_us(d.file.latency.runs.median), " in ",
             d.file.runtime, ", ", outcome.metric.text(d.score.value), ", ", answers,
             d.is_verified ? "" : cat("; ", d.file.problem));
}

void print(const Options& o, const Outcome& outcome, Console& console) {
  const int width = console.width();
  const bool has_drop = std::isnan(outcome.budget.bound_of(outcome.metric));
  std::vector<Table::Column> columns = {
      {"candidate"}, {outcome.metric.name == "top1" ? "top-1" : outcome.metric.name, Table::Align::kRight}};
  if (has_drop) columns.push_back({"drop", Table::Align::kRight});
  const bool has_memory = outcome.best().memory_bytes > 0;
  for (const char* name : {"latency", "size"}) columns.push_back({name, Table::Align::kRight});
  if (has_memory) columns.push_back({"memory", Table::Align::kRight});
  columns.push_back({""});
  Table table(columns);
  const auto add = [&](const Candidate& c, const std::string& verdict) {
    const bool is_judged = c.score.samples() > 0;
    std::vector<std::string> row = {c.label, is_judged ? outcome.metric.text(c.score.value) : ""};
    if (has_drop) row.push_back(is_judged ? fixed(c.verdict.drop, 2) : "");
    row.push_back(c.size_bytes > 0 ? human_us(c.latency.runs.median) : "");
    row.push_back(c.size_bytes > 0 ? human_bytes(static_cast<uint64_t>(c.size_bytes)) : "");
    if (has_memory) row.push_back(c.size_bytes > 0 ? human_bytes(static_cast<uint64_t>(c.memory_bytes)) : "");
    row.push_back(verdict);
    table.add(row);
  };
  add(outcome.baseline, outcome.chosen < 0 ? "chosen" : "");
  for (size_t i = 0; i < outcome.candidates.size(); ++i) {
    const Candidate& c = outcome.candidates[i];
    const bool is_over = c.score.samples() > 0 &&
                         !outcome.budget.allows_value(outcome.metric, c.score.value, outcome.baseline.score.value);
    add(c, static_cast<int>(i) == outcome.chosen ? "chosen" : c.is_kept ? "" : is_over ? "over budget" : "rejected");
  }
  console.out(cat(table.render(width), "\n"));
  print_verdict(outcome, !o.recipe.empty(), console);
  console.out(wrapped(why_text(outcome), width));
  for (const Deliverable& d : outcome.files) {
    const FileForm& f = d.file;
    const std::string line = f.bytes == 0 ? cat("not written: ", f.path, ": ", f.problem, "\n")
                                          : cat(f.path, "  ", human_bytes(static_cast<uint64_t>(f.bytes)), "  ",
                                                proof_text(outcome, d), "\n");
    console.out(wrapped(line, width, 2));
  }
  console.out(cat((fs::path(o.directory) / "report.html").string(), "\n"));
}

Sink sink_of(Console& console) {
  const auto stage = std::make_shared<std::string>();
  const auto bar = std::make_shared<Progress>();
  return {[&console, stage, bar](std::string_view name, int64_t done, int64_t total) {
    if (name != *stage) {
      console.end_progress();
      *stage = name;
      *bar = console.progress(*stage);
    }
    (*bar)(done, total);
  }};
}

/// With --recipe the file says what decides the result: the flags that would say so too.
Options as_recipe_says(Options o, const JobRecipe& recipe) {
  // A file never runs a command: who repeats the job types it.
  if (recipe.metric_command != o.metric.command)
    throw invalid_argument(cat("the recipe was judged by the command '", recipe.metric_command, "'"),
                           "if that may run here, give it: --metric-cmd CMD");
  if (recipe.metric_command.empty()) o.metric.metric = recipe.metric;
  o.output = recipe.output;
  o.max_drop = recipe.budget.max_drop;
  if (!std::isnan(recipe.budget.bound)) o.bound = to_text(recipe.budget.bound);
  o.calibration_samples = recipe.calibration;
  o.seed = std::max<int64_t>(recipe.seed, 0);
  o.data.limit = recipe.limit;
  o.preprocess.input_quant = recipe.input_quant;
  return o;
}

/// A flag given beside --recipe that the file decides: an error that names it.
void require_undecided(const Options& o, const JobRecipe& recipe) {
  const Options usual;
  std::vector<std::string> given;
  const auto note = [&](const char* flag, bool is_given) {
    if (is_given) given.emplace_back(flag);
  };
  note("--calibrator", !o.calibrators.empty());
  note("--prune", !o.prune.empty());
  note("--recover", !o.recover.empty());
  const bool says_all = recipe.calibration > 0;
  note("--max-drop", says_all && o.max_drop != usual.max_drop);
  note("--bound", says_all && !o.bound.empty());
  note("--metric", says_all && !o.metric.metric.empty());
  note("--metric-cmd", says_all && recipe.metric_command.empty() && !o.metric.command.empty());
  note("--output", says_all && !o.output.empty());
  note("--calibration-samples", says_all && o.calibration_samples != 0);
  note("--seed", says_all && o.seed != 0);
  note("--limit", says_all && o.data.limit != 0);
  note("--input-quant", says_all && !o.preprocess.input_quant.empty());
  note("preprocessing", says_all && o.preprocess.is_given());
  if (!given.empty()) throw invalid_argument(cat(join(given, ", "), " beside --recipe: the recipe says that"));
}

/// "90s", "10m", "1h" as seconds.
double seconds_of(const std::string& text) {
  const std::string number = text.empty() ? text : text.substr(0, text.size() - 1);
  const std::optional<double> value = parse_double(number);
  const double unit = text.ends_with('s') ? 1 : text.ends_with('m') ? 60 : text.ends_with('h') ? 3600 : 0;
  if (!value || unit == 0 || !(*value > 0) || *value * unit > 1e7)
    throw invalid_argument(cat("--recover '", text, "': expected a time"), "for example: --recover 10m");
  return *value * unit;
}

Preprocess pixels_of(const Options& o, const std::optional<JobRecipe>& recipe) {
  return recipe && !recipe->preprocess.empty() ? parse_preprocess(recipe->preprocess) : o.preprocess.preprocess();
}

/// Notes for what lets a recipe make other bytes than it once did.
void note_other_ground(const JobRecipe& recipe, const Job& job, Console& console) {
  if (!recipe.source_sha256.empty() && recipe.source_sha256 != job.source.sha256)
    console.note("note: the recipe is of another model file: the result will be another one too");
  if (recipe.calibration == 0) return;  // written by hand
  if (recipe.calibration != static_cast<int64_t>(job.calibration.count) || (recipe.seed < 0) != (job.seed < 0))
    console.note(cat("note: the recipe calibrated on ", counted(recipe.calibration, "sample"),
                     recipe.seed < 0 ? " of data that came split" : "", ", here on ", job.calibration.count));
}

int optimize(const Options& o, const std::optional<JobRecipe>& recipe, const Args& args, Console& console) {
  if (!(o.max_drop >= 0 && o.max_drop <= 100))
    throw invalid_argument(cat("--max-drop ", o.max_drop, ": expected 0 to 100 percentage points"));
  Job job;
  if (!o.recover.empty()) job.recover_seconds = seconds_of(o.recover);
  job.source = source_model(o.model.load(), o.model.path);
  Graph& graph = job.source.graph;
  const std::vector<InputSpec> inputs = input_specs(graph, pixels_of(o, recipe), o.preprocess.stored());
  const DataSplit data =
      split_data(o.data.path, {.labels = o.data.labels, .limit = o.data.limit},
                 static_cast<size_t>(std::max<int64_t>(o.calibration_samples, 0)), static_cast<uint64_t>(o.seed));
  job.calibration = samples_of(data.calibration, inputs);
  job.test = samples_of(data.test, inputs);
  job.calibration_engine = o.engine.calibration_engine();
  job.labels = labels_of(data.test);
  o.preprocess.note_unused(std::vector{data.test.name(0)}, console);
  warn_of_folders(graph, find_output(graph, o.output), data.test, console);
  if (!inputs.empty()) {
    warn_of_scale(graph, o.engine.engine(), job.calibration, inputs.front(), o.preprocess, console);
    if (!inputs.front().preprocess.color.empty())
      graph.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
  }
  job.seed = data.is_given ? -1 : static_cast<int64_t>(data.seed);
  job.limit = o.data.limit;
  job.input_quant = o.preprocess.input_quant;
  if (recipe) {
    job.recipe = recipe->recipe;
    note_other_ground(*recipe, job, console);
  }
  job.budget.max_drop = o.max_drop;
  if (!o.bound.empty()) {
    const std::optional<double> bound = parse_double(o.bound);
    if (!bound) throw invalid_argument(cat("--bound '", o.bound, "' is not a number"));
    job.budget.bound = *bound;
  }
  job.metric = o.metric.metric;
  job.metric_command = o.metric.command;
  job.objective = parse_objective(o.objective);
  job.calibrators = o.calibrators;
  if (o.runtime != "hone") {
    job.peer = open_peer(o.runtime);
    job.formats = {std::string(job.peer->format)};
  }
  if (!o.formats.empty()) job.formats = o.formats;
  for (const std::string& format : job.formats)
    if (format != "onnx" && format != "tflite")
      throw invalid_argument(cat("--format ", format, ": expected onnx or tflite"));
  job.mixed = !o.no_mixed;
  for (const std::string& share : o.prune) {
    const std::optional<double> macs = parse_double(share);
    if (!macs || !(*macs > 0 && *macs < 1))
      throw invalid_argument(cat("--prune ", share, ": expected a share of the multiply-accumulates between 0 and 1"));
    job.prune.push_back(*macs);
  }
  job.latency_seconds = o.seconds;
  job.output = find_output(graph, o.output);
  job.directory = o.directory;
  job.stem = fs::path(o.model.path).stem().string();
  Sink sink = sink_of(console);
  std::string json;
  sink.report = [&](const Outcome& found, const std::string& directory) {
    const ReportContext context = context_of(o, args);
    json = to_json(found, context).dump(2) + "\n";
    JobRecipe done = recipe_of(job, found);
    const auto pixels = graph.metadata.find(std::string(kPreprocessKey));
    if (pixels != graph.metadata.end()) done.preprocess = pixels->second;
    write_file((fs::path(directory) / "recipe.json").string(), to_json(done).dump(2) + "\n");
    write_file((fs::path(directory) / "report.json").string(), json);
    write_file((fs::path(directory) / "report.html").string(), render_report_html(report::view_of(found, context)));
  };
  const Outcome outcome = run_job(job, o.engine.engine(), sink);
  console.end_progress();
  if (o.is_json)
    console.out(json);
  else
    print(o, outcome, console);
  return outcome.is_proven() ? 0 : kExitNo;
}

int optimize_command(const Options& o, const Args& args, Console& console) {
  if (o.recipe.empty()) return optimize(o, std::nullopt, args, console);
  const JobRecipe recipe =
      with_context([&] { return cat("in '", o.recipe, "'"); }, [&] { return parse_job_recipe(read_file(o.recipe)); });
  require_undecided(o, recipe);
  return optimize(recipe.calibration > 0 ? as_recipe_says(o, recipe) : o, recipe, args, console);
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  args.percent_option("--max-drop", "POINTS", o->max_drop, "accuracy that may be lost, percentage points: 1 or 1%");
  args.option("--bound", "VALUE", o->bound, "what the metric must reach, in its own unit; sqnr: 20 dB");
  o->metric.declare(args);
  args.option("--format", "NAME", o->formats, "deliver, and judge candidates as, only this: onnx or tflite");
  args.option("--runtime", "NAME", o->runtime, "judge and time files in this: hone, or ort or tflite where installed");
  args.option("--objective", "WHAT", o->objective, "latency, size or memory");
  args.option("-o,--output-dir", "DIR", o->directory, "where the results go", true);
  o->preprocess.declare(args);
  args.option("--output", "NAME", o->output, "the output that holds the scores, if not the first");
  args.option("--calibrator", "NAME", o->calibrators, "try only this one: minmax, percentile, entropy, mse");
  args.option("--calibration-samples", "N", o->calibration_samples, "0: a fifth of the data, at most 500", 0);
  args.option("--seed", "N", o->seed, "of the split into calibration and test data", 0);
  args.option("--seconds", "S", o->seconds, "latency measurement for each candidate", 0);
  args.option(
      "--prune", "SHARE", o->prune,
      "also try with channels removed until this share of the multiply-accumulates is left: 0.7; may be repeated");
  args.option("--recover", "TIME", o->recover,
              "also try training, without labels, for about so long in all: 90s, 10m, 1h");
  args.option("--recipe", "FILE", o->recipe, "repeat what recipe.json of an earlier run says; nothing is searched for");
  args.flag("--no-mixed", o->no_mixed, "do not try int8 with sensitive layers in float");
  args.flag("--json", o->is_json, "print report.json");
  o->engine.declare(args);
  return [o, &args](Console& console) { return optimize_command(*o, args, console); };
}

}  // namespace

const Command kOptimizeCommand{
    "optimize", "make a model small and fast within an accuracy budget, and prove it",
    "hone optimize model.onnx --data photos/ --max-drop 1 -o out/\n"
    "hone optimize model.onnx --data photos/ --recipe out/recipe.json -o again/\n"
    "hone optimize kws.tflite --data kws01 --input-quant 0.58470291,83 --max-drop 0.5 -o out/",
    "Measures the float model here, calibrates in one pass over part of the data, tries float16, dynamic range, int8 "
    "with each calibrator and int8 with the most sensitive layers in float, rejects what loses more than --max-drop "
    "points on the rest of the data, keeps the best by --objective, and writes it as .onnx and .tflite with "
    "report.html, report.json and recipe.json, by which --recipe makes the same files again. A folder with "
    "calibration/ and test/ is taken as split; other data is split by --seed. The task "
    "chooses the metric, or --metric: accuracy with labels, else boxes, pixels, decisions or signal to noise against "
    "the "
    "model as given. A metric that cannot tell a good model from a broken one on the data stops the job. "
    "Exit code 1: a written file, read back, breaks the budget.",
    setup};

}  // namespace hone
