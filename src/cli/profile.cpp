#include "measure/profile.h"

#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/command_profile.h"
#include "cli/commands.h"
#include "cli/input_args.h"
#include "cli/report.h"
#include "cli/table.h"
#include "runtime/program.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  EngineArgs engine;
  InputArgs inputs;
  int64_t runs = 50, warmup = 5, rows = 20;
  std::string trace, folded;
  bool is_json = false;
  std::vector<std::string> events, command;
};

std::string counter_text(double value) { return value < 0 ? "" : human_count(static_cast<int64_t>(value)); }

std::string counters_table(const Profile& profile, int64_t rows, int width) {
  std::vector<const StepProfile*> order;
  for (const StepProfile& step : profile.steps) order.push_back(&step);
  std::stable_sort(order.begin(), order.end(),
                   [](const StepProfile* a, const StepProfile* b) { return a->time.us > b->time.us; });
  Table table({{"node"},
               {"cycles", Table::Align::kRight},
               {"instructions", Table::Align::kRight},
               {"per cycle", Table::Align::kRight},
               {"cache misses", Table::Align::kRight},
               {"branch misses", Table::Align::kRight}});
  for (size_t i = 0; i < order.size() && (rows <= 0 || static_cast<int64_t>(i) < rows); ++i) {
    const Counters& c = order[i]->counters;
    table.add({order[i]->time.name, counter_text(c[0]), counter_text(c[1]),
               c[0] > 0 && c[1] >= 0 ? fixed(c[1] / c[0], 2) : "", counter_text(c[2]), counter_text(c[3])});
  }
  return table.render(width);
}

void print(const Options& o, const Profile& profile, Console& console) {
  const int width = console.width();
  std::vector<StepTime> times;
  for (const StepProfile& step : profile.steps) times.push_back(step.time);
  console.out(cat("total ", human_us(profile.total_us), " in ", profile.steps.size(), " nodes, median of ",
                  profile.runs, " runs\n\n", steps_table(times, o.rows, width), "\n", ops_table(times, width), "\n"));
  if (profile.counters_reason.empty()) {
    console.out(counters_table(profile, o.rows, width));
    if (o.engine.threads != 1) console.out("the counters are those of the calling thread alone\n");
  } else {
    console.out(cat(wrapped(cat("no counters: ", profile.counters_reason), width), "\n"));
  }
}

int run_profile(const Options& o, Console& console) {
  if (!o.command.empty()) {
    if (!o.model.path.empty()) throw invalid_argument("profile takes a model or a command, not both");
    return profile_command(o.events, o.command, o.is_json, console);
  }
  if (o.model.path.empty()) throw invalid_argument("profile: MODEL is missing", "hone help profile");
  if (!o.events.empty())
    throw invalid_argument("--event counts what a command does",
                           cat("hone profile -e ", join(o.events, ","), " -- hone bench ", shell_quoted(o.model.path)));
  const Engine engine = o.engine.engine();
  const auto program = Program::prepared(o.model.load(), engine);
  if (o.inputs.files.empty()) note_open_sizes(program->graph(), console);
  o.inputs.preprocess.note_unused(o.inputs.files, console);
  const std::vector<Tensor> inputs = o.inputs.load_or_generate(program->graph());
  Session session(program);
  session.plan_for(inputs);
  const Profile profile = profile_session(session, inputs, o.runs, o.warmup, console.progress("profiling"));
  const std::string name = std::filesystem::path(o.model.path).filename().string();
  const auto write = [&](const std::string& path, const std::string& text) {
    if (path == "-")
      console.out(text);
    else if (!path.empty())
      write_file(path, text);
  };
  if (!o.trace.empty()) write(o.trace, chrome_trace(profile, name));
  if (!o.folded.empty()) write(o.folded, folded_stacks(profile, name));
  if (o.trace == "-" || o.folded == "-") return 0;
  if (o.is_json) {
    Json json;
    json["model"] = o.model.path;
    const Json measured = to_json(profile);
    for (const auto& [key, value] : measured.as_object()) json[key] = value;
    console.out(cat(json.dump(2), "\n"));
  } else {
    print(o, profile, console);
  }
  return 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args, "MODEL", false);
  args.command("COMMAND", o->command, "run a command instead and count events in it");
  args.option("-e,--event", "EVENT[,EVENT]", o->events,
              "what to count, by perf's names, as in cpu-cycles,instructions");
  o->engine.declare(args);
  o->inputs.declare(args);
  args.option("--runs", "N", o->runs, "measure N runs", 1);
  args.option("--warmup", "N", o->warmup, "runs before measuring", 0);
  args.option("--rows", "N", o->rows, "show the N slowest nodes; 0: all", 0);
  args.option("--trace", "FILE", o->trace, "write the last run as Chrome trace JSON; - alone to standard output");
  args.option("--folded", "FILE", o->folded, "write folded stacks for a flame graph; - likewise");
  args.flag("--json", o->is_json, "print JSON");
  return [o](Console& console) { return run_profile(*o, console); };
}

}  // namespace

const Command kProfileCommand{
    "profile", "where the time goes: per node, with hardware counters where there are any",
    "hone profile model.tflite --trace trace.json --folded stacks.txt\n"
    "hone profile -e cpu_cycles,instructions -- hone run model.onnx",
    "Counters are those of the calling thread: use --threads 1 for whole numbers. Inputs without "
    "a file are generated numbers.\nBehind --, a command is run and events are counted in it and all that it starts; "
    "the report "
    "goes to standard error beside the command's own output, with --json to standard output, and the exit code is the "
    "command's.",
    setup};

}  // namespace hone
