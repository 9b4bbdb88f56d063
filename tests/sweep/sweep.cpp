// Hostile models, lived one by one (life.h): hone_sweep [ROOT] [--only TEXT] [--draws N] [--seed S] [--jobs N].
// Every case of ONNX's own suite becomes some sixty variants (variants.h) and N random ones (onnx_mutator.h), every
// graph of tests/suite and every TFLite case of tests/formats N random ones (text_mutator.h, tflite_mutator.h); another
// seed draws others. Each has to give a result or an Error within 10 s of work; a crash,
// another exception or Error(internal) is a fault. Prints a line per fault and a summary; exits with 1 when there was
// one.

#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "conformance/cases.h"
#include "formats/onnx/onnx.h"
#include "formats/tflite/tflite.h"
#include "formats/tflite_case.h"
#include "ir/text.h"
#include "ops/all.h"
#include "support/suite.h"
#include "sweep/life.h"
#include "sweep/onnx_mutator.h"
#include "sweep/text_mutator.h"
#include "sweep/tflite_mutator.h"
#include "sweep/variants.h"

namespace {

using namespace hone;

constexpr unsigned kSeconds = 10;       ///< of work
constexpr unsigned kWallSeconds = 120;  ///< a machine may be busy with others

struct Options {
  std::string root = "/usr/share/libonnx-testdata/data", only;
  size_t jobs = 1, draws = 10, seed = 0;
};

/// What a worker process tells the one that watches it: where it is, in memory that outlives it.
struct Progress {
  size_t origin = 0, model = 0;
  long results = 0, refusals = 0, faults = 0;
  char name[512] = "";
};

Options parse(int argc, char** argv) {
  Options options;
  options.jobs = std::max(1U, std::thread::hardware_concurrency());
  const auto count = [](const char* text) { return static_cast<size_t>(std::max(0, std::atoi(text))); };
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--only" && i + 1 < argc)
      options.only = argv[++i];
    else if (arg == "--jobs" && i + 1 < argc)
      options.jobs = std::max<size_t>(1, count(argv[++i]));
    else if (arg == "--draws" && i + 1 < argc)
      options.draws = count(argv[++i]);
    else if (arg == "--seed" && i + 1 < argc)
      options.seed = count(argv[++i]);
    else
      options.root = arg;
  }
  return options;
}

using Read = std::function<Graph()>;

/// A hostile model: how it is read, what is fed, and whether its declared shapes are true.
struct Model {
  std::string name;
  Read read;
  std::vector<Tensor> inputs;
  bool lies = false;
};
using Visit = std::function<void(const Model&)>;

/// A case and how it is turned into hostile models, always the same ones in the same order.
struct Origin {
  std::string name;
  std::function<void(const Visit&)> visit;
};

/// The state that draw `i` begins with.
std::mt19937_64 random_of(const Options& options, size_t i) { return std::mt19937_64(options.seed << 32 | (i + 1)); }

Read reads_onnx(std::string_view model) {
  const auto bytes = std::make_shared<const std::string>(model);
  return [bytes] { return kOnnxFormat.read({"model.onnx", std::as_bytes(std::span(*bytes)), bytes}); };
}

void visit_conformance(const conformance::Case& test, const Options& options, const Visit& visit) {
  const auto file = MappedFile::open(test.path + "/model.onnx");
  const std::string_view model(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  if (model.size() > 1 << 20) return;  // what makes an operator fail does not take a whole network
  const std::vector<Tensor> inputs = conformance::inputs_of(test);
  sweep::for_each_variant(model, inputs, [&](const sweep::Variant& variant) {
    visit({variant.name, reads_onnx(variant.model), variant.inputs, variant.lies});
  });
  for (size_t i = 0; i < options.draws; ++i) {
    std::mt19937_64 random = random_of(options, i);
    visit({cat("onnx ", i), reads_onnx(sweep::mutated_onnx(model, random)), inputs, true});
  }
}

void visit_suite(const SuiteCase& test, const OpSet& ops, const Options& options, const Visit& visit) {
  std::vector<Tensor> inputs;
  for (const auto& [name, tensor] : test.feeds) inputs.push_back(tensor);
  for (size_t i = 0; i < options.draws; ++i) {
    std::mt19937_64 random = random_of(options, i);
    const std::string text = sweep::mutated(test.graph, ops, random);
    visit({cat("text ", i), [&] { return parse_graph(text, ops); }, inputs, true});
  }
}

void visit_tflite(const TfliteCase& test, const Options& options, const Visit& visit) {
  const std::vector<std::byte> model = test.model();
  const std::string_view view(reinterpret_cast<const char*>(model.data()), model.size());
  for (size_t i = 0; i < options.draws; ++i) {
    std::mt19937_64 random = random_of(options, i);
    const auto bytes = std::make_shared<const std::string>(sweep::mutated_tflite(view, random));
    visit({cat("tflite ", i), [=] { return read_tflite(std::as_bytes(std::span(*bytes)), bytes); }, test.fed(), true});
  }
}

std::vector<Origin> find_origins(const Options& options) {
  static const OpSet ops = all_ops();
  std::vector<Origin> origins;
  for (const conformance::Case& test : conformance::find_cases(options.root))
    origins.push_back(
        {cat(test.group, "/", test.name), [=](const Visit& visit) { visit_conformance(test, options, visit); }});
  for (const std::string& file : suite_files())
    for (const SuiteCase& test : load_suite(file))
      origins.push_back(
          {cat("suite/", test.name), [=](const Visit& visit) { visit_suite(test, ops, options, visit); }});
  for (const TfliteCase& test : tflite_cases())
    origins.push_back({cat("tflite/", test.name), [=](const Visit& visit) { visit_tflite(test, options, visit); }});
  std::erase_if(origins, [&](const Origin& o) { return o.name.find(options.only) == std::string::npos; });
  return origins;
}

void live_model(const Model& model, Progress& progress) {
  const sweep::Life life = sweep::live(model.read, model.inputs, {.compares = !model.lies});
  ++(life.has_run ? progress.results : progress.refusals);
  if (life.fault.empty()) return;
  ++progress.faults;
  std::string line = life.fault.substr(0, 300);
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::printf("FAULT %s: %s\n", progress.name, line.c_str());
  std::fflush(stdout);
}

/// From here on the process has so long before a signal ends it.
void limit_time() {
  const itimerval work{.it_interval = {}, .it_value = {.tv_sec = kSeconds, .tv_usec = 0}};
  setitimer(ITIMER_PROF, &work, nullptr);
  alarm(kWallSeconds);
}

/// Lives the models of every jobs-th origin from where `progress` stands.
void work(const std::vector<Origin>& origins, const Options& options, Progress& progress) {
  for (; progress.origin < origins.size(); progress.origin += options.jobs, progress.model = 0) {
    size_t index = 0;
    origins[progress.origin].visit([&](const Model& model) {
      if (index++ < progress.model) return;
      std::snprintf(progress.name, sizeof progress.name, "%s, %s", origins[progress.origin].name.c_str(),
                    model.name.c_str());
      limit_time();
      live_model(model, progress);
      progress.model = index;
    });
  }
}

pid_t start(const std::vector<Origin>& origins, const Options& options, Progress& progress) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child != 0) return child;
  work(origins, options, progress);
  _exit(0);
}

/// Restarts workers behind the model that ended them, until all are through.
void watch(const std::vector<Origin>& origins, const Options& options, Progress* progress) {
  std::vector<pid_t> workers;
  for (size_t w = 0; w < options.jobs; ++w) {
    progress[w].origin = w;
    workers.push_back(start(origins, options, progress[w]));
  }
  for (size_t left = options.jobs; left > 0;) {
    int status = 0;
    const pid_t ended = wait(&status);
    for (size_t w = 0; w < options.jobs; ++w) {
      if (workers[w] != ended) continue;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        --left;
        continue;
      }
      ++progress[w].faults;
      const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      std::printf("FAULT %s: %s %d\n", progress[w].name,
                  signal == SIGALRM || signal == SIGPROF ? "too slow, signal"
                  : signal != 0                          ? "ended by signal"
                                                         : "ended with status",
                  signal != 0 ? signal : WEXITSTATUS(status));
      ++progress[w].model;
      workers[w] = start(origins, options, progress[w]);
    }
  }
}

int run(const Options& options) {
  const std::vector<Origin> origins = find_origins(options);
  void* shared =
      mmap(nullptr, options.jobs * sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw resource_error("no memory to share with workers");
  auto* progress = static_cast<Progress*>(shared);
  for (size_t w = 0; w < options.jobs; ++w) new (progress + w) Progress();
  watch(origins, options, progress);
  long results = 0, refusals = 0, faults = 0;
  for (size_t w = 0; w < options.jobs; ++w) {
    results += progress[w].results;
    refusals += progress[w].refusals;
    faults += progress[w].faults;
  }
  std::printf("%ld models: %ld ran, %ld were refused with an error, %ld faults\n", results + refusals, results,
              refusals, faults);
  return faults == 0 && results > 0 ? 0 : 1;
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
