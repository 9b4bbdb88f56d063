#include <algorithm>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/foreign.h"
#include "cli/model_args.h"

namespace hone {

namespace {

using Words = std::vector<std::string>;

constexpr std::string_view kPrecision = "the model runs in the precision of its file; hone optimize makes others",
                           kEngine = "the model's file is what runs, nothing is built beforehand",
                           kGpu = "hone runs on the CPU", kLatency = "what is measured is one inference at a time",
                           kReport = "hone bench prints median, p95 and p99; --json all of it",
                           kVerbose = "hone inspect, bench --ops and profile say more",
                           kGenerated = "inputs are generated",
                           kWarmUp = "hone warms up by runs: --warmup of hone bench",
                           kMemory = "memory is planned before the first run",
                           kPasses = "the standard passes are run always";

/// Without quotes and blanks that shells and scripts leave.
std::string bare(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c != '\'' && c != '"' && c != ' ') out += c;
  return out;
}

/// trtexec's "images:1x3x640x640,ids:1x4" → "images=1x3x640x640", "ids=1x4".
Words colon_shapes(const std::string& value) {
  Words out;
  for (std::string item : split(bare(value), ',')) {
    const size_t colon = item.rfind(':');
    if (colon != std::string::npos) item[colon] = '=';
    out.push_back(item);
  }
  return out;
}

/// benchmark_app's "[1,3,224,224]" or "images[1,3,640,640],ids[1,4]" → "1x3x224x224"; "images=1x3x640x640", "ids=1x4".
Words bracket_shapes(const std::string& value) {
  Words out;
  const std::string text = bare(value);
  for (size_t at = 0; at < text.size();) {
    const size_t open = text.find('[', at), close = text.find(']', at);
    if (open == std::string::npos || close == std::string::npos || close < open)
      throw invalid_argument(cat("'", value, "' is no list of shapes"), "for example: images[1,3,640,640],ids[1,4]");
    std::string name = text.substr(at, open - at), dims = text.substr(open + 1, close - open - 1);
    if (name.ends_with(':')) name.pop_back();
    std::replace(dims.begin(), dims.end(), ',', 'x');
    out.push_back(name.empty() ? dims : cat(name, "=", dims));
    at = close + (close + 1 < text.size() && text[close + 1] == ',' ? 2 : 1);
  }
  return out;
}

/// benchmark_app's "images:a.png,ids:b.bin" or "a.png" → "images=a.png", "ids=b.bin"; "a.png".
Words colon_files(const std::string& value) {
  Words out;
  for (std::string item : split(value, ',')) {
    if (const size_t colon = item.find(':'); colon != std::string::npos) item[colon] = '=';
    out.push_back(item);
  }
  return out;
}

/// TensorRT's trtexec (Developer Guide, "Commonly Used Command-line Flags").
constexpr ForeignFlag kTrtexec[] = {
    {"--onnx", "FILE", "", "the model"},
    {"--loadEngine", "FILE", "", "an error: an engine is TensorRT's alone"},
    {"--shapes", "NAME:DIMS[,...]", "--shape", "shapes of inputs", colon_shapes},
    {"--optShapes", "NAME:DIMS[,...]", "--shape", "likewise", colon_shapes},
    {"--minShapes", "NAME:DIMS[,...]", kNothing, "one shape is measured: --optShapes or --shapes"},
    {"--maxShapes", "NAME:DIMS[,...]", kNothing, "one shape is measured: --optShapes or --shapes"},
    {"--batch", "N", "", "1; more are said by --shapes"},
    {"--iterations", "N", "--runs", "at least N runs"},
    {"--duration", "S", "--seconds", "and at least S seconds of them"},
    {"--warmUp", "MS", kNothing, kWarmUp},
    {"--dumpProfile", "", "--ops", "time of every operator"},
    {"--loadInputs", "NAME:FILE[,...]", "--input", "values of inputs", colon_files},
    {"--buildOnly,--skipInference", "", "", "an error: nothing would be measured"},
    {"--avgRuns", "N", kNothing, kReport},
    {"--percentile", "P", kNothing, kReport},
    {"--exportTimes", "FILE", kNothing, kReport},
    {"--exportProfile", "FILE", kNothing, kReport},
    {"--exportOutput", "FILE", kNothing, "hone run writes outputs"},
    {"--exportLayerInfo", "FILE", kNothing, kVerbose},
    {"--dumpLayerInfo", "", kNothing, kVerbose},
    {"--dumpOutput", "", kNothing, "hone run shows outputs"},
    {"--profilingVerbosity", "LEVEL", kNothing, kVerbose},
    {"--separateProfileRun", "", kNothing, "operators are timed in runs of their own always"},
    {"--verbose", "", kNothing, kVerbose},
    {"--fp16", "", kNothing, kPrecision},
    {"--int8", "", kNothing, kPrecision},
    {"--bf16", "", kNothing, kPrecision},
    {"--best", "", kNothing, kPrecision},
    {"--noTF32", "", kNothing, kPrecision},
    {"--stronglyTyped", "", kNothing, kPrecision},
    {"--calib", "FILE", kNothing, kPrecision},
    {"--inputIOFormats", "FORMATS", kNothing, kPrecision},
    {"--outputIOFormats", "FORMATS", kNothing, kPrecision},
    {"--saveEngine", "FILE", kNothing, kEngine},
    {"--explicitBatch", "", kNothing, kEngine},
    {"--workspace", "MIB", kNothing, kMemory},
    {"--memPoolSize", "SIZES", kNothing, kMemory},
    {"--builderOptimizationLevel", "N", kNothing, kEngine},
    {"--timingCacheFile", "FILE", kNothing, kEngine},
    {"--sparsity", "MODE", kNothing, kEngine},
    {"--tacticSources", "SOURCES", kNothing, kEngine},
    {"--device", "N", kNothing, kGpu},
    {"--useDLACore", "N", kNothing, kGpu},
    {"--allowGPUFallback", "", kNothing, kGpu},
    {"--useCudaGraph", "", kNothing, kGpu},
    {"--useSpinWait", "", kNothing, kGpu},
    {"--noDataTransfers", "", kNothing, kGpu},
    {"--useManagedMemory", "", kNothing, kGpu},
    {"--plugins,--staticPlugins,--dynamicPlugins", "FILE", kNothing, kGpu},
    {"--streams,--infStreams", "N", kNothing, kLatency},
    {"--threads", "", kNothing, kLatency},
    {"--sleepTime", "MS", kNothing, kLatency},
    {"--idleTime", "MS", kNothing, kLatency},
};

/// OpenVINO's benchmark_app, in C++ and Python (documentation, "Benchmark Tool").
constexpr ForeignFlag kBenchmarkApp[] = {
    {"-m,--m,--path_to_model", "FILE", "", "the model"},
    {"-d,--d,--target_device", "DEVICE", "", "CPU, or AUTO; any other is an error"},
    {"-niter,--niter,--number_iterations", "N", "--runs", "at least N runs"},
    {"-t,--t,--time", "S", "--seconds", "and at least S seconds of them"},
    {"-nthreads,--nthreads,--number_threads", "N", "--threads", "threads of one inference"},
    {"-shape,--shape", "NAME[DIMS],...", "--shape", "shapes of inputs", bracket_shapes},
    {"-data_shape,--data_shape", "NAME[DIMS],...", "--shape", "likewise", bracket_shapes},
    {"-i,--i,--paths_to_input", "NAME:FILE,...", "--input", "values of inputs", colon_files},
    {"-pc,--pc,--perf_counts", "", "--ops", "time of every operator"},
    {"-b,--b,--batch_size", "N", "", "1; more are said by -shape"},
    {"-hint,--hint,--perf_hint", "HINT", kNothing, kLatency},
    {"-api,--api,--api_type", "sync|async", kNothing, kLatency},
    {"-nireq,--nireq,--number_infer_requests", "N", kNothing, kLatency},
    {"-nstreams,--nstreams,--number_streams", "N", kNothing, kLatency},
    {"-pin,--pin,--infer_threads_pinning", "MODE", kNothing, kLatency},
    {"-inference_only,--inference_only", "[true|false]", kNothing, kLatency},
    {"-max_irate,--max_irate,--maximum_inference_rate", "N", kNothing, kLatency},
    {"-no_warmup,--no_warmup", "", kNothing, kWarmUp},
    {"-report_type,--report_type", "TYPE", kNothing, kReport},
    {"-report_folder,--report_folder", "DIR", kNothing, kReport},
    {"-json_stats,--json_stats", "[true|false]", kNothing, kReport},
    {"-latency_percentile,--latency_percentile", "P", kNothing, kReport},
    {"-pcsort,--pcsort,--perf_counts_sort", "ORDER", kNothing, kReport},
    {"-pcseq,--pcseq", "[true|false]", kNothing, kReport},
    {"-progress,--progress", "[true|false]", kNothing, kReport},
    {"-exec_graph_path,--exec_graph_path", "FILE", kNothing, kVerbose},
    {"-infer_precision,--infer_precision", "TYPE", kNothing, kPrecision},
    {"-ip,--ip,--input_precision", "TYPE", kNothing, kPrecision},
    {"-op,--op,--output_precision", "TYPE", kNothing, kPrecision},
    {"-iop,--iop,--input_output_precision", "TYPES", kNothing, kPrecision},
    {"-layout,--layout", "LAYOUT", kNothing, "the model's own layout is kept"},
    {"-mean_values,--mean_values", "VALUES", kNothing, kGenerated},
    {"-scale_values,--scale_values", "VALUES", kNothing, kGenerated},
    {"-cdir,--cdir,-cache_dir,--cache_dir", "DIR", kNothing, kEngine},
    {"-lfile,--lfile,-load_from_file,--load_from_file", "[true|false]", kNothing, kEngine},
    {"-extensions,--extensions", "FILE", kNothing, "hone loads no extensions"},
    {"-c,--c,--config", "FILE", kNothing, "hone loads no extensions"},
    {"-load_config,--load_config", "FILE", kNothing, "there is no configuration beside the line"},
    {"-dump_config,--dump_config", "FILE", kNothing, "there is no configuration beside the line"},
};

/// ONNX Runtime's onnxruntime_perf_test (onnxruntime/test/perftest/README.md and command_args_parser.cc).
constexpr ForeignFlag kPerfTest[] = {
    {"-m,--m", "duration|times", "", "what ends the measurement: -t or -r"},
    {"-r,--r", "N", "", "runs of mode times"},
    {"-t,--t", "S", "", "seconds of mode duration"},
    {"-e,--e", "PROVIDER", "", "cpu; any other is an error"},
    {"-x,--x", "N", "--threads", "threads of one inference; 0: all CPUs"},
    {"-f,--f", "NAME:SIZE", "", "the size of a symbol in the shapes of inputs"},
    {"-p,--p", "FILE", kNothing, "hone profile MODEL --trace FILE"},
    {"-y,--y", "N", kNothing, kLatency},
    {"-c,--c", "N", kNothing, kLatency},
    {"-P,--P", "", kNothing, kLatency},
    {"-o,--o", "LEVEL", kNothing, kPasses},
    {"-u,--u", "FILE", kNothing, "hone convert writes the model after the passes"},
    {"-s,--s", "", kNothing, kReport},
    {"-v,--v", "", kNothing, kVerbose},
    {"-n,--n", "", kNothing, "hone inspect MODEL is what ends before running"},
    {"-I,--I", "", kNothing, kGenerated},
    {"-S,--S", "SEED", kNothing, kGenerated},
    {"-A,--A", "", kNothing, kMemory},
    {"-M,--M", "", kNothing, kMemory},
    {"-z,--z", "", kNothing, "denormal numbers are as the processor has them"},
    {"-D,--D", "", kNothing, "one thread at a time spins, then parks"},
    {"-Z,--Z", "", kNothing, "one thread at a time spins, then parks"},
    {"-T,--T", "MASKS", kNothing, "taskset chooses the CPUs"},
    {"-i,--i", "OPTIONS", kNothing, "the CPU has no options"},
    {"-C,--C", "OPTIONS", kNothing, "the session has no options"},
    {"-R,--R", "FILE", kNothing, "hone loads no extensions"},
    {"-d,--d", "N", kNothing, kGpu},
    {"-q,--q", "", kNothing, kGpu},
};

void require_one_batch(const ForeignLine& line, std::string_view flag, std::string_view shapes) {
  if (line.has(flag) && line.value(flag) != "1")
    throw unsupported(cat(flag, " ", line.value(flag), ": which axis is the batch is not hone's to guess"),
                      cat("say the shapes: ", shapes));
}

std::string required(const ForeignLine& line, std::string_view flag) {
  if (!line.has(flag)) throw invalid_argument(cat(flag, " is missing"), "it names the model");
  return line.value(flag);
}

/// hone bench with what the rows say.
Words bench(const std::string& model, const ForeignLine& line, Console& console) {
  Words words{"bench", model};
  for (std::string& word : line.words(console)) words.push_back(std::move(word));
  return words;
}

int trtexec(const ForeignLine& line, Console& console) {
  if (line.has("--loadEngine"))
    throw unsupported("an engine is TensorRT's own file", "give the model that it was built from: --onnx=model.onnx");
  if (line.has("--buildOnly"))
    throw unsupported("--buildOnly: hone builds nothing beforehand, there would be nothing to measure",
                      cat("hone inspect ", line.value("--onnx")));
  require_one_batch(line, "--batch", "--shapes=input:8x3x224x224");
  return run_as(bench(required(line, "--onnx"), line, console), console);
}

int benchmark_app(const ForeignLine& line, Console& console) {
  if (line.has("-d") && lower(line.value("-d")) != "auto") require_device(line.value("-d"), std::nullopt, console);
  require_one_batch(line, "-b", "-shape \"[8,3,224,224]\"");
  return run_as(bench(required(line, "-m"), line, console), console);
}

/// "--shape" for each input with a symbol that -f "batch:4 width:224" gives a size; what stays open is 1, as there.
Words free_sizes(const std::string& model, const ForeignLine& line) {
  if (!line.has("-f")) return {};
  std::map<std::string, int64_t> sizes;
  for (const std::string& item : split(join(line.values("-f"), " "), ' ')) {
    const size_t colon = item.rfind(':');
    const auto size = colon == std::string::npos ? std::nullopt : parse_int(item.substr(colon + 1));
    if (!size || *size < 1) throw invalid_argument(cat("-f '", item, "': expected NAME:SIZE"));
    sizes[item.substr(0, colon)] = *size;
  }
  const Graph graph = ModelArgs{.path = model}.load();
  Words out;
  for (const ValueId id : graph.inputs()) {
    const Shape& shape = graph.type(id).shape;
    if (shape.is_static() || !shape.has_rank()) continue;
    std::string dims;
    for (const Dim& dim : shape.list()) {
      const auto found = sizes.find(dim.symbol());
      dims += cat(dims.empty() ? "" : "x", dim.is_known() ? dim.value() : found == sizes.end() ? 1 : found->second);
    }
    out.insert(out.end(), {"--shape", cat(graph.value(id).name, "=", dims)});
  }
  return out;
}

int perf_test(const std::string& model, const std::string& result, const ForeignLine& line, Console& console) {
  if (line.has("-e")) require_device(line.value("-e"), std::nullopt, console);
  if (!result.empty())
    console.note(cat("note: nothing is written to '", result, "': hone bench --json prints results"));
  Words words = bench(model, line, console);
  const std::string mode = line.has("-m") ? line.value("-m") : line.has("-r") && !line.has("-t") ? "times" : "duration";
  if (mode == "times")
    words.insert(words.end(), {"--runs", line.has("-r") ? line.value("-r") : "1000", "--seconds", "0"});
  else if (mode != "duration")
    throw invalid_argument(cat("-m ", mode, ": expected duration or times"));
  else if (line.has("-t"))
    words.insert(words.end(), {"--seconds", line.value("-t")});
  for (std::string& word : free_sizes(model, line)) words.push_back(std::move(word));
  return run_as(words, console);
}

CommandBody setup_trtexec(Args& args) {
  const auto line = std::make_shared<ForeignLine>();
  line->declare(args, kTrtexec);
  return [line](Console& console) { return trtexec(*line, console); };
}

CommandBody setup_benchmark_app(Args& args) {
  const auto line = std::make_shared<ForeignLine>();
  line->declare(args, kBenchmarkApp);
  return [line](Console& console) { return benchmark_app(*line, console); };
}

CommandBody setup_perf_test(Args& args) {
  struct Given {
    std::string model, result;
    ForeignLine line;
  };
  const auto given = std::make_shared<Given>();
  args.positional("MODEL", given->model, "the model");
  args.positional("RESULT", given->result, "nothing: hone bench --json prints results", false);
  given->line.declare(args, kPerfTest);
  return [given](Console& console) { return perf_test(given->model, given->result, given->line, console); };
}

constexpr std::string_view kDetails =
    "The line becomes one of hone bench, which prints it as ever; the note before says which. Devices other than the "
    "CPU "
    "are an error.";

}  // namespace

const Command kTrtexecCommand{
    "trtexec",
    "TensorRT's benchmark: its lines, measured by hone bench",
    "hone trtexec --onnx=model.onnx --shapes=input:1x3x224x224 --iterations=100",
    "The line becomes one of hone bench, which prints it as ever; the note before says which. "
    "What is measured is the CPU.",
    setup_trtexec,
    "trtexec"};
const Command kBenchmarkAppCommand{"benchmark-app",
                                   "OpenVINO's benchmark: its lines, measured by hone bench",
                                   "hone benchmark-app -m model.onnx -d CPU -niter 100 -nthreads 4",
                                   kDetails,
                                   setup_benchmark_app,
                                   "benchmark_app"};
const Command kOnnxruntimePerfTestCommand{"onnxruntime-perf-test",
                                          "ONNX Runtime's benchmark: its lines, measured by hone bench",
                                          "hone onnxruntime-perf-test -e cpu -m times -r 100 -x 4 model.onnx",
                                          kDetails,
                                          setup_perf_test,
                                          "onnxruntime_perf_test"};

}  // namespace hone
