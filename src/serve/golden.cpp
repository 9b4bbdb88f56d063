#include "serve/golden.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "data/npz.h"
#include "runtime/session.h"

namespace hone {

namespace {

constexpr double kRelativeTolerance = 0.01;

std::string array_name(size_t sample, std::string_view kind, const std::string& name) {
  return cat(sample, "/", kind, "/", name);
}

/// Every array of `sample` with the type that the model's value has.
std::vector<Tensor> take(const std::vector<NamedTensor>& arrays, size_t sample, std::string_view kind,
                         const Graph& graph, const std::vector<ValueId>& values) {
  std::vector<Tensor> out;
  for (const ValueId id : values) {
    const Value& value = graph.value(id);
    const std::string name = array_name(sample, kind, value.name);
    const auto at = std::find_if(arrays.begin(), arrays.end(), [&](const NamedTensor& a) { return a.first == name; });
    if (at == arrays.end()) throw invalid_argument(cat("there is no array '", name, "'"));
    if (at->second.dtype() != value.type.dtype)
      throw invalid_argument(
          cat("'", name, "' is ", to_string(at->second.dtype()), ", the model has ", to_text(value.type)));
    out.push_back(at->second.with_quant(value.type.quant));
  }
  return out;
}

void compare(const Tensor& expected, const Tensor& found) {
  if (expected.dims() != found.dims())
    throw invalid_model(cat("the answer has shape ", to_text(found.dims()), ", expected ", to_text(expected.dims())));
  const std::vector<double> a = to_doubles(expected.with_quant(nullptr)), b = to_doubles(found.with_quant(nullptr));
  double largest = 0;
  for (const double value : a)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  const double allowed = is_float(expected.dtype()) ? kRelativeTolerance * largest : 1;
  for (size_t i = 0; i < a.size(); ++i) {
    const bool is_same = a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i])) || std::abs(a[i] - b[i]) <= allowed;
    if (!is_same) throw invalid_model(cat("element ", i, " is ", b[i], ", expected ", a[i], " ± ", allowed));
  }
}

}  // namespace

std::string golden_path_of(const std::string& model_path) {
  std::filesystem::path path = std::filesystem::path(model_path).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.replace_extension(".golden.npz").string();
}

std::vector<GoldenSample> make_golden(const std::shared_ptr<const Program>& program,
                                      std::span<const std::vector<Tensor>> inputs) {
  std::vector<GoldenSample> samples;
  Session session(program);
  for (const std::vector<Tensor>& given : inputs) {
    if (session.state_count() > 0) session.reset_states();
    GoldenSample sample{given, {}};
    for (const Tensor& output : session.run(given)) sample.outputs.push_back(output.clone());
    samples.push_back(std::move(sample));
  }
  return samples;
}

void write_golden(const std::string& path, const Graph& graph, std::span<const GoldenSample> samples) {
  std::vector<NamedTensor> arrays;
  for (size_t k = 0; k < samples.size(); ++k) {
    for (size_t i = 0; i < graph.inputs().size(); ++i)
      arrays.emplace_back(array_name(k, "in", graph.value(graph.inputs()[i]).name), samples[k].inputs[i]);
    for (size_t i = 0; i < graph.outputs().size(); ++i)
      arrays.emplace_back(array_name(k, "out", graph.value(graph.outputs()[i]).name), samples[k].outputs[i]);
  }
  write_npz(path, arrays);
}

std::vector<GoldenSample> read_golden(const std::string& path, const Graph& graph) {
  const std::vector<NamedTensor> arrays = read_npz(path);
  return with_context([&] { return cat("in '", path, "'"); },
                      [&] {
                        int64_t count = 0;
                        for (const NamedTensor& array : arrays)
                          count =
                              std::max(count, parse_int(array.first.substr(0, array.first.find('/'))).value_or(-1) + 1);
                        if (count == 0 || count > static_cast<int64_t>(arrays.size()))
                          throw invalid_argument("there are no samples, or some are missing");
                        std::vector<GoldenSample> samples;
                        for (size_t k = 0; k < static_cast<size_t>(count); ++k)
                          samples.push_back({take(arrays, k, "in", graph, graph.inputs()),
                                             take(arrays, k, "out", graph, graph.outputs())});
                        return samples;
                      });
}

void replay_golden(const std::shared_ptr<const Program>& program, std::span<const GoldenSample> samples) {
  Session session(program);
  const Graph& graph = program->graph();
  for (size_t k = 0; k < samples.size(); ++k) {
    if (session.state_count() > 0) session.reset_states();
    const std::vector<Tensor>& found = session.run(samples[k].inputs);
    for (size_t i = 0; i < found.size(); ++i)
      with_context([&] { return cat("in output '", graph.value(graph.outputs()[i]).name, "' of golden sample ", k); },
                   [&] { compare(samples[k].outputs[i], found[i]); });
  }
}

}  // namespace hone
