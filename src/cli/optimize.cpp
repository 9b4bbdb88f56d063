#include <chrono>
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
#include "cli/workshop.h"
#include "compress/manifest.h"
#include "compress/optimize_report.h"
#include "measure/machine.h"
#include "measure/report_html.h"
#include "passes/pipelines.h"
#include "providers/cpu/kernels/isa.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  std::string directory, output, objective = "latency";
  std::vector<std::string> calibrators;
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

/// The folder of the results, made before hours of work and gone again when nothing was written into it.
class ResultFolder {
 public:
  explicit ResultFolder(const std::string& path) : path_(path) {
    std::error_code ignored;
    is_new_ = !fs::exists(path, ignored);
    make_directory(path);
    workshop_.emplace(path_);
  }
  ~ResultFolder() {
    workshop_.reset();
    std::error_code ignored;
    if (is_new_) fs::remove(path_, ignored);  // only an empty folder goes
  }
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  Workshop& workshop() { return *workshop_; }

 private:
  fs::path path_;
  bool is_new_ = false;
  std::optional<Workshop> workshop_;
};

ReportContext context_of(const Options& o, const Args& args) {
  const Machine machine = read_machine();
  ReportContext c;
  c.command = args.typed();
  c.created = iso_time();
  c.model_path = o.model.path;
  c.data_path = o.data.path;
  c.cpu = machine.cpu;
  c.isa = cpu::isa_name(cpu::best_isa());
  c.os = cat(machine.system, " ", machine.architecture);
  c.max_drop_points = o.max_drop;
  c.objective = parse_objective(o.objective);
  c.threads = static_cast<int>(o.engine.threads);
  return c;
}

/// What was gained, what it costs on the samples that chose it, and what to expect on others.
void print_verdict(const Options& o, const OptimizeResult& result, Console& console) {
  const int width = console.width();
  const Candidate &best = result.best(), &base = result.baseline;
  const auto points = [](double value) { return fixed(value, 2); };
  if (result.chosen < 0) {
    const char* what = base.id == "float" ? "the float model" : "the model as given";
    console.out(wrapped(cat("nothing beats ", what, " within the budget of ", points(o.max_drop), " points\n"), width));
    return;
  }
  const auto times = [](double before, double after, std::string_view better, std::string_view worse) {
    const double ratio = after > 0 ? before / after : 1;
    if (std::abs(ratio - 1) < 0.005) return cat("not ", better);
    return cat(fixed(ratio >= 1 ? ratio : 1 / ratio, 2), "x ", ratio >= 1 ? better : worse);
  };
  const std::string gains =
      cat(times(base.latency_us.median, best.latency_us.median, "faster", "slower"), ", ",
          times(static_cast<double>(base.size_bytes), static_cast<double>(best.size_bytes), "smaller", "larger"), ", ",
          times(static_cast<double>(base.memory_bytes), static_cast<double>(best.memory_bytes), "less memory",
                "more memory"));
  console.out(wrapped(cat(best.label, ": ", gains, "; drop ", points(best.drop_points()),
                          " points (95 %: ", points(-100 * best.change.interval.high), " to ",
                          points(-100 * best.change.interval.low), ") of ", points(o.max_drop), " allowed\n"),
                      width));
  const UnseenDrop& unseen = result.unseen;
  const std::string expectation =
      unseen.repeats == 0 ? cat("the ", counted(static_cast<int64_t>(base.right.size()), "test sample"),
                                " that measured it also chose it: too few to say what to expect on others\n")
                          : cat("expect on new data: drop ", points(unseen.points),
                                " points (95 %: ", points(unseen.interval.low), " to ", points(unseen.interval.high),
                                "), with the choice made on one half of the test data and measured on the other",
                                unseen.points > o.max_drop ? "; THAT IS BEYOND THE BUDGET" : "", "\n");
  console.out(wrapped(expectation, width));
}

void print(const Options& o, const OptimizeResult& result, const std::vector<DeliveredFile>& files, Console& console) {
  const int width = console.width();
  Table table({{"candidate"},
               {result.metric == "top1" ? "top-1" : result.metric, Table::Align::kRight},
               {"drop", Table::Align::kRight},
               {"latency", Table::Align::kRight},
               {"size", Table::Align::kRight},
               {"memory", Table::Align::kRight},
               {""}});
  const auto add = [&](const Candidate& c, const std::string& verdict) {
    table.add({c.label, percent(c.score), fixed(c.drop_points(), 2), human_us(c.latency_us.median),
               human_bytes(static_cast<uint64_t>(c.size_bytes)), human_bytes(static_cast<uint64_t>(c.memory_bytes)),
               verdict});
  };
  add(result.baseline, result.chosen < 0 ? "chosen" : "");
  for (size_t i = 0; i < result.candidates.size(); ++i) {
    const Candidate& c = result.candidates[i];
    add(c, static_cast<int>(i) == result.chosen ? "chosen" : c.is_kept ? "" : "over budget");
  }
  console.out(cat(table.render(width), "\n"));
  print_verdict(o, result, console);
  for (const DeliveredFile& f : files) {
    if (f.bytes == 0) {
      console.out(wrapped(cat("not written: ", f.path, ": ", f.problem, "\n"), width, 2));
      continue;
    }
    const std::string proof = cat(f.is_verified ? "verified" : "NOT VERIFIED", ": read back ", percent(f.score), ", ",
                                  grouped(f.same_decisions), " of ", grouped(f.samples), " decisions as measured");
    console.out(wrapped(cat(f.path, "  ", human_bytes(static_cast<uint64_t>(f.bytes)), "  ", proof, "\n"), width, 2));
  }
  console.out(cat((fs::path(o.directory) / "report.html").string(), "\n"));
}

int optimize_command(const Options& o, const Args& args, Console& console) {
  if (!(o.max_drop >= 0 && o.max_drop <= 100))
    throw invalid_argument(cat("--max-drop ", o.max_drop, ": expected 0 to 100 percentage points"));
  Graph graph = o.model.load();
  run_pipeline(graph, standard_pipeline());
  const std::vector<InputSpec> inputs = input_specs(graph, o.preprocess.preprocess(), o.preprocess.stored());
  if (!inputs.empty() && !inputs.front().preprocess.color.empty())
    graph.metadata[std::string(kPreprocessKey)] = to_json(inputs.front().preprocess);
  const DataSplit data =
      split_data(o.data.path, {.labels = o.data.labels, .limit = o.data.limit},
                 static_cast<size_t>(std::max<int64_t>(o.calibration_samples, 0)), static_cast<uint64_t>(o.seed));
  OptimizeOptions options;
  options.max_drop_points = o.max_drop;
  options.objective = parse_objective(o.objective);
  options.calibrators = o.calibrators;
  for (const std::string& name : o.calibrators) find_calibrator(name);
  options.mixed = !o.no_mixed;
  options.latency_seconds = o.seconds;
  options.output = find_output(graph, o.output);
  options.engine = o.engine.engine();
  const fs::path source(o.model.path);  // the results are called after it
  for (const char* extension : {".onnx", ".tflite"})
    require_source_survives(source.string(), (fs::path(o.directory) / (source.stem().string() + extension)).string(),
                            "give another folder with -o");
  ResultFolder folder(o.directory);
  std::string stage;
  Progress bar;
  options.progress = [&](std::string_view name, int64_t done, int64_t total) {
    if (name != stage) {
      console.end_progress();
      stage = name;
      bar = console.progress(stage);
    }
    bar(done, total);
  };
  OptimizeResult result = optimize(graph, data, inputs, options);
  Candidate& best = result.chosen < 0 ? result.baseline : result.candidates[static_cast<size_t>(result.chosen)];
  best.graph.metadata[std::string(kManifestKey)] = manifest_of(result, data, o.model.path, o.max_drop);
  const DeliverOptions deliver_options{.directory = folder.workshop().path(),
                                       .stem = fs::path(o.model.path).stem().string(),
                                       .max_drop_points = o.max_drop,
                                       .output = options.output,
                                       .engine = options.engine,
                                       .progress = console.progress("reading back and proving")};
  std::vector<DeliveredFile> files = deliver(result.best(), result.baseline, data, inputs, deliver_options);
  console.end_progress();
  for (DeliveredFile& file : files) file.path = (fs::path(o.directory) / fs::path(file.path).filename()).string();
  const Json report = optimize_report(result, data, files, context_of(o, args));
  write_file(folder.workshop().file("report.json"), report.dump(2) + "\n");
  write_file(folder.workshop().file("report.html"), render_report_html(report));
  folder.workshop().publish();
  if (o.is_json)
    console.out(report.dump(2) + "\n");
  else
    print(o, result, files, console);
  if (result.metric == "top1")
    warn_of_chance(graph, options.output, result.baseline.samples, result.baseline.interval, console);
  bool is_proven = true;
  for (const DeliveredFile& f : files) is_proven &= f.bytes == 0 || f.is_verified;
  return is_proven ? 0 : kExitNo;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  o->data.declare(args);
  args.option("--max-drop", "POINTS", o->max_drop, "accuracy that may be lost, percentage points");
  args.option("--objective", "WHAT", o->objective, "latency, size or memory");
  args.option("-o,--output-dir", "DIR", o->directory, "where the results go", true);
  o->preprocess.declare(args);
  args.option("--output", "NAME", o->output, "the output that holds the scores, if not the first");
  args.option("--calibrator", "NAME", o->calibrators, "try only this one: minmax, percentile, entropy, mse");
  args.option("--calibration-samples", "N", o->calibration_samples, "0: a fifth of the data, at most 500", 0);
  args.option("--seed", "N", o->seed, "of the split into calibration and test data", 0);
  args.option("--seconds", "S", o->seconds, "latency measurement for each candidate", 0);
  args.flag("--no-mixed", o->no_mixed, "do not try int8 with sensitive layers in float");
  args.flag("--json", o->is_json, "print report.json");
  o->engine.declare(args);
  return [o, &args](Console& console) { return optimize_command(*o, args, console); };
}

}  // namespace

const Command kOptimizeCommand{
    "optimize", "make a model small and fast within an accuracy budget, and prove it",
    "hone optimize model.onnx --data photos/ --max-drop 1 -o out/\n"
    "hone optimize kws.tflite --data kws01 --input-quant 0.58470291,83 --max-drop 0.5 -o out/",
    "Measures the float model here, calibrates in one pass over part of the data, tries float16, dynamic range, int8 "
    "with each calibrator and int8 with the most sensitive layers in float, rejects what loses more than --max-drop "
    "points on the rest of the data, keeps the best by --objective, and writes it as .onnx and .tflite with "
    "report.html "
    "and report.json. A folder with calibration/ and test/ is taken as split; other data is split by --seed. Without "
    "labels the decisions of the float model are the truth. Exit code 1: a written file, read back, breaks the budget.",
    setup};

}  // namespace hone
