#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/foreign.h"
#include "cli/model_args.h"
#include "cli/run_statistics.h"
#include "data/dataset.h"
#include "data/preprocess.h"
#include "measure/samples.h"
#include "passes/check.h"
#include "runtime/program.h"

namespace hone {

namespace {

constexpr std::string_view kOwnKernels = "hone runs its own kernels", kNoDelegate = "hone loads no delegates",
                           kInspect = "hone inspect MODEL shows the graph and its memory",
                           kOwnBuffers = "hone keeps as many times as there are";

/// The flags of TensorFlow Lite's benchmark_model (tensorflow/lite/tools/benchmark/README.md and the sources beside
/// it).
constexpr ForeignFlag kFlags[] = {
    {"--graph,--model", "FILE", "", "the model: .tflite, or anything else that hone reads"},
    {"--device", "CPU|GPU|NPU|FPGA", "", "where to run; one that is not there is an error"},
    {"--allow_fallback", "[true|false]", "", "the CPU takes the place of a device that is not there"},
    {"--num_threads", "N", "", "threads of one inference (default: 1)"},
    {"--num_runs", "N", "", "at least N measured runs (default: 50)"},
    {"--min_secs", "S", "", "and at least S seconds of them (default: 1)"},
    {"--max_secs", "S", "", "but no run is begun after S seconds (default: 150)"},
    {"--warmup_runs", "N", "", "at least N runs before (default: 1)"},
    {"--warmup_min_secs", "S", "", "and at least S seconds of them (default: 0.5)"},
    {"--run_delay", "S", "", "pause between runs"},
    {"--run_frequency", "N", "", "runs a second, instead of a pause"},
    {"--input_layer", "NAME[,NAME]", "", "the inputs, in the model's order"},
    {"--input_layer_shape", "N,H,W,C[:DIMS]", "", "their shapes, separated by colons"},
    {"--input_layer_value_range", "NAME,LOW,HIGH[:...]", "", "range of the numbers that integer inputs get"},
    {"--input_layer_value_files", "NAME:FILE[,...]", "", "raw bytes for inputs; a colon in a name is written twice"},
    {"--enable_op_profiling", "[true|false]", "", "also print the tables of operators"},
    {"--profiling_output_csv_file,--op_profiling_output_file", "FILE", "", "write the tables there, as CSV"},
    {"--report_peak_memory_footprint", "[true|false]", "", "also print the peak of resident memory"},
    {"--dry_run", "[true|false]", "", "load the model and run nothing"},
    {"--verbose", "[true|false]", "", "print flags that were not given too"},
    {"--use_gpu", "[true|false]", "", "as --device=GPU"},
    {"--use_nnapi", "[true|false]", "", "as --device=NPU"},
    {"--use_hexagon", "[true|false]", "", "as --device=NPU"},
    {"--use_coreml", "[true|false]", "", "as --device=NPU"},
    {"--external_delegate_path", "FILE", "", "as --device=FILE"},
    {"--stable_delegate_settings_file", "FILE", "", "as --device=FILE"},
    {"--use_xnnpack", "[true|false]", kNothing, kOwnKernels},
    {"--xnnpack_force_fp16", "[true|false]", kNothing, kOwnKernels},
    {"--use_caching", "[true|false]", kNothing, "weights are packed once always"},
    {"--allow_fp16", "[true|false]", kNothing, "hone computes floats as floats"},
    {"--require_full_delegation", "[true|false]", kNothing, kNoDelegate},
    {"--external_delegate_options", "OPTIONS", kNothing, kNoDelegate},
    {"--max_delegated_partitions", "N", kNothing, kNoDelegate},
    {"--min_nodes_per_partition", "N", kNothing, kNoDelegate},
    {"--delegate_serialize_dir", "DIR", kNothing, kNoDelegate},
    {"--delegate_serialize_token", "TOKEN", kNothing, kNoDelegate},
    {"--disable_delegate_clustering", "[true|false]", kNothing, kNoDelegate},
    {"--gpu_precision_loss_allowed", "[true|false]", kNothing, kNoDelegate},
    {"--gpu_experimental_enable_quant", "[true|false]", kNothing, kNoDelegate},
    {"--gpu_inference_for_sustained_speed", "[true|false]", kNothing, kNoDelegate},
    {"--gpu_backend", "NAME", kNothing, kNoDelegate},
    {"--gpu_wait_type", "NAME", kNothing, kNoDelegate},
    {"--gpu_invoke_loop_times", "N", kNothing, kNoDelegate},
    {"--nnapi_execution_preference", "NAME", kNothing, kNoDelegate},
    {"--nnapi_execution_priority", "NAME", kNothing, kNoDelegate},
    {"--nnapi_accelerator_name", "NAME", kNothing, kNoDelegate},
    {"--nnapi_allow_fp16", "[true|false]", kNothing, kNoDelegate},
    {"--nnapi_allow_dynamic_dimensions", "[true|false]", kNothing, kNoDelegate},
    {"--nnapi_use_burst_mode", "[true|false]", kNothing, kNoDelegate},
    {"--disable_nnapi_cpu", "[true|false]", kNothing, kNoDelegate},
    {"--hexagon_profiling", "[true|false]", kNothing, kNoDelegate},
    {"--hexagon_lib_path", "DIR", kNothing, kNoDelegate},
    {"--coreml_version", "N", kNothing, kNoDelegate},
    {"--benchmark_name", "NAME", kNothing, "the original prints it nowhere"},
    {"--output_prefix", "TEXT", kNothing, "the original prints it nowhere"},
    {"--max_profiling_buffer_entries", "N", kNothing, kOwnBuffers},
    {"--allow_dynamic_profiling_buffer_increase", "[true|false]", kNothing, kOwnBuffers},
    {"--memory_footprint_check_interval_ms", "N", kNothing, "the kernel keeps the peak, nobody polls"},
    {"--op_profiling_output_mode", "MODE", kNothing, "--profiling_output_csv_file asks for CSV"},
    {"--print_preinvoke_state", "[true|false]", kNothing, kInspect},
    {"--print_postinvoke_state", "[true|false]", kNothing, kInspect},
    {"--release_dynamic_tensors", "[true|false]", kNothing, "memory is planned before the first run"},
    {"--optimize_memory_for_large_tensors", "BYTES", kNothing, "memory is planned before the first run"},
};

/// A flag as the original shows it in the list of parameters that begins its output.
struct Parameter {
  std::string_view flag, title, preset;
};
constexpr Parameter kParameters[] = {
    {"--num_runs", "Min num runs", "50"},
    {"--min_secs", "Min runs duration (seconds)", "1"},
    {"--max_secs", "Max runs duration (seconds)", "150"},
    {"--run_delay", "Inter-run delay (seconds)", "-1"},
    {"--run_frequency", "Number of prorated runs per second", "-1"},
    {"--num_threads", "Num threads", "-1"},
    {"--warmup_runs", "Min warmup runs", "1"},
    {"--warmup_min_secs", "Min warmup runs duration (seconds)", "0.5"},
    {"--dry_run", "Run w/o invoking kernels", "0"},
    {"--report_peak_memory_footprint", "Report the peak memory footprint", "0"},
    {"--graph", "Graph", ""},
    {"--input_layer", "Input layers", ""},
    {"--input_layer_shape", "Input shapes", ""},
    {"--input_layer_value_range", "Input value ranges", ""},
    {"--input_layer_value_files", "Input value files", ""},
    {"--enable_op_profiling", "Enable op profiling", "0"},
    {"--profiling_output_csv_file", "CSV File to export profiling data to", ""},
};

void info(Console& console, std::string_view line) {
  console.out(cat("INFO: ", line, "\n"));
  console.flush();
}

/// The whole number given for a flag, of 32 bits as the original's, or `preset`.
int64_t whole(const ForeignLine& line, std::string_view flag, int64_t preset) {
  if (!line.has(flag)) return preset;
  const auto value = parse_int(line.value(flag));
  if (!value || *value < INT32_MIN || *value > INT32_MAX)
    throw invalid_argument(cat(flag, " '", line.value(flag), "': expected a whole number of 32 bits"));
  return *value;
}

/// The number given for a flag, seconds or times a second, or `preset`.
double real(const ForeignLine& line, std::string_view flag, double preset) {
  constexpr double kMost = 1e9;
  if (!line.has(flag)) return preset;
  const auto value = parse_double(line.value(flag));
  if (!value || !(std::abs(*value) <= kMost))
    throw invalid_argument(cat(flag, " '", line.value(flag), "': expected a number within ±10⁹"));
  return *value;
}

using Clock = std::chrono::steady_clock;

int64_t us_since(Clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
}

void print_parameters(const ForeignLine& line, Console& console) {
  const bool is_verbose = line.is_on("--verbose");
  info(console, "STARTING!");
  info(console, cat("Log parameter values verbosely: [", is_verbose ? 1 : 0, "]"));
  for (const Parameter& p : kParameters) {
    if (!line.has(p.flag) && !is_verbose && p.flag != "--graph") continue;
    std::string value = line.has(p.flag) ? line.value(p.flag) : std::string(p.preset);
    if (value == "true" || value == "false") value = value == "true" ? "1" : "0";
    info(console, cat(p.title, ": [", value, "]"));
  }
}

/// Where the line wants to run must be where hone runs.
void require_devices(const ForeignLine& line, Console& console) {
  const bool may_fall_back = line.is_on("--allow_fallback");
  if (line.has("--device")) require_device(line.value("--device"), may_fall_back, console);
  if (line.is_on("--use_gpu")) require_device("GPU", may_fall_back, console);
  for (const std::string_view flag : {"--use_nnapi", "--use_hexagon", "--use_coreml"})
    if (line.is_on(flag)) require_device("NPU", may_fall_back, console);
  for (const std::string_view flag : {"--external_delegate_path", "--stable_delegate_settings_file"})
    if (line.has(flag)) require_device(line.value(flag), may_fall_back, console);
}

/// "NAME:FILE", where "::" stands for a colon of the name.
std::pair<std::string, std::string> name_and_file(const std::string& text) {
  std::string name;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != ':') {
      name += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == ':') {
      name += text[i++];
    } else {
      return {name, text.substr(i + 1)};
    }
  }
  throw invalid_argument(cat("--input_layer_value_files '", text, "': expected NAME:FILE"));
}

/// What the line says of inputs, in the order of its --input_layer, which is the model's.
struct Inputs {
  std::vector<std::string> names, shapes;

  explicit Inputs(const ForeignLine& line) {
    if (line.has("--input_layer")) names = split(line.value("--input_layer"), ',');
    if (line.has("--input_layer_shape")) shapes = split(line.value("--input_layer_shape"), ':');
    if (names.size() != shapes.size())
      throw invalid_argument(
          cat("--input_layer names ", names.size(), " inputs, --input_layer_shape has ", shapes.size(), " shapes"),
          "for example: --input_layer=input1,input2 --input_layer_shape=1,224,224,4:1,20");
  }

  size_t place_of(const std::string& name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
      throw invalid_argument(cat("input '", name, "' is not among --input_layer: ", join(names, ", ")));
    return static_cast<size_t>(found - names.begin());
  }
};

/// The model with its inputs in the shapes of the line.
Graph load(const ForeignLine& line, const Inputs& inputs, Console& console) {
  ModelArgs model;
  model.path = line.value("--graph");
  if (inputs.names.empty()) return model.load();
  const Graph as_stored = model.load();
  if (inputs.names.size() != as_stored.inputs().size())
    throw invalid_argument(
        cat("--input_layer names ", inputs.names.size(), " inputs, the model has ", as_stored.inputs().size()));
  for (size_t i = 0; i < inputs.names.size(); ++i) {
    const std::string& name = as_stored.value(as_stored.inputs()[i]).name;
    if (name != inputs.names[i])
      console.out(cat("WARN: Tensor # ", i, " is named ", name, " but flags call it ", inputs.names[i], "\n"));
    std::string dims = inputs.shapes[i];
    std::replace(dims.begin(), dims.end(), ',', 'x');
    model.shapes.push_back(cat(name, "=", dims));
  }
  return model.load();
}

/// Integers between both ends, the same for the same input.
Tensor integers_between(const TensorType& type, int64_t low, int64_t high, size_t seed) {
  Dims dims;
  for (const Dim& dim : type.shape.list()) dims.push_back(dim.is_known() ? dim.value() : 1);
  Tensor wide = Tensor::empty(DType::kI64, dims);
  std::mt19937_64 engine(seed);
  const uint64_t count = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
  for (int64_t& v : wide.mutable_data<int64_t>()) v = low + static_cast<int64_t>(engine() % count);
  return cast(wide, type.dtype).with_quant(type.quant);
}

/// Generated numbers, but where the line says otherwise.
std::vector<Tensor> make_inputs(const ForeignLine& line, const Inputs& names, const Graph& graph) {
  std::vector<Tensor> out = generate_inputs(graph, 0, 1);
  if (line.has("--input_layer_value_range"))
    for (const std::string& item : split(line.value("--input_layer_value_range"), ':')) {
      const std::vector<std::string> parts = split(item, ',');
      const auto end = [&](size_t k) { return k < parts.size() ? parse_int(parts[k]).value_or(INT64_MAX) : INT64_MAX; };
      const int64_t low = end(1), high = end(2);
      if (parts.size() != 3 || low > high || low < INT32_MIN || high > INT32_MAX)
        throw invalid_argument(cat("--input_layer_value_range '", item, "': expected NAME,LOW,HIGH"));
      const size_t i = names.place_of(parts[0]);
      const TensorType& type = graph.type(graph.inputs()[i]);
      if (!is_float(type.dtype)) out[i] = integers_between(type, low, high, i);
    }
  if (line.has("--input_layer_value_files")) {
    const std::vector<InputSpec> specs = input_specs(graph);
    for (const std::string& item : split(line.value("--input_layer_value_files"), ',')) {
      const auto [name, path] = name_and_file(item);
      const size_t i = names.place_of(name);
      const std::string bytes = read_file(path);
      out[i] = tensor_from_bytes(std::as_bytes(std::span(bytes)), specs[i]).clone();
    }
  }
  return out;
}

/// How long a phase of the measurement lasts, and its pace.
struct Phase {
  int64_t min_runs;
  double min_seconds, max_seconds;
  double frequency, delay;
};

/// The phases of a line, read before anything runs.
struct Phases {
  Phase warm_up, timed;

  explicit Phases(const ForeignLine& line) {
    const double most = real(line, "--max_secs", 150);
    const double frequency = real(line, "--run_frequency", -1), delay = real(line, "--run_delay", -1);
    warm_up = {whole(line, "--warmup_runs", 1), real(line, "--warmup_min_secs", 0.5), most, frequency, delay};
    timed = {whole(line, "--num_runs", 50), real(line, "--min_secs", 1), most, frequency, delay};
    if (line.is_on("--dry_run")) warm_up = timed = {0, -1, most, frequency, delay};
  }
};

/// Runs until both minima are reached or the maximum is.
RunStatistics run_phase(Session& session, std::span<const Tensor> inputs, const Phase& phase, Console& console) {
  info(console, cat("Running benchmark for at least ", phase.min_runs, " iterations and at least ",
                    stream_number(phase.min_seconds), " seconds but terminate if exceeding ",
                    stream_number(phase.max_seconds), " seconds."));
  const Progress progress = console.progress("measuring");
  const auto seconds = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(s, 1e9)));
  };
  RunStatistics out;
  const Clock::time_point start = Clock::now();
  double elapsed = 0;
  while ((out.count() < phase.min_runs || elapsed < phase.min_seconds) && elapsed <= phase.max_seconds) {
    const Clock::time_point begin = Clock::now();
    session.run(inputs);
    out.add(us_since(begin));
    if (phase.frequency > 0)
      std::this_thread::sleep_until(start + seconds(static_cast<double>(out.count()) / phase.frequency));
    else if (phase.delay > 0)
      std::this_thread::sleep_for(seconds(phase.delay));
    elapsed = static_cast<double>(us_since(start)) / 1e6;
    progress(static_cast<int64_t>(elapsed * 1e3), static_cast<int64_t>(phase.min_seconds * 1e3));
  }
  console.end_progress();
  info(console, cat(out.text_with_percentiles(), "\n"));
  return out;
}

/// Steps as the original's table shows nodes: by the file's own operator and the names of what they make.
std::vector<TimedNode> nodes_of(const Plan& plan, const Graph& graph) {
  std::map<std::string_view, const Node*> by_name;
  for (const NodeId id : graph.order()) by_name.emplace(graph.node(id).name, &graph.node(id));
  std::vector<TimedNode> out;
  for (const PlannedStep& step : plan.steps()) {
    TimedNode timed{.type = std::string(step.op), .name = cat("[", step.name, "]:", out.size()), .us = {}};
    if (const auto found = by_name.find(step.name); found != by_name.end()) {
      const Node& node = *found->second;
      if (!node.source.op.empty()) timed.type = node.source.op;
      std::vector<std::string> names;
      for (const ValueId id : node.outputs)
        if (id.exists()) names.push_back(graph.value(id).name);
      timed.name = cat("[", join(names, ", "), "]:", out.size());
    }
    out.push_back(std::move(timed));
  }
  return out;
}

/// Peak resident memory of the process so far, MB of 2^20 bytes, as the original asks for it.
double peak_megabytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

struct Memory {
  double at_start = 0, after_loading = 0, at_end = 0;
};

void print_memory(const ForeignLine& line, const Memory& memory, Console& console) {
  info(console,
       "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual "
       "memory footprint of the model at runtime. Take the information at your discretion.");
  info(console, cat("Memory footprint delta from the start of the tool (MB): init=",
                    stream_number(memory.after_loading - memory.at_start),
                    " overall=", stream_number(memory.at_end - memory.at_start)));
  if (!line.is_on("--report_peak_memory_footprint")) return;
  info(console, cat("Overall peak memory footprint (MB) via periodic monitoring: ", stream_number(memory.at_end)));
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0, shared = 0;
  if (!(file >> total >> resident >> shared)) return;
  const auto megabytes = [](int64_t pages) { return pages * sysconf(_SC_PAGESIZE) >> 20; };
  info(console, "Memory status at the end of exeution:");  // so spelled by the original
  info(console, cat("- VmRSS              : ", megabytes(resident), " MB"));
  info(console, cat("+ RssAnnon           : ", megabytes(resident - shared), " MB"));
  info(console, cat("+ RssFile + RssShmem : ", megabytes(shared), " MB"));
}

/// What loading took, as a table of one stage.
std::string loading_tables(int64_t us, double megabytes, bool is_csv) {
  TimedNode stage{.type = "AllocateTensors", .name = "AllocateTensors/0", .us = {}, .kilobytes = megabytes * 1024};
  stage.us.add(us);
  return profile_tables({stage}, is_csv);
}

int benchmark(const ForeignLine& line, Console& console) {
  if (!line.has("--graph")) throw invalid_argument("benchmark-model: --graph is missing", "hone help benchmark-model");
  require_devices(line, console);
  line.words(console);
  print_parameters(line, console);
  const Inputs names(line);
  const std::string path = line.value("--graph"), csv = line.value("--profiling_output_csv_file");
  EngineArgs engine;
  engine.threads = std::max<int64_t>(whole(line, "--num_threads", -1), 1);
  const Phases phases(line);
  Memory memory{.at_start = peak_megabytes()};
  const Clock::time_point start = Clock::now();
  Graph graph = load(line, names, console);
  info(console, cat("Loaded model ", path));
  const Clock::time_point loaded = Clock::now();
  const auto program = Program::prepared(std::move(graph), engine.engine());
  const std::vector<Tensor> inputs = make_inputs(line, names, program->graph());
  Session session(program);
  const Plan& plan = session.plan_for(inputs);
  const int64_t planning_us = us_since(loaded), init_us = us_since(start);
  memory.after_loading = peak_megabytes();
  std::error_code unknown;
  const uintmax_t bytes = std::filesystem::file_size(path, unknown);
  if (unknown)
    console.out("WARN: Failed to get the input model file size.\n");
  else
    info(console, cat("The input model file size (MB): ", stream_number(static_cast<double>(bytes) / 1e6)));
  info(console, cat("Initialized session in ", stream_number(static_cast<double>(init_us) / 1e3), "ms."));

  const RunStatistics warm = run_phase(session, inputs, phases.warm_up, console);
  std::vector<TimedNode> nodes = nodes_of(plan, program->graph());
  const bool is_profiled = line.is_on("--enable_op_profiling");
  if (is_profiled)
    session.set_observer([&](size_t step, double us, std::span<const Tensor* const>) {
      nodes[step].us.add(static_cast<int64_t>(us + 0.5));
    });
  const RunStatistics timed = run_phase(session, inputs, phases.timed, console);
  memory.at_end = peak_megabytes();
  info(console, cat("Inference timings in us: Init: ", init_us, ", First inference: ", warm.first(), ", Warmup (avg): ",
                    stream_number(warm.mean()), ", Inference (avg): ", stream_number(timed.mean())));
  print_memory(line, memory, console);
  if (!is_profiled) return 0;
  const bool is_csv = !csv.empty();
  const std::string loading = cat("Profiling Info for Benchmark Initialization:\n",
                                  loading_tables(planning_us, memory.after_loading - memory.at_start, is_csv), "\n");
  const std::string running =
      cat("Operator-wise Profiling Info for Regular Benchmark Runs:\n", profile_tables(nodes, is_csv), "\n");
  if (is_csv) {
    write_file(csv, loading + running);
    return 0;
  }
  info(console, loading);
  if (!line.is_on("--dry_run")) info(console, running);
  return 0;
}

CommandBody setup(Args& args) {
  const auto line = std::make_shared<ForeignLine>();
  line->declare(args, kFlags);
  return [line](Console& console) { return benchmark(*line, console); };
}

}  // namespace

const Command kBenchmarkModelCommand{
    "benchmark-model",
    "TensorFlow Lite's benchmark: the lines of benchmark_model, and its output",
    "hone benchmark-model --graph=model.tflite --num_threads=4 --enable_op_profiling=true\n"
    "benchmark_model.py --model=model.tflite --device=CPU",
    "What is measured is hone, what is printed are the original's lines, for scripts that read them; hone bench says "
    "more. "
    "Devices other than the CPU are an error that lists what is there, unless --allow_fallback.",
    setup,
    "benchmark_model"};

}  // namespace hone
