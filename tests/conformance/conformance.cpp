// Runs ONNX's own suite: hone_conformance [ROOT] [--provider reference|cpu] [--round-trip] [--only TEXT] [--verbose].
// Prints a line per group and "N passed, N failed, N known gaps". Exits with 1 when a case fails that
// tests/conformance/known_gaps.txt does not list, or one passes that it lists.

#include <cstdio>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "conformance/cases.h"
#include "ops/interpreter.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace {

using namespace hone;

struct Options {
  std::string root, only, provider = "reference";
  static constexpr const char* kDebianRoot = "/usr/share/libonnx-testdata/data";
  bool round_trip = false, verbose = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--round-trip")
      options.round_trip = true;
    else if (arg == "--verbose")
      options.verbose = true;
    else if (arg == "--provider" && i + 1 < argc)
      options.provider = argv[++i];
    else if (arg == "--only" && i + 1 < argc)
      options.only = argv[++i];
    else if (options.root.empty() && !arg.starts_with("-"))
      options.root = arg;
    else
      throw invalid_argument(cat("unknown argument '", arg, "'"));
  }
  if (options.root.empty()) options.root = Options::kDebianRoot;
  if (options.provider != "reference" && options.provider != "cpu")
    throw invalid_argument(cat("unknown provider '", options.provider, "', expected reference or cpu"));
  return options;
}

/// The cases listed; those marked "written:" only where graphs go through hone's own file.
std::set<std::string> known_gaps(bool round_trip) {
  constexpr std::string_view kWritten = "written:";
  std::set<std::string> gaps;
  for (const std::string& line : split(read_file(HONE_SOURCE_DIR "/tests/conformance/known_gaps.txt"), '\n')) {
    const std::string_view name = trim(std::string_view(line).substr(0, line.find('#')));
    if (name.starts_with(kWritten)) {
      if (round_trip) gaps.emplace(trim(name.substr(kWritten.size())));
    } else if (!name.empty()) {
      gaps.emplace(name);
    }
  }
  return gaps;
}

std::vector<Tensor> run_on_cpu(const Graph& graph, std::span<const Tensor> inputs) {
  Runner runner(graph, {&cpu_provider()});
  std::vector<Tensor> outputs;
  for (const Tensor& t : runner.run(inputs)) outputs.push_back(t.clone());
  return outputs;
}

struct Count {
  int passed = 0, failed = 0, gaps = 0;
};

int run(const Options& options) {
  const std::set<std::string> gaps = known_gaps(options.round_trip);
  conformance::RunOptions how{.round_trip = options.round_trip, .execute = run_on_cpu};
  if (options.provider == "reference")
    how.execute = [](const Graph& graph, std::span<const Tensor> inputs) { return evaluate(graph, inputs); };
  std::map<std::string, Count> groups;
  Count all;
  for (const conformance::Case& test : conformance::find_cases(options.root)) {
    const std::string name = cat(test.group, "/", test.name);
    if (name.find(options.only) == std::string::npos) continue;
    std::string problem = conformance::run_case(test, how);
    const bool is_gap = gaps.contains(name);
    if (is_gap) problem = problem.empty() ? "passes, but is listed as a known gap" : "";
    Count& group = groups[test.group];
    ++(!problem.empty() ? group.failed : is_gap ? group.gaps : group.passed);
    ++(!problem.empty() ? all.failed : is_gap ? all.gaps : all.passed);
    if (!problem.empty() || options.verbose)
      std::printf("%-6s %s%s%s\n", problem.empty() ? (is_gap ? "gap" : "ok") : "FAILED", name.c_str(),
                  problem.empty() ? "" : ": ", problem.c_str());
  }
  for (const auto& [name, count] : groups)
    std::printf("%-18s %4d passed, %d failed, %d known gaps\n", name.c_str(), count.passed, count.failed, count.gaps);
  std::printf("%d passed, %d failed, %d known gaps\n", all.passed, all.failed, all.gaps);
  return all.failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return exit_code(e.code());
  }
}
