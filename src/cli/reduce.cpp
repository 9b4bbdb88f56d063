#include "compress/reduce.h"

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/shell.h"
#include "base/text.h"
#include "base/workshop.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "compress/file_forms.h"
#include "formats/formats.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

struct Options {
  ModelArgs model;
  std::string check, destination;
  int64_t checks = 1000;
  double timeout = 60;
  bool is_json = false;
};

/// CMD with the model's path where "{}" stands, or at its end.
std::string line_of(std::string command, const std::string& path) {
  const std::string word = shell_quoted(path);
  size_t at = command.find("{}");
  if (at == std::string::npos) return cat(command, " ", word);
  for (; at != std::string::npos; at = command.find("{}", at + word.size())) command.replace(at, 2, word);
  return command;
}

/// Exit codes of the check on models that are written for it.
class Check {
 public:
  explicit Check(const Options& o)
      : o_(o),
        path_((fs::path(folder_.path()) / cat("model", fs::path(o.destination).extension().string())).string()) {}

  int of_file(const std::string& path) const { return run_shell(line_of(o_.check, path), o_.timeout); }

  /// −1 for what the format cannot hold.
  int of(const Graph& graph) const {
    try {
      write_model(graph, path_);
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kUnsupported) throw;
      return -1;
    }
    return of_file(path_);
  }

 private:
  const Options& o_;
  TemporaryFolder folder_;
  std::string path_;
};

/// The exit code to keep.
int failure_of(const Options& o, const Graph& graph, const Check& check) {
  const int code = check.of_file(o.model.path);
  if (code == 0) throw invalid_argument(cat("the check succeeds on '", o.model.path, "': nothing fails"));
  const int again = check.of(graph);
  if (again != code)
    throw invalid_argument(cat("the check ends with ", code, " on '", o.model.path, "', but with ", again,
                               " on what hone writes of it: it does not fail for the model's nodes"));
  return code;
}

int report(const Options& o, const Graph& graph, const Reduction& found, int code, Console& console) {
  std::vector<std::string> ops;
  for (const NodeId id : found.graph.order()) ops.emplace_back(found.graph.node(id).def->name);
  const auto before = static_cast<int64_t>(graph.node_count()), after = static_cast<int64_t>(found.graph.node_count());
  if (o.is_json) {
    Json json = Json::object();
    json["model"] = o.model.path;
    json["output"] = o.destination;
    json["exit_code"] = code;
    json["nodes_before"] = before;
    json["nodes_after"] = after;
    json["ops"] = Json::list(ops);
    json["checks"] = found.checks;
    json["finished"] = found.is_finished;
    console.out(json.dump(2) + "\n");
    return 0;
  }
  constexpr size_t kShown = 12;
  const bool is_long = ops.size() > kShown;
  if (is_long) ops.resize(kShown);
  Facts facts;
  facts.add("wrote", o.destination);
  facts.add("nodes", cat(grouped(before), " -> ", grouped(after), ": ", join(ops, ", "), is_long ? ", …" : ""));
  facts.add("check", cat("still ends with ", code, "; asked ", counted(found.checks, "time")));
  if (!found.is_finished) facts.add("note", "--checks were used up: more of them may leave less");
  console.out(facts.render(console.width()));
  return 0;
}

int reduce_command(const Options& o, Console& console) {
  require_source_survives(o.model.path, o.destination, "give another name with -o");
  require_written_format({.path = o.destination});
  const Graph graph = o.model.load();
  if (graph.node_count() == 0) throw invalid_argument("the model has no nodes");
  const Check check(o);
  const int code = failure_of(o, graph, check);
  const auto all = static_cast<int64_t>(graph.node_count());
  const Progress progress = console.progress("reducing");
  const Reduction found = reduce(
      graph,
      [&](const Graph& part) {
        const bool fails = check.of(part) == code;
        if (fails) progress(all - static_cast<int64_t>(part.node_count()), all);
        return fails;
      },
      o.checks);
  console.end_progress();
  write_model(found.graph, o.destination);
  return report(o, graph, found, code, console);
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.option("--check", "CMD", o->check,
              "a shell command that fails on MODEL; {}: where the model's name stands, else at its end", true);
  args.option("-o,--output", "FILE", o->destination, "the small model: .onnx, .tflite or .hone, as CMD reads it", true);
  args.option("--checks", "N", o->checks, "ask at most so often", 1);
  args.option("--timeout", "S", o->timeout, "end CMD after this time; that counts as exit code 124", 0.0);
  args.flag("--json", o->is_json, "print JSON");
  return [o](Console& console) { return reduce_command(*o, console); };
}

}  // namespace

const Command kReduceCommand{
    "reduce", "shrink a model on which a command fails to the few nodes that make it fail",
    "hone reduce model.onnx --check '! hone inspect {} | grep -q Relu' -o small.onnx",
    "CMD is run on parts of the model as long as they can become smaller; a part counts when CMD ends with the same "
    "exit "
    "code as on the whole model, so that another failure is not taken for this one. What the nodes left out made "
    "becomes inputs. Made for reports of bugs, of hone and of other runtimes.",
    setup};

}  // namespace hone
