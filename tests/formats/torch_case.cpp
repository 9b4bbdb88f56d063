#include "formats/torch_case.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "formats/formats.h"
#include "formats/keras_file.h"
#include "ops/interpreter.h"

namespace hone {

namespace {

/// "f32 [2 3] 1 2 3 4 5 6".
Tensor parse_tensor(std::string_view text) {
  const size_t open = text.find('['), close = text.find(']');
  const DType dtype = parse_dtype(trim(text.substr(0, open))).value();
  Dims dims;
  for (const std::string& dim : split(text.substr(open + 1, close - open - 1), ' '))
    if (!dim.empty()) dims.push_back(parse_int(dim).value());
  std::vector<double> values;
  for (const std::string& value : split(trim(text.substr(close + 1)), ' '))
    if (!value.empty())
      values.push_back(value == "nan"    ? std::nan("")
                       : value == "inf"  ? HUGE_VAL
                       : value == "-inf" ? -HUGE_VAL
                                         : parse_double(value).value());
  return cast(Tensor::of<double>(std::move(dims), values), dtype);
}

std::string little(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

std::string pickled_ints(const Dims& values) {
  std::string out = "(";
  for (const int64_t value : values) out += pickled_int(static_cast<int32_t>(value));
  return out + "t";
}

std::string pickled_tensor(const Tensor& tensor, const std::string& key) {
  const std::string_view kind = tensor.dtype() == DType::kF32   ? "Float"
                                : tensor.dtype() == DType::kI64 ? "Long"
                                                                : "Bool";
  std::string out = cat("ctorch._utils\n_rebuild_tensor_v2\n((", pickled_text("storage"), "ctorch\n", kind, "Storage\n",
                        pickled_text(key), pickled_text("cpu"), pickled_int(static_cast<int32_t>(tensor.elements())),
                        "tQ", pickled_int(0));
  return cat(out, pickled_ints(tensor.dims()), pickled_ints(strides_of(tensor.dims())), "\x89",
             "ccollections\nOrderedDict\n)RtR");
}

}  // namespace

std::string pickled_text(const std::string& text) { return cat("X", little(text.size(), 4), text); }
std::string pickled_int(int32_t value) { return cat("J", little(static_cast<uint32_t>(value), 4)); }

std::vector<TorchCase> parse_torch_cases(std::string_view text) {
  std::vector<TorchCase> out;
  std::string file;
  for (const std::string& line : split(text, '\n')) {
    const size_t blank = std::min(line.find(' '), line.size());
    const std::string kind = line.substr(0, blank), rest = blank < line.size() ? line.substr(blank + 1) : "";
    if (kind == "case") {
      out.push_back({.name = rest, .files = {}, .parameters = {}, .inputs = {}, .outputs = {}});
    } else if (kind == "file") {
      file = rest;
    } else if (kind == "|") {
      out.back().files[file] += rest + "\n";
    } else if (!kind.empty()) {
      const size_t next = rest.find(' ');
      TorchCase::Named& list = kind == "in"    ? out.back().inputs
                               : kind == "out" ? out.back().outputs
                                               : out.back().parameters;
      list.emplace_back(rest.substr(0, next), parse_tensor(std::string_view(rest).substr(next + 1)));
    }
  }
  return out;
}

void write_torch(const std::string& path, const std::string& type, const std::map<std::string, std::string>& files,
                 const TorchCase::Named& parameters) {
  const size_t dot = type.rfind('.');
  std::string data = cat("\x80\x02", "c", type.substr(0, dot), "\n", type.substr(dot + 1), "\n)\x81}(");
  std::map<std::string, std::string> members;
  for (const auto& [name, tensor] : parameters) {
    const std::string key = cat(members.size());
    data += pickled_text(name) + pickled_tensor(tensor, key);
    members["net/data/" + key] =
        std::string(static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.byte_size()));
  }
  members["net/data.pkl"] = data + "ub.";
  members["net/constants.pkl"] = "\x80\x02).";
  members["net/version"] = "3\n";
  for (const auto& [name, text] : files) members["net/code/" + name] = text;
  write_zip(path, members, false);
}

std::vector<Tensor> run_on_reference(const Graph& graph, std::span<const Tensor> inputs) {
  return evaluate(graph, inputs);
}

std::string differs(const std::string& path, const TorchCase& torch, double tolerance, RunModel run) {
  try {
    ReadOptions options;
    std::vector<Tensor> inputs;
    for (const auto& [name, tensor] : torch.inputs) options.shapes[name] = tensor.dims(), inputs.push_back(tensor);
    const Graph graph = read_model(path, options);
    if (graph.inputs().size() != inputs.size()) return cat("has ", graph.inputs().size(), " inputs");
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = cast(inputs[i], graph.type(graph.inputs()[i]).dtype);
    const std::vector<Tensor> found = run(graph, inputs);
    if (found.size() != torch.outputs.size()) return cat("has ", found.size(), " outputs");
    for (size_t i = 0; i < found.size(); ++i) {
      const Tensor& expected = torch.outputs[i].second;
      if (found[i].dims() != expected.dims() || found[i].dtype() != expected.dtype())
        return cat("output ", i, ": ", to_text(found[i].type()), ", expected ", to_text(expected.type()));
      const std::vector<double> a = to_doubles(found[i]), b = to_doubles(expected);
      for (size_t k = 0; k < a.size(); ++k) {
        const bool is_same = a[k] == b[k] || (std::isnan(a[k]) && std::isnan(b[k]));
        if (!is_same && !(std::fabs(a[k] - b[k]) <= tolerance * std::max(1.0, std::fabs(b[k]))))
          return cat("output ", i, "[", k, "]: ", a[k], ", expected ", b[k]);
      }
    }
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

}  // namespace hone
