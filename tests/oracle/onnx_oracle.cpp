// Compares hone with ONNX Runtime: every case of ONNX's suite as it is and as hone writes it again, the single nodes of
// onnx_forms.txt in four ways, and the face detector before and after hone's passes. Prints what differs and exits with
// 1 when anything does that onnx_known.txt does not list; says so and exits with 0 when the runtime is not installed.
// With models as arguments it prints how far the runtime is from the reference on each; with "--forms TEXT" it compares
// only the nodes whose lines contain TEXT, with "--record FILE" it writes what the runtime gives for all of them,
// "--kernels TEXT" and "--types TEXT" ask for the operators whose forms contain TEXT in every type, "--folder PATH"
// compares the model files of a folder.

#include <cmath>
#include <cstdio>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "conformance/cases.h"
#include "data/npy.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/writer.h"
#include "ops/interpreter.h"
#include "oracle/onnx_cases.h"
#include "oracle/onnx_form.h"
#include "oracle/onnx_kernels.h"
#include "oracle/onnx_runtime.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"
#include "support/compare.h"
#include "support/test_data.h"

namespace {

using namespace hone;

/// Two implementations of float arithmetic; quantized results may fall to the other side of a half.
constexpr Tolerance kTolerance{.relative = 1e-3, .absolute = 1e-5, .steps = 1};

struct Tally {
  int equal = 0, refused = 0, listed = 0, different = 0;
};

std::set<std::string> known_differences() {
  std::set<std::string> names;
  for (const std::string& line : split(read_file(HONE_SOURCE_DIR "/tests/oracle/onnx_known.txt"), '\n')) {
    const std::string_view name = trim(line);
    if (!name.empty() && !name.starts_with('#')) names.emplace(name);
  }
  return names;
}

std::string first_difference(const std::vector<Tensor>& found, const std::vector<Tensor>& expected) {
  if (found.size() != expected.size()) return cat(found.size(), " outputs, expected ", expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const std::string text = difference(found[i].with_quant(nullptr), expected[i].with_quant(nullptr), kTolerance);
    if (!text.empty()) return cat("output ", i, ": ", text);
  }
  return "";
}

/// Runs one model in the runtime and compares with `expected`. A model the runtime refuses is counted, no more.
void compare(OnnxRuntime& runtime, const std::string& name, const std::string& model, std::span<const Tensor> inputs,
             const std::vector<Tensor>& expected, const std::set<std::string>& known, Tally& tally) {
  std::string problem;
  try {
    problem = first_difference(runtime.run(model, inputs), expected);
  } catch (const Error& e) {
    ++tally.refused;
    if (std::getenv("HONE_ORACLE_VERBOSE")) std::printf("refused   %s: %s\n", name.c_str(), e.message().c_str());
    return;
  }
  if (problem.empty()) {
    ++tally.equal;
  } else if (known.contains(name)) {
    ++tally.listed;
  } else {
    ++tally.different;
    std::printf("DIFFERENT %s: %s\n", name.c_str(), problem.c_str());
  }
}

void print(const char* what, const Tally& tally) {
  std::printf("%-28s %4d equal, %d different, %d listed, %d refused by the runtime\n", what, tally.equal,
              tally.different, tally.listed, tally.refused);
}

int compare_suite(OnnxRuntime& runtime, const std::set<std::string>& known) {
  Tally as_is, written;
  for (const conformance::Case& test : conformance::find_cases("/usr/share/libonnx-testdata/data")) {
    conformance::RunOptions options;
    options.execute = [&](const Graph& graph, std::span<const Tensor> inputs) {
      std::vector<Tensor> results = evaluate(graph, inputs);
      const std::string name = cat(test.group, "/", test.name);
      compare(runtime, name, read_file(test.path + "/model.onnx"), inputs, results, known, as_is);
      compare(runtime, name + " (written)", onnx::encode_model(graph), inputs, results, known, written);
      return results;
    };
    conformance::run_case(test, options);
  }
  print("suite as it is", as_is);
  print("suite as hone writes it", written);
  return as_is.different + written.different;
}

Graph read_form(const OnnxForm& form) {
  const auto bytes = std::make_shared<const std::string>(form.model);
  return kOnnxFormat.read({"form.onnx", std::as_bytes(std::span(*bytes)), bytes});
}

/// Runs one way of a form and adds what came out of it to `tally`.
template <class Way>
void judge(const std::string& name, const std::vector<Tensor>& expected, const std::set<std::string>& known,
           Tally& tally, Way way) {
  std::string problem;
  try {
    problem = first_difference(way(), expected);
  } catch (const Error& e) {
    problem = e.message();
  }
  ++(problem.empty() ? tally.equal : known.contains(name) ? tally.listed : tally.different);
  if (!problem.empty() && !known.contains(name)) std::printf("DIFFERENT %s: %s\n", name.c_str(), problem.c_str());
}

/// Each form on the reference, after the passes, on the cpu provider, and in the runtime as hone writes it again.
int compare_forms(OnnxRuntime& runtime, const std::set<std::string>& known, std::string_view only) {
  Tally reference, passes, cpu, written;
  for (const OnnxForm& form : read_onnx_forms(only)) {
    std::vector<Tensor> expected;
    try {
      expected = runtime.run(form.model, form.inputs);
    } catch (const Error& e) {
      ++reference.refused;
      std::printf("refused   %s: %s\n", form.name.c_str(), e.message().c_str());
      continue;
    }
    const int before = reference.different + reference.listed;
    judge(form.name, expected, known, reference, [&] { return evaluate(read_form(form), form.inputs); });
    if (reference.different + reference.listed != before) continue;
    judge(form.name + " (after passes)", expected, known, passes, [&] {
      Graph graph = read_form(form);
      run_pipeline(graph, standard_pipeline());
      return evaluate(graph, form.inputs);
    });
    judge(form.name + " (cpu)", expected, known, cpu, [&] {
      Graph graph = read_form(form);
      run_pipeline(graph, standard_pipeline());
      Runner runner(std::move(graph), {&cpu_provider()});
      std::vector<Tensor> outputs;
      for (const Tensor& t : runner.run(form.inputs)) outputs.push_back(t.clone());
      return outputs;
    });
    judge(form.name + " (written)", expected, known, written,
          [&] { return runtime.run(onnx::encode_model(read_form(form)), form.inputs); });
  }
  print("forms on the reference", reference);
  print("forms after the passes", passes);
  print("forms on the cpu provider", cpu);
  print("forms as hone writes them", written);
  return reference.different + passes.different + cpu.different + written.different + reference.refused;
}

/// Writes what the runtime gives for each form: what tests/onnx/forms_test.cpp expects where there is no runtime.
void record_forms(OnnxRuntime& runtime, const std::set<std::string>& known, const std::string& path) {
  std::string text =
      "# What ONNX Runtime gives for the nodes of tests/oracle/onnx_forms.txt; hone_onnx_oracle --record FILE writes "
      "it.\n";
  for (const OnnxForm& form : read_onnx_forms()) {
    if (known.contains(form.name)) continue;
    text += cat("\n", form.name, "\n");
    for (const Tensor& output : runtime.run(form.model, form.inputs)) text += cat("  ", to_literal(output), "\n");
  }
  write_file(path, std::string_view(text));
}

int compare_ultraface(OnnxRuntime& runtime) {
  const auto path = test_data("ultraface/version-RFB-320.onnx"), input = test_data("golden/version-RFB-320/0.in0.npy");
  if (!path || !input) {
    std::printf("ultraface                    skipped: real models and data are absent, set HONE_TEST_DATA\n");
    return 0;
  }
  const auto file = MappedFile::open(*path);
  Graph graph = kOnnxFormat.read({*path, file->bytes(), file});
  const std::vector<Tensor> inputs{read_npy(*input)};
  const std::vector<Tensor> results = evaluate(graph, inputs);
  Tally tally;
  compare(runtime, "ultraface", read_file(*path), inputs, results, {}, tally);
  compare(runtime, "ultraface (written)", onnx::encode_model(graph), inputs, results, {}, tally);
  run_pipeline(graph, standard_pipeline());
  compare(runtime, "ultraface (after passes)", onnx::encode_model(graph), inputs, results, {}, tally);
  print("ultraface", tally);
  return tally.different + tally.refused;
}

/// Values spread over −1 … 1, or over all of an integer type.
Tensor test_input(const TensorType& type) {
  Dims dims;
  for (const Dim& dim : type.shape.list()) dims.push_back(dim.is_known() ? dim.value() : 1);
  Tensor x = Tensor::zeros(type.dtype, std::move(dims), type.quant);
  uint32_t state = 1;
  const auto next = [&] { return (state = state * 1664525u + 1013904223u) >> 8; };
  if (type.dtype == DType::kF32) {
    for (float& v : x.mutable_data<float>()) v = static_cast<float>(next()) * 0x1p-23f - 1;
  } else if (size_of(type.dtype) == 1) {
    for (int64_t i = 0; i < x.elements(); ++i) static_cast<uint8_t*>(x.mutable_raw())[i] = static_cast<uint8_t>(next());
  }
  return x;
}

/// Largest difference over the largest magnitude, over all outputs.
double distance(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  double worst = 0, largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const std::vector<double> x = to_doubles(a[i].with_quant(nullptr)), y = to_doubles(b[i].with_quant(nullptr));
    for (size_t k = 0; k < x.size() && k < y.size(); ++k) {
      worst = std::max(worst, std::abs(x[k] - y[k]));
      largest = std::max(largest, std::abs(y[k]));
    }
  }
  return largest > 0 ? worst / largest : worst;
}

/// A model from the command line: prints how far the runtime is from the reference on it, in each of its forms.
void report(OnnxRuntime& runtime, const std::string& path) {
  const auto file = MappedFile::open(path);
  Graph graph = kOnnxFormat.read({path, file->bytes(), file});
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) inputs.push_back(test_input(graph.type(id)));
  const std::vector<Tensor> results = evaluate(graph, inputs);
  const double as_is = distance(results, runtime.run(read_file(path), inputs));
  const double written = distance(results, runtime.run(onnx::encode_model(graph), inputs));
  run_pipeline(graph, standard_pipeline());
  const double after = distance(results, runtime.run(onnx::encode_model(graph), inputs));
  std::printf("%s: as it is %g, written %g, after passes %g of the largest output\n", path.c_str(), as_is, written,
              after);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto runtime = OnnxRuntime::open();
    if (!runtime) {
      std::printf("onnx oracle: SKIPPED: no ONNX Runtime; tests/oracle/fetch.sh installs it where npm can\n");
      return 0;
    }
    std::printf("onnx oracle: ONNX Runtime %s\n", runtime->version().c_str());
    const std::set<std::string> known = known_differences();
    if (argc == 3 && std::string_view(argv[1]) == "--forms")
      return compare_forms(*runtime, known, argv[2]) == 0 ? 0 : 1;
    if (argc == 3 && std::string_view(argv[1]) == "--kernels") return compare_kernels(*runtime, argv[2]) == 0 ? 0 : 1;
    if (argc == 2 && std::string_view(argv[1]) == "--operators") return compare_operators(*runtime) == 0 ? 0 : 1;
    if (argc == 3 && std::string_view(argv[1]) == "--folder") return compare_files(*runtime, argv[2]) == 0 ? 0 : 1;
    if (argc == 3 && std::string_view(argv[1]) == "--types")
      return compare_types(*runtime, known, argv[2]) == 0 ? 0 : 1;
    if (argc == 3 && std::string_view(argv[1]) == "--record") return record_forms(*runtime, known, argv[2]), 0;
    for (int i = 1; i < argc; ++i) report(*runtime, argv[i]);
    if (argc > 1) return 0;
    const int different = compare_forms(*runtime, known, "") + compare_cases(*runtime) + compare_operators(*runtime) +
                          compare_kernels(*runtime, "") + compare_types(*runtime, known, "") +
                          compare_suite(*runtime, known) + compare_ultraface(*runtime);
    return different == 0 ? 0 : 1;
  } catch (const Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return exit_code(e.code());
  }
}
