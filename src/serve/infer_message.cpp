#include "serve/infer_message.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/checked.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"
#include "container/json.h"
#include "data/preprocess.h"
#include "serve/datatype.h"

namespace hone {

namespace {

constexpr int64_t kMaxRank = 32;

/// Takes binary tensors from behind the JSON, in their order.
struct BinaryPart {
  std::string_view rest;

  std::string_view take(int64_t size) {
    if (size < 0 || static_cast<size_t>(size) > rest.size())
      throw invalid_argument(cat("binary_data_size is ", size, ", ", rest.size(), " bytes are left behind the JSON"));
    const std::string_view taken = rest.substr(0, static_cast<size_t>(size));
    rest.remove_prefix(taken.size());
    return taken;
  }
};

const Json& member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  if (!found) throw invalid_argument(cat("'", key, "' is missing"));
  return *found;
}

/// A member of "parameters", or null.
const Json* parameter(const Json& object, std::string_view key) {
  const Json* parameters = object.find("parameters");
  return parameters ? parameters->find(key) : nullptr;
}

bool is_set(const Json& object, std::string_view key) {
  const Json* found = parameter(object, key);
  return found && found->as_bool();
}

size_t find_port(const std::vector<Port>& ports, const std::string& name, std::string_view kind) {
  std::vector<std::string> names;
  for (size_t i = 0; i < ports.size(); ++i) {
    if (ports[i].name == name) return i;
    names.push_back(ports[i].name);
  }
  throw invalid_argument(cat("the model has no ", kind, " '", name, "', there are: ", join(names, ", ")));
}

Dims parse_dims(const Json& shape) {
  Dims dims;
  for (const Json& dim : shape.as_array()) dims.push_back(dim.as_int());
  if (static_cast<int64_t>(dims.size()) > kMaxRank)
    throw invalid_argument(cat("shape has ", dims.size(), " axes, at most ", kMaxRank, " are taken"));
  checked_product(dims);
  return dims;
}

Tensor parse_input(const Json& input, const Port& port, BinaryPart& binary) {
  const std::string& datatype = member(input, "datatype").as_string();
  const std::optional<DType> dtype = parse_datatype(datatype);
  if (!dtype) throw invalid_argument(cat("datatype '", datatype, "' is none that hone knows"));
  const bool is_stored = datatype_of(port.type.dtype) == datatype;
  const bool is_real = port.type.is_quantized() && *dtype == DType::kF32;
  if (!is_stored && !is_real)
    throw invalid_argument(cat("datatype is ", datatype, ", the model takes ", datatype_of(port.type.dtype),
                               port.type.is_quantized() ? ", or FP32 to be quantized" : ""));
  Dims dims = parse_dims(member(input, "shape"));
  if (!compatible(port.type.shape, Shape(dims)))
    throw invalid_argument(cat("shape is ", to_text(dims), ", the model takes ", to_text(port.type)));
  const DType held = is_stored ? port.type.dtype : *dtype;
  const Json* size = parameter(input, "binary_data_size");
  Tensor tensor = size ? tensor_from_binary(binary.take(size->as_int()), held, std::move(dims))
                       : tensor_from_json(member(input, "data"), held, std::move(dims));
  return is_stored ? tensor.with_quant(port.type.quant) : quantize(tensor, port.type.dtype, port.type.quant);
}

WantedOutput parse_output(const Json& output, const Signature& signature, bool is_binary) {
  WantedOutput wanted{.index = find_port(signature.outputs, member(output, "name").as_string(), "output")};
  const Json* binary = parameter(output, "binary_data");
  wanted.is_binary = binary ? binary->as_bool() : is_binary;
  wanted.is_dequantized = is_set(output, "dequantize");
  if (const Json* classes = parameter(output, "classification")) {
    wanted.classes = classes->as_int();
    if (wanted.classes < 1) throw invalid_argument(cat("classification is ", wanted.classes, ", expected 1 or more"));
  }
  return wanted;
}

std::vector<WantedOutput> parse_outputs(const Json& root, const Signature& signature) {
  const bool is_binary = is_set(root, "binary_data_output");
  std::vector<WantedOutput> wanted;
  if (const Json* outputs = root.find("outputs"))
    for (const Json& output : outputs->as_array()) {
      wanted.push_back(parse_output(output, signature, is_binary));
      if (wanted.size() > signature.outputs.size())
        throw invalid_argument(cat("more outputs are asked for than the model's ", signature.outputs.size()));
    }
  if (!wanted.empty()) return wanted;
  for (size_t i = 0; i < signature.outputs.size(); ++i) wanted.push_back({.index = i, .is_binary = is_binary});
  return wanted;
}

void parse_parameters(const Json& root, InferRequest& request) {
  for (const std::string_view key : {"sequence_id", "sequence_start", "sequence_end"})
    if (parameter(root, key)) throw unsupported(cat("parameter '", key, "': hone serves no sequences"));
  if (const Json* timeout = parameter(root, "timeout")) request.timeout_us = timeout->as_int();
  if (const Json* priority = parameter(root, "priority")) require_priority(priority->as_int());
  if (request.timeout_us < 0) throw invalid_argument(cat("timeout is ", request.timeout_us, " µs, expected 0 or more"));
}

/// The K largest along the last axis, as the classification extension writes them: BYTES of shape […, K].
struct Classes {
  Dims dims;
  std::vector<std::string> elements;
};

Classes classes_of(const Tensor& tensor, int64_t count, const std::vector<std::string>& labels) {
  if (tensor.rank() < 1 || tensor.elements() == 0)
    throw invalid_argument("classification is asked of an output that has no scores");
  const std::vector<double> values = to_doubles(tensor);
  const int64_t axis = tensor.dim(tensor.rank() - 1);
  count = std::min(count, axis);
  Classes out{tensor.dims(), {}};
  out.dims.back() = count;
  for (int64_t at = 0; at < tensor.elements(); at += axis)
    for (const ClassScore& c :
         largest_scores(std::span(values).subspan(static_cast<size_t>(at), static_cast<size_t>(axis)), count)) {
      const auto index = static_cast<size_t>(c.index);
      out.elements.push_back(cat(static_cast<float>(c.score), ":", c.index,
                                 index < labels.size() && !labels[index].empty() ? cat(":", labels[index]) : ""));
    }
  return out;
}

/// Writes outputs into JSON and the bytes behind it.
struct Writer {
  std::string json, binary;
  bool has_binary = false;

  void header(const std::string& name, std::string_view datatype, const Dims& dims) {
    json += cat("{\"name\":", json_quoted(name), ",\"datatype\":\"", datatype, "\",\"shape\":[");
    for (size_t i = 0; i < dims.size(); ++i) json += cat(i ? "," : "", dims[i]);
    json += "]";
  }
  void append_binary(std::string_view bytes) {
    has_binary = true;
    binary += bytes;
    json += cat(",\"parameters\":{\"binary_data_size\":", bytes.size(), "}}");
  }
  void tensor(const std::string& name, const Tensor& t, bool is_binary) {
    header(name, datatype_of(t.dtype()), t.dims());
    if (is_binary) return append_binary({static_cast<const char*>(t.raw()), static_cast<size_t>(t.byte_size())});
    json += ",\"data\":";
    append_json(json, t);
    json += "}";
  }
  void classes(const std::string& name, const Classes& c, bool is_binary) {
    header(name, "BYTES", c.dims);
    std::string bytes;
    for (const std::string& element : c.elements) {
      for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(element.size() >> shift & 0xFF);
      bytes += element;
    }
    if (is_binary) return append_binary(bytes);
    json += cat(",\"data\":", Json::list(c.elements).dump(), "}");
  }
};

/// Numbers that the inputs take, none where a size is open.
std::optional<int64_t> numbers_of(const Signature& signature) {
  int64_t sum = 0;
  for (const Port& port : signature.inputs) {
    if (!port.type.shape.is_static()) return std::nullopt;
    sum = checked_add(sum, port.type.shape.elements());
  }
  return sum;
}

/// A value of a parsed request takes more than ten times its text: what cannot be an input is refused by its commas,
/// and memory is asked for, before anything is parsed.
void require_fit(const Signature& signature, std::string_view json) {
  constexpr int64_t kOtherValues = 4096;  // names, shapes, parameters
  const int64_t commas = std::count(json.begin(), json.end(), ',');
  if (const auto numbers = numbers_of(signature); numbers && commas > *numbers + kOtherValues)
    throw invalid_argument(cat("the request lists some ", commas, " values, the model's inputs take ", *numbers));
  const int64_t nested = std::count(json.begin(), json.end(), '[') + std::count(json.begin(), json.end(), '{');
  require_memory((commas + nested) * static_cast<int64_t>(2 * sizeof(Json)), [] { return "the request"; });
}

}  // namespace

int stated_priority(std::string_view json) {
  constexpr std::string_view kKey = "\"priority\"", kSpace = " \t\r\n";
  const size_t key = json.find(kKey);
  if (key == std::string_view::npos) return 0;
  const size_t colon = json.find_first_not_of(kSpace, key + kKey.size());
  if (colon == std::string_view::npos || json[colon] != ':') return 0;
  const size_t at = json.find_first_not_of(kSpace, colon + 1);
  if (at == std::string_view::npos || json[at] < '1' || json[at] > '3') return 0;
  const bool is_longer = at + 1 < json.size() && json[at + 1] >= '0' && json[at + 1] <= '9';
  return is_longer ? 0 : json[at] - '0';
}

void require_priority(int64_t priority) {
  if (priority < 0 || priority > 3)
    throw invalid_argument(cat("priority is ", priority, ", expected 1 (first) to 3, or 0 for the usual one, 2"));
}

InferRequest parse_infer(const Signature& signature, std::string_view body, std::optional<size_t> json_size) {
  if (json_size && *json_size > body.size())
    throw invalid_argument(
        cat("Inference-Header-Content-Length is ", *json_size, ", the body has ", body.size(), " bytes"));
  const std::string_view json = body.substr(0, json_size.value_or(body.size()));
  require_fit(signature, json);
  const Json root = Json::parse(json);
  if (!root.is_object()) throw invalid_argument("the request is no JSON object");
  BinaryPart binary{body.substr(json_size.value_or(body.size()))};
  InferRequest request;
  if (const Json* id = root.find("id")) request.id = id->as_string();
  parse_parameters(root, request);
  request.outputs = parse_outputs(root, signature);
  request.inputs.resize(signature.inputs.size());
  for (const Json& input : member(root, "inputs").as_array()) {
    const std::string& name = member(input, "name").as_string();
    const size_t at = find_port(signature.inputs, name, "input");
    with_context([&] { return cat("in input '", name, "'"); },
                 [&] {
                   if (request.inputs[at].exists()) throw invalid_argument("it is given twice");
                   request.inputs[at] = parse_input(input, signature.inputs[at], binary);
                 });
  }
  for (size_t i = 0; i < request.inputs.size(); ++i)
    if (!request.inputs[i].exists())
      throw invalid_argument(
          cat("input '", signature.inputs[i].name, "', ", to_text(signature.inputs[i].type), ", is missing"));
  if (!binary.rest.empty())
    throw invalid_argument(cat(binary.rest.size(), " bytes behind the JSON belong to no input"));
  return request;
}

InferAnswer render_infer(const ModelName& model, const Signature& signature, const InferRequest& request,
                         std::span<const Tensor> outputs, const std::vector<std::string>& labels) {
  Writer writer;
  writer.json = cat("{\"model_name\":", json_quoted(model.name), ",\"model_version\":\"", model.version, "\"");
  if (!request.id.empty()) writer.json += cat(",\"id\":", json_quoted(request.id));
  writer.json += ",\"outputs\":[";
  bool is_first = true;
  for (const WantedOutput& wanted : request.outputs) {
    if (!is_first) writer.json += ",";
    is_first = false;
    const std::string& name = signature.outputs[wanted.index].name;
    const Tensor& tensor = outputs[wanted.index];
    with_context([&] { return cat("in output '", name, "'"); },
                 [&] {
                   if (wanted.classes > 0)
                     writer.classes(name, classes_of(tensor, wanted.classes, labels), wanted.is_binary);
                   else
                     writer.tensor(name, wanted.is_dequantized ? dequantize(tensor) : tensor, wanted.is_binary);
                 });
  }
  writer.json += "]}";
  if (!writer.has_binary) return {std::move(writer.json), std::nullopt};
  const size_t json_size = writer.json.size();
  return {writer.json + writer.binary, json_size};
}

std::vector<ClassScore> largest_scores(std::span<const double> scores, int64_t count) {
  std::vector<int64_t> order(scores.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  count = std::min(count, static_cast<int64_t>(order.size()));
  const auto score = [&](int64_t i) {
    const double value = scores[static_cast<size_t>(i)];
    return std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
  };
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](int64_t a, int64_t b) { return score(a) != score(b) ? score(a) > score(b) : a < b; });
  std::vector<ClassScore> out;
  for (int64_t i = 0; i < count; ++i)
    out.push_back({score(order[static_cast<size_t>(i)]), order[static_cast<size_t>(i)]});
  return out;
}

}  // namespace hone
