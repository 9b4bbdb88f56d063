#include "conformance/cases.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/tensor_io.h"
#include "formats/onnx/writer.h"

namespace hone::conformance {

namespace fs = std::filesystem;

namespace {

constexpr double kRelative = 1e-3;
constexpr double kAbsolute = 1e-7;

Tensor read_tensor(const std::string& path) {
  const std::string bytes = read_file(path);
  const onnx::Decoder decoder(bytes);
  return onnx::TensorReader(decoder, path, nullptr).read(decoder.tensor(bytes));
}

std::vector<Tensor> read_tensors(const fs::path& folder, const std::string& kind) {
  std::vector<Tensor> tensors;
  for (size_t i = 0;; ++i) {
    const fs::path path = folder / cat(kind, "_", i, ".pb");
    if (!fs::exists(path)) return tensors;
    tensors.push_back(read_tensor(path.string()));
  }
}

bool is_close(double found, double expected, double relative) {
  if (std::isnan(found) || std::isnan(expected)) return std::isnan(found) && std::isnan(expected);
  if (std::isinf(found) || std::isinf(expected)) return found == expected;
  return std::abs(found - expected) <= kAbsolute + relative * std::abs(expected);
}

std::string compare_types(const Tensor& found, const Tensor& expected) {
  if (found.dtype() == expected.dtype() && found.dims() == expected.dims()) return "";
  return cat("is ", to_text(found.type()), ", expected ", to_text(expected.type()));
}

std::string compare_values(const Tensor& found, const Tensor& expected) {
  const std::vector<double> a = to_doubles(found), b = to_doubles(expected);
  // The suite's data cut f32 to bfloat16 where conversion rounds: one unit in the last place.
  const double relative = expected.dtype() == DType::kBF16 ? 0x1p-7 : kRelative;
  int64_t wrong = 0;
  std::string first;
  for (size_t i = 0; i < a.size(); ++i) {
    if (is_float(expected.dtype()) ? is_close(a[i], b[i], relative) : a[i] == b[i]) continue;
    if (wrong++ == 0) first = cat("[", i, "] is ", a[i], ", expected ", b[i]);
  }
  return wrong == 0 ? "" : cat(first, " (", wrong, " of ", a.size(), " differ)");
}

/// Draws of 0 and 1: the share of ones lies within five standard deviations of what the suite's own draw has.
std::string compare_draws(const Tensor& found, const Tensor& expected) {
  double ones = 0, expected_ones = 0;
  for (const double v : to_doubles(found)) {
    if (v != 0 && v != 1) return cat("holds ", v, ", expected 0 or 1");
    ones += v;
  }
  for (const double v : to_doubles(expected)) expected_ones += v;
  const auto n = static_cast<double>(expected.elements());
  return std::abs(ones - expected_ones) <= 5 * std::sqrt(n / 2)
             ? ""
             : cat("has ", ones, " ones, expected about ", expected_ones);
}

bool is_random(const std::string& name) { return name.starts_with("bernoulli"); }

/// What the suite stores where numpy has no bfloat16: the bits as UINT16.
Tensor as_declared(const Tensor& x, DType declared) {
  if (x.dtype() != DType::kU16 || declared != DType::kBF16) return x;
  return Tensor::view(declared, x.dims(), x.raw(), std::make_shared<Tensor>(x));
}

/// Inputs as the graph declares them. One that nothing reads may have any shape in the suite.
std::vector<Tensor> adapt(const Graph& graph, std::vector<Tensor> inputs) {
  for (size_t i = 0; i < inputs.size() && i < graph.inputs().size(); ++i) {
    const Value& value = graph.value(graph.inputs()[i]);
    inputs[i] = as_declared(inputs[i], value.type.dtype);
    if (value.users.empty() && value.type.shape.is_static())
      inputs[i] = Tensor::zeros(value.type.dtype, value.type.shape.dims());
  }
  return inputs;
}

std::string run_data_set(const Graph& graph, const Case& test, const fs::path& folder, const RunOptions& options) {
  const std::vector<Tensor> inputs = adapt(graph, read_tensors(folder, "input"));
  std::vector<Tensor> expected = read_tensors(folder, "output");
  const std::vector<Tensor> found = options.execute(graph, inputs);
  if (found.size() != expected.size()) return cat(found.size(), " outputs, expected ", expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    expected[i] = as_declared(expected[i], found[i].dtype());
    std::string problem = compare_types(found[i], expected[i]);
    if (problem.empty())
      problem = is_random(test.name) ? compare_draws(found[i], expected[i]) : compare_values(found[i], expected[i]);
    if (!problem.empty()) return cat("output ", i, " ", problem);
  }
  return "";
}

std::string one_line(const Error& e) {
  std::string text = e.message();
  for (const std::string& frame : e.frames())
    if (frame.starts_with("in node")) text += cat(" — ", frame);
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

Graph load(const Case& test, bool round_trip) {
  const std::string path = test.path + "/model.onnx";
  const auto file = MappedFile::open(path);
  Graph graph = kOnnxFormat.read({path, file->bytes(), file});
  if (!round_trip) return graph;
  const auto bytes = std::make_shared<const std::string>(onnx::encode_model(graph));
  return kOnnxFormat.read({"again.onnx", std::as_bytes(std::span(*bytes)), bytes});
}

}  // namespace

std::vector<Case> find_cases(const std::string& root) {
  std::vector<Case> cases;
  std::error_code failed;
  for (const auto& group : fs::directory_iterator(root, failed)) {
    if (!group.is_directory()) continue;
    for (const auto& entry : fs::directory_iterator(group.path())) {
      if (!fs::exists(entry.path() / "model.onnx")) continue;
      std::string name = entry.path().filename().string();
      if (name.starts_with("test_")) name = name.substr(5);
      cases.push_back({group.path().filename().string(), name, entry.path().string()});
    }
  }
  if (cases.empty())
    throw not_found(cat("no conformance cases under '", root, "'"), "apt-get install libonnx-testdata");
  std::sort(cases.begin(), cases.end(),
            [](const Case& a, const Case& b) { return std::tie(a.group, a.name) < std::tie(b.group, b.name); });
  return cases;
}

std::vector<Tensor> inputs_of(const Case& test) {
  const fs::path folder = fs::path(test.path) / "test_data_set_0";
  std::vector<Tensor> inputs;
  try {
    for (size_t i = 0; fs::exists(folder / cat("input_", i, ".pb")); ++i)
      inputs.push_back(read_tensor((folder / cat("input_", i, ".pb")).string()));
  } catch (const Error&) {
  }
  return inputs;
}

std::string run_case(const Case& test, const RunOptions& options) {
  try {
    const Graph graph = load(test, options.round_trip);
    verify(graph);
    int64_t sets = 0;
    for (;; ++sets) {
      const fs::path folder = fs::path(test.path) / cat("test_data_set_", sets);
      if (!fs::exists(folder)) break;
      std::string problem = run_data_set(graph, test, folder, options);
      if (!problem.empty()) return problem;
    }
    return sets == 0 ? "has no data" : "";
  } catch (const Error& e) {
    return one_line(e);
  }
}

}  // namespace hone::conformance
