#include "oracle/model_paths.h"

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/npy.h"
#include "formats/tflite/schema.h"
#include "hone/inference.h"
#include "ops/quantize.h"
#include "oracle/onnx_runtime.h"
#include "oracle/tflite_runtime.h"
#include "passes/check.h"

namespace hone {

namespace {

/// Tensors of each step.
using Steps = std::vector<std::vector<Tensor>>;

constexpr int kStatelessSteps = 2, kStatefulSteps = 6;
/// Open sizes of an input, the first (a batch, most often) and the others, in the order in which they are tried.
constexpr std::pair<int64_t, int64_t> kOpenSizes[] = {{1, 1}, {2, 2}, {8, 8}, {64, 64}, {1, 512}};
constexpr std::string_view kOptimized = "optimized", kPlain = "plain", kInputs = "inputs", kNudged = "nudged";
constexpr int kConvertSeconds = 100;

bool is_tflite(std::string_view path) { return path.ends_with(".tflite"); }

std::string step_file(const ModelCase& c, std::string_view kind, size_t step, size_t i) {
  return cat(c.folder, "/", kind, ".", static_cast<int64_t>(step), ".", static_cast<int64_t>(i), ".npy");
}

void keep(const ModelCase& c, std::string_view kind, const Steps& steps) {
  for (size_t s = 0; s < steps.size(); ++s)
    for (size_t i = 0; i < steps[s].size(); ++i) write_npy(step_file(c, kind, s, i), steps[s][i]);
}

/// What `keep` kept. A model without inputs has as many steps as answers.
Steps kept(const ModelCase& c, std::string_view kind) {
  Steps steps;
  for (size_t s = 0; std::filesystem::exists(step_file(c, kOptimized, s, 0)); ++s) {
    steps.emplace_back();
    for (size_t i = 0; std::filesystem::exists(step_file(c, kind, s, i)); ++i)
      steps[s].push_back(read_npy(step_file(c, kind, s, i)));
  }
  return steps;
}

/// Of each output that merely dequantizes one number a tensor: its step; of others 0.
std::vector<double> output_steps(const std::string& path) {
  const Model model = Model::load(path);
  const Graph& graph = model.graph();
  std::vector<double> steps;
  for (const ValueId id : graph.outputs()) {
    const Node* producer = graph.producer(id);
    const bool is_dequantized = producer && producer->is<Dequantize>();
    const QuantPtr quant = is_dequantized ? graph.type(producer->inputs[0]).quant : nullptr;
    steps.push_back(quant && quant->is_per_tensor() ? static_cast<double>(quant->scale()) : 0);
  }
  return steps;
}

Verdict judge_steps(const Steps& found, const Steps& expected, std::span<const double> output_steps = {}) {
  Verdict worst{Verdict::kEqual, ""};
  for (size_t s = 0; s < expected.size(); ++s) {
    Verdict v = judge(found.at(s), expected[s], output_steps);
    if (v.kind != Verdict::kEqual && s > 0) v.detail = cat("step ", static_cast<int64_t>(s), ", ", v.detail);
    worst = worse(worst, v);
  }
  return worst;
}

/// Whether the answers are as near as the runtime's own to inputs that differ by a quantization step.
bool is_within_a_nudge(const ModelCase& c, const Steps& found, const Steps& expected) {
  constexpr double kSlack = 6;
  const Steps nudged = kept(c, kNudged);
  for (size_t s = 0; s < expected.size(); ++s)
    if (nudged[s].empty() || decibel(found.at(s), expected[s]) < decibel(nudged[s], expected[s]) - kSlack) return false;
  return true;
}

/// Against the file's own runtime: that of its two answers counts that is nearer.
Verdict judge_kept(const ModelCase& c, const Steps& found) {
  const Steps expected = kept(c, kOptimized);
  const std::vector<double> steps = output_steps(c.path);
  Verdict optimized = judge_steps(found, expected, steps);
  if (optimized.kind == Verdict::kWrong && is_within_a_nudge(c, found, expected))
    optimized = {Verdict::kClose, cat(optimized.detail, ", no more than a step of the input moves it")};
  if (is_tflite(c.path) || optimized.kind == Verdict::kEqual) return optimized;
  const Verdict plain = judge_steps(found, kept(c, kPlain), steps);
  return plain.kind < optimized.kind ? plain : optimized;
}

bool is_quantized(const Graph& graph) {
  for (const NodeId id : graph.order())
    for (const std::vector<ValueId>& values : {graph.node(id).inputs, graph.node(id).outputs})
      for (const ValueId v : values)
        if (v.exists() && graph.type(v).quant) return true;
  return false;
}

/// Inputs that differ by a quantization step: stored integers of 8 and 16 bits by 1, floats by 1/256, others not at
/// all.
Steps nudged(const Steps& steps) {
  Steps result;
  for (const std::vector<Tensor>& inputs : steps) {
    result.emplace_back();
    for (const Tensor& x : inputs) {
      Tensor y = x.with_quant(nullptr).clone();
      for (size_t i = 0; i < static_cast<size_t>(y.elements()); i += 2) {
        if (y.dtype() == DType::kF32) y.mutable_data<float>()[i] += 1.0f / 256;
        if (size_of(y.dtype()) == 1 && is_integer(y.dtype())) static_cast<uint8_t*>(y.mutable_raw())[i] ^= 1;
        if (y.dtype() == DType::kI16) y.mutable_data<int16_t>()[i] ^= 1;
      }
      result.back().push_back(std::move(y));
    }
  }
  return result;
}

/// Whether a .tflite keeps values from one inference to the next.
bool has_state(const std::string& path) {
  if (!is_tflite(path)) return false;
  const auto file = MappedFile::open(path);
  const fb::Model& model = *fb::GetModel(file->bytes().data());
  for (const fb::OperatorCode* code : *model.operator_codes())
    if (code->builtin_code() == fb::BuiltinOperator::VAR_HANDLE) return true;
  for (const fb::SubGraph* graph : *model.subgraphs())
    for (const fb::Tensor* tensor : *graph->tensors())
      if (tensor->is_variable()) return true;
  return false;
}

/// Runs a file in its own runtime. Throws Error(unsupported) with what that says when it refuses.
Steps run_peer(const std::string& path, const Steps& inputs, OnnxRuntime::Optimizer optimizer) {
  const auto missing = [] { return not_found("the runtime is not installed", "tests/oracle/fetch.sh"); };
  const auto file = MappedFile::open(path);
  if (is_tflite(path)) {
    const auto runtime = TfliteRuntime::open();
    if (!runtime) throw missing();
    return runtime->run_steps(file->bytes(), inputs);
  }
  const auto runtime = OnnxRuntime::open();
  if (!runtime) throw missing();
  const std::string model = read_file(path);
  Steps outputs;
  for (const std::vector<Tensor>& step : inputs) outputs.push_back(runtime->run(model, step, optimizer));
  return outputs;
}

/// The model with its open sizes closed.
Model closed(const Model& model, std::pair<int64_t, int64_t> sizes) {
  std::map<std::string, Dims> shapes;
  for (const Port& port : model.inputs()) {
    if (!port.type.shape.has_rank() || port.type.shape.is_static()) continue;
    Dims& dims = shapes[port.name];
    int64_t open = sizes.first;
    for (int64_t i = 0; i < port.type.shape.rank(); ++i) {
      const Dim& dim = port.type.shape[i];
      dims.push_back(dim.is_known() ? dim.value() : std::exchange(open, sizes.second));
    }
  }
  return model.with_shapes(shapes);
}

/// Whether no answer has an element: an input was a shape, say, for which generated numbers make no sense.
bool is_empty(const Steps& answers) {
  for (const std::vector<Tensor>& step : answers)
    for (const Tensor& t : step)
      if (t.elements() > 0) return false;
  return true;
}

Verdict own(const ModelCase& c) {
  const Model model = Model::load(c.path);
  const int steps = has_state(c.path) ? kStatefulSteps : kStatelessSteps;
  std::string refusal;
  for (const auto& sizes : kOpenSizes) {
    Steps inputs, optimized, plain;
    try {
      const Model tried = closed(model, sizes);
      for (int s = 0; s < steps; ++s) inputs.push_back(generate_inputs(tried.graph(), static_cast<uint64_t>(s)));
      optimized = run_peer(c.path, inputs, OnnxRuntime::Optimizer::on);
      plain = run_peer(c.path, inputs, OnnxRuntime::Optimizer::off);
    } catch (const Error& e) {
      if (refusal.empty()) refusal = e.message();
      continue;
    }
    if (is_empty(optimized)) {
      refusal = "gives nothing on generated inputs";
      continue;
    }
    const Verdict itself = judge_steps(optimized, plain);
    if (itself.kind == Verdict::kWrong) return {Verdict::kNone, cat("disagrees with itself: ", itself.detail)};
    keep(c, kInputs, inputs);
    if (is_quantized(model.graph())) keep(c, kNudged, run_peer(c.path, nudged(inputs), OnnxRuntime::Optimizer::on));
    keep(c, kPlain, plain);
    keep(c, kOptimized, optimized);
    return itself;
  }
  return {Verdict::kNone, refusal};
}

Verdict run_hone(const ModelCase& c, const std::string& provider) {
  const Model model = Model::load(c.path);
  Inference inference(model, {.threads = 1, .provider = provider});
  Steps found;
  const std::vector<Port> ports = model.inputs();
  for (std::vector<Tensor> inputs : kept(c, kInputs)) {
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = inputs[i].with_quant(ports[i].type.quant);
    found.emplace_back();
    for (const Tensor& t : inference.run(inputs)) found.back().push_back(t.with_quant(nullptr).clone());
  }
  return judge_kept(c, found);
}

Verdict reference(const ModelCase& c) { return run_hone(c, "reference"); }
Verdict cpu(const ModelCase& c) { return run_hone(c, "cpu"); }

/// What `hone convert` prints, and its exit status: 128 and more for signals.
std::pair<std::string, int> convert(const ModelCase& c, const std::string& to) {
  const char* named = std::getenv("HONE_PROGRAM");
  const std::string command =
      cat("timeout -k 1 ", static_cast<int64_t>(kConvertSeconds), " '", named ? named : HONE_PROGRAM,
          "' convert --proofs ", c.proofs, " '", c.path, "' -o '", to, "' 2>&1");
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw io_error("no process for the conversion");
  std::string text;
  char buffer[4096];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, n);
  const int status = pclose(pipe);
  return {text, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
}

/// The lines of an error up to its hint, as one.
std::string reason(const std::string& text) {
  std::string line;
  for (const std::string& part : split(text, '\n'))
    if (!trim(part).empty()) line += cat(line.empty() ? "" : " | ", trim(part));
  return shortened(std::move(line), 400);
}

/// What stands for zero.
Tensor zeros(const TensorType& type) {
  Tensor out = Tensor::zeros(type.dtype, type.shape.dims());
  const bool is_byte = type.dtype == DType::kI8 || type.dtype == DType::kU8;  // wider integers have their zero at 0
  if (type.quant && is_byte)
    std::memset(out.mutable_raw(), type.quant->zero_point(), static_cast<size_t>(out.elements()));
  return out;
}

/// Inputs of a converted file: those of the source, and zeros for what the conversion made an input (state). Step by
/// step, such an input takes the value of the extra output that stands in its place.
Steps run_converted(const std::string& path, const Steps& inputs, size_t outputs, OnnxRuntime::Optimizer optimizer) {
  const std::vector<Port> ports = Model::load(path).inputs();
  if (inputs.empty() || ports.size() <= inputs[0].size()) return run_peer(path, inputs, optimizer);
  std::vector<Tensor> state;
  for (size_t i = inputs[0].size(); i < ports.size(); ++i) state.push_back(zeros(ports[i].type));
  Steps found;
  for (const std::vector<Tensor>& step : inputs) {
    std::vector<Tensor> all = step;
    all.insert(all.end(), state.begin(), state.end());
    std::vector<Tensor> out = run_peer(path, {all}, optimizer).at(0);
    if (out.size() != outputs + state.size()) return {out};
    state.assign(out.begin() + static_cast<std::ptrdiff_t>(outputs), out.end());
    out.resize(outputs);
    found.push_back(std::move(out));
  }
  return found;
}

Verdict converted(const ModelCase& c, std::string_view extension) {
  const std::string to = cat(c.folder, "/converted", extension);
  const auto [text, status] = convert(c, to);
  if (status == 124 || status == 137) return {Verdict::kTimeout, "hone convert"};
  if (status > 128) return {Verdict::kCrash, cat("hone convert, signal ", static_cast<int64_t>(status - 128))};
  if (status != 0) return {Verdict::kError, reason(text)};
  const Steps inputs = kept(c, kInputs), expected = kept(c, kOptimized);
  Verdict worst{Verdict::kEqual, ""};
  for (const auto optimizer : {OnnxRuntime::Optimizer::on, OnnxRuntime::Optimizer::off}) {
    if (is_tflite(to) && optimizer == OnnxRuntime::Optimizer::off) break;
    Verdict v;
    try {
      v = judge_kept(c, run_converted(to, inputs, expected.at(0).size(), optimizer));
    } catch (const Error& e) {
      v = {Verdict::kRefused, e.message()};
    }
    if (!is_tflite(to) && v.kind != Verdict::kEqual)
      v.detail += optimizer == OnnxRuntime::Optimizer::on ? " (optimizer on)" : " (optimizer off)";
    worst = worse(worst, v);
  }
  return worst;
}

Verdict same(const ModelCase& c) { return converted(c, is_tflite(c.path) ? ".tflite" : ".onnx"); }
Verdict other(const ModelCase& c) { return converted(c, is_tflite(c.path) ? ".onnx" : ".tflite"); }

constexpr ModelPath kPaths[] = {
    {"own", own}, {"reference", reference}, {"cpu", cpu}, {"same format", same}, {"other format", other}};

}  // namespace

std::span<const ModelPath> model_paths() { return kPaths; }

ModelRecord recorded(const ModelCase& c) {
  ModelRecord record{.name = std::filesystem::path(c.path).filename(), .inputs = {}, .answers = {}, .verdicts = {}};
  const Steps inputs = kept(c, kInputs), answers = kept(c, kOptimized);
  if (answers.empty()) return record;
  for (const Tensor& input : inputs[0]) record.inputs.push_back(input.dims());
  const std::vector<double> steps = output_steps(c.path);
  for (size_t i = 0; i < answers[0].size(); ++i)
    record.answers.push_back({answers[0][i].dims(), steps.at(i), recorded_elements(answers[0][i])});
  return record;
}

bool is_judged_model(std::string_view path) { return is_tflite(path) || path.ends_with(".onnx"); }

}  // namespace hone
