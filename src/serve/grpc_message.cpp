#include "serve/grpc_message.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "container/json.h"

namespace hone {

namespace {

using protozero::pbf_wire_type;
using protozero::pbf_writer;

/// A message's fields. What is asked of a field of another wire type is an error; protozero would assert.
class Fields : public protozero::pbf_reader {
 public:
  using pbf_reader::pbf_reader;

  auto get_view() { return as(pbf_wire_type::length_delimited).pbf_reader::get_view(); }
  auto get_packed_int64() { return as(pbf_wire_type::length_delimited).pbf_reader::get_packed_int64(); }
  auto get_packed_uint64() { return as(pbf_wire_type::length_delimited).pbf_reader::get_packed_uint64(); }
  auto get_bool() { return as(pbf_wire_type::varint).pbf_reader::get_bool(); }
  auto get_int64() { return as(pbf_wire_type::varint).pbf_reader::get_int64(); }
  auto get_uint64() { return as(pbf_wire_type::varint).pbf_reader::get_uint64(); }
  auto get_fixed32() { return as(pbf_wire_type::fixed32).pbf_reader::get_fixed32(); }
  auto get_fixed64() { return as(pbf_wire_type::fixed64).pbf_reader::get_fixed64(); }
  auto get_double() { return as(pbf_wire_type::fixed64).pbf_reader::get_double(); }

 private:
  Fields& as(pbf_wire_type wanted) {
    if (wire_type() == wanted) return *this;
    throw invalid_argument(cat("field ", tag(), " of the message has wire type ", static_cast<int>(wire_type()),
                               ", expected ", static_cast<int>(wanted)));
  }
};

std::string_view text_of(protozero::data_view view) { return {view.data(), view.size()}; }

std::string escaped(std::string_view text, std::string_view kept) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (is_plain || kept.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

constexpr size_t kMaxName = 1024;      ///< bytes of a model's name
constexpr int64_t kMaxParts = 4096;    ///< inputs, outputs, dimensions and parameters of a message
constexpr int64_t kMaxText = 1 << 20;  ///< bytes of their names and values

std::string model_target(std::string_view name, std::string_view version) {
  if (name.empty()) throw invalid_argument("the call names no model");
  if (std::max(name.size(), version.size()) > kMaxName)
    throw invalid_argument(
        cat("a name has ", std::max(name.size(), version.size()), " bytes, at most ", kMaxName, " are taken"));
  return cat("/v2/models/", escaped(name, "-_.~"), version.empty() ? "" : cat("/versions/", escaped(version, "")));
}

/// How InferTensorContents holds a datatype: its field, the least and largest value, and the bytes of an element.
struct ContentsRow {
  std::string_view datatype;
  uint32_t field;
  size_t bytes;
  int64_t least = std::numeric_limits<int64_t>::min(), most = std::numeric_limits<int64_t>::max();
};
constexpr uint32_t kFp32 = 6, kFp64 = 7, kBytes = 8;
constexpr std::array kContents = {
    ContentsRow{"BOOL", 1, 1, 0, 1},
    ContentsRow{"INT8", 2, 1, -128, 127},
    ContentsRow{"INT16", 2, 2, -32768, 32767},
    ContentsRow{"INT32", 2, 4, -2147483648LL, 2147483647},
    ContentsRow{"INT64", 3, 8},
    ContentsRow{"UINT8", 4, 1, 0, 255},
    ContentsRow{"UINT16", 4, 2, 0, 65535},
    ContentsRow{"UINT32", 4, 4, 0, 4294967295LL},
    ContentsRow{"UINT64", 5, 8},
    ContentsRow{"FP32", kFp32, 4},
    ContentsRow{"FP64", kFp64, 8},
};

const ContentsRow* contents_row(std::string_view datatype) {
  const auto at =
      std::find_if(kContents.begin(), kContents.end(), [&](const auto& r) { return r.datatype == datatype; });
  return at == kContents.end() ? nullptr : &*at;
}

void put_little(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

uint64_t little(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

const ContentsRow& contents_row_of(std::string_view datatype) {
  if (const ContentsRow* row = contents_row(datatype)) return *row;
  throw invalid_argument(cat("contents of datatype ", datatype, " are not taken"), "raw_input_contents holds any");
}

/// Calls, for each field of typed contents, `packed(bytes)` or `single(field)`.
template <class Packed, class Single>
void each_field(std::string_view contents, std::string_view datatype, const Packed& packed, const Single& single) {
  const ContentsRow& row = contents_row_of(datatype);
  Fields field(contents.data(), contents.size());
  while (field.next()) {
    if (field.tag() != row.field)
      throw invalid_argument(
          cat("field ", field.tag(), " of the contents does not hold ", datatype, ", field ", row.field, " does"));
    field.wire_type() == pbf_wire_type::length_delimited ? packed(field) : single(field);
  }
}

/// Bytes that append_bytes appends.
size_t bytes_in(std::string_view contents, std::string_view datatype) {
  const ContentsRow& row = contents_row_of(datatype);
  size_t out = 0;
  each_field(
      contents, datatype,
      [&](Fields& field) {
        const std::string_view packed = text_of(field.get_view());
        const bool is_real = row.field == kFp32 || row.field == kFp64;
        const auto is_end = [](char c) { return static_cast<unsigned char>(c) < 0x80; };  // of a varint
        out += is_real ? packed.size()
                       : row.bytes * static_cast<size_t>(std::count_if(packed.begin(), packed.end(), is_end));
      },
      [&](Fields& field) {
        field.skip();
        out += row.bytes;
      });
  return out;
}

/// Typed contents as the bytes that the binary extension has: little-endian elements.
void append_bytes(std::string& out, std::string_view contents, std::string_view datatype) {
  const ContentsRow& row = contents_row_of(datatype);
  const auto put = [&](uint64_t varint) {
    const auto value = static_cast<int64_t>(varint);
    if (row.bytes < 8 && (value < row.least || value > row.most))
      throw invalid_argument(cat(value, " is no ", datatype));
    put_little(out, varint, row.bytes);
  };
  const bool is_real = row.field == kFp32 || row.field == kFp64;
  each_field(
      contents, datatype,
      [&](Fields& field) {
        if (is_real)
          out += text_of(field.get_view());
        else
          for (const uint64_t value : field.get_packed_uint64()) put(value);
      },
      [&](Fields& field) {
        if (is_real)
          put_little(out, row.field == kFp32 ? field.get_fixed32() : field.get_fixed64(), row.bytes);
        else
          put(field.get_uint64());
      });
}

/// The other way. `bytes` are whole elements.
std::string contents_of(std::string_view bytes, const ContentsRow* row) {
  std::string out;
  pbf_writer writer(out);
  if (!row) {  // BYTES: each with its size before it
    while (bytes.size() >= 4) {
      const uint64_t size = little(bytes.substr(0, 4));
      writer.add_bytes(kBytes, std::string(bytes.substr(4, size)));
      bytes.remove_prefix(std::min<size_t>(4 + size, bytes.size()));
    }
    return out;
  }
  if (row->field == kFp32 || row->field == kFp64) {
    writer.add_bytes(row->field, bytes.data(), bytes.size());
    return out;
  }
  protozero::packed_field_uint64 packed(writer, row->field);
  const unsigned unused = static_cast<unsigned>(64 - 8 * row->bytes);
  for (size_t at = 0; at + row->bytes <= bytes.size(); at += row->bytes) {
    const uint64_t value = little(bytes.substr(at, row->bytes));
    // Negative numbers have all their 64 bits.
    packed.add_element(row->least < 0 ? static_cast<uint64_t>(static_cast<int64_t>(value << unused) >> unused) : value);
  }
  return out;
}

/// Reads what a message lists, a bounded amount of it: a part costs some hundred bytes where it comes in two.
class Parts {
 public:
  void count() {
    if (++parts_ > kMaxParts)
      throw invalid_argument(
          cat("the message lists more than ", kMaxParts, " inputs, outputs, dimensions and parameters"));
  }
  std::string text(Fields& field) {
    const std::string_view text = text_of(field.get_view());
    text_ += static_cast<int64_t>(text.size());
    if (text_ > kMaxText)
      throw invalid_argument(cat("the message's names and parameters have more than ", kMaxText, " bytes"),
                             "raw_input_contents holds numbers");
    return std::string(text);
  }
  /// Adds an entry of a map of parameters.
  void parameter(Json& object, std::string_view entry) {
    count();
    Fields field(entry.data(), entry.size());
    std::string name;
    Json value;
    while (field.next()) {
      if (field.tag() == 1)
        name = text(field);
      else if (field.tag() == 2)
        value = parameter_value(text_of(field.get_view()));
      else
        field.skip();
    }
    object["parameters"][name] = std::move(value);
  }
  void shape(Json& shape, Fields& field) {
    const auto add = [&](int64_t dim) {
      count();
      shape.push_back(dim);
    };
    if (field.wire_type() != pbf_wire_type::length_delimited) return add(field.get_int64());
    for (const int64_t dim : field.get_packed_int64()) add(dim);
  }

 private:
  Json parameter_value(std::string_view message) {
    Fields field(message.data(), message.size());
    Json value;
    while (field.next()) switch (field.tag()) {
        case 1:
          value = field.get_bool();
          break;
        case 2:
          value = field.get_int64();
          break;
        case 3:
          value = text(field);
          break;
        case 4:
          value = field.get_double();
          break;
        case 5:
          value = field.get_uint64();
          break;
        default:
          field.skip();
      }
    return value;
  }

  int64_t parts_ = 0, text_ = 0;
};

/// An input tensor: its JSON, and its typed contents.
struct Input {
  Json json = Json::object();
  std::string datatype;
  std::optional<std::string_view> contents;
};

Input read_input(std::string_view message, Parts& parts) {
  parts.count();
  Input out;
  Json shape = Json::array();
  Fields field(message.data(), message.size());
  while (field.next()) switch (field.tag()) {
      case 1:
        out.json["name"] = parts.text(field);
        break;
      case 2:
        out.datatype = parts.text(field);
        break;
      case 3:
        parts.shape(shape, field);
        break;
      case 4:
        parts.parameter(out.json, text_of(field.get_view()));
        break;
      case 5:
        out.contents = text_of(field.get_view());
        break;
      default:
        field.skip();
    }
  out.json["datatype"] = out.datatype;
  out.json["shape"] = std::move(shape);
  return out;
}

Json read_output(std::string_view message, Parts& parts) {
  parts.count();
  Json out = Json::object();
  Fields field(message.data(), message.size());
  while (field.next()) {
    if (field.tag() == 1)
      out["name"] = parts.text(field);
    else if (field.tag() == 2)
      parts.parameter(out, text_of(field.get_view()));
    else
      field.skip();
  }
  out["parameters"]["binary_data"] = true;
  return out;
}

HttpRequest infer_request(const GrpcQuestion& question, bool& is_raw) {
  std::string_view name, version;
  Json root = Json::object();
  Parts parts;
  std::vector<Input> inputs;
  std::vector<std::string_view> raw;
  Fields field(question.message.data(), question.message.size());
  while (field.next()) switch (field.tag()) {
      case 1:
        name = text_of(field.get_view());
        break;
      case 2:
        version = text_of(field.get_view());
        break;
      case 3:
        root["id"] = parts.text(field);
        break;
      case 4:
        parts.parameter(root, text_of(field.get_view()));
        break;
      case 5:
        inputs.push_back(read_input(text_of(field.get_view()), parts));
        break;
      case 6:
        root["outputs"].push_back(read_output(text_of(field.get_view()), parts));
        break;
      case 7:
        parts.count();
        raw.push_back(text_of(field.get_view()));
        break;
      default:
        field.skip();
    }
  is_raw = !raw.empty();
  if (is_raw && raw.size() != inputs.size())
    throw invalid_argument(cat("there are ", raw.size(), " raw_input_contents and ", inputs.size(), " inputs"));
  size_t binary_size = 0;
  Json& list = root["inputs"] = Json::array();
  for (size_t i = 0; i < inputs.size(); ++i) {
    Input& input = inputs[i];
    if (is_raw && input.contents) throw invalid_argument("an input has contents beside raw_input_contents");
    const size_t size = is_raw ? raw[i].size() : bytes_in(input.contents.value_or(""), input.datatype);
    input.json["parameters"]["binary_data_size"] = static_cast<int64_t>(size);
    binary_size += size;
    list.push_back(std::move(input.json));
  }
  root["parameters"]["binary_data_output"] = true;
  if (question.timeout_us > 0 && !root["parameters"].find("timeout"))
    root["parameters"]["timeout"] = question.timeout_us;
  std::string body = root.dump();
  const size_t json_size = body.size();
  if (static_cast<int64_t>(json_size + binary_size) > question.max_body_bytes)
    throw resource_error(cat("the request becomes one of ", json_size + binary_size, " bytes, there is room for ",
                             question.max_body_bytes),
                         "come again, or hone serve --max-body");
  body.reserve(json_size + binary_size);
  for (size_t i = 0; i < inputs.size(); ++i)
    if (is_raw)
      body += raw[i];
    else
      append_bytes(body, inputs[i].contents.value_or(""), inputs[i].datatype);
  return {.method = "POST",
          .target = cat(model_target(name, version), "/infer"),
          .headers = {{"inference-header-content-length", cat(json_size)}},
          .body = std::move(body)};
}

/// Name and version, which every request has in the same fields.
std::string named_target(std::string_view message) {
  std::string_view name, version;
  Fields field(message.data(), message.size());
  while (field.next()) {
    if (field.tag() == 1)
      name = text_of(field.get_view());
    else if (field.tag() == 2)
      version = text_of(field.get_view());
    else
      field.skip();
  }
  return model_target(name, version);
}

const Json& member(const Json& object, std::string_view key) {
  const Json* found = object.find(key);
  if (!found) throw internal_error(cat("the answer has no '", key, "'"));
  return *found;
}

void add_shape(pbf_writer& writer, uint32_t tag, const Json& shape) {
  protozero::packed_field_int64 packed(writer, tag);
  for (const Json& dim : shape.as_array()) packed.add_element(dim.as_int());
}

void add_ports(pbf_writer& writer, uint32_t tag, const Json& ports) {
  for (const Json& port : ports.as_array()) {
    pbf_writer out(writer, tag);
    out.add_string(1, member(port, "name").as_string());
    out.add_string(2, member(port, "datatype").as_string());
    add_shape(out, 3, member(port, "shape"));
  }
}

std::string infer_answer(const HttpResponse& response, bool is_raw) {
  size_t json_size = response.body.size();
  for (const auto& [name, value] : response.headers)
    if (name == "Inference-Header-Content-Length") json_size = static_cast<size_t>(parse_int(value).value_or(0));
  const std::string_view body = response.body;
  const Json json = Json::parse(body.substr(0, json_size));
  const Json::Array& outputs = member(json, "outputs").as_array();
  // What typed contents cannot say goes as bytes, all of it.
  for (const Json& output : outputs) {
    const std::string& datatype = member(output, "datatype").as_string();
    is_raw |= datatype != "BYTES" && !contents_row(datatype);
  }
  std::string out;
  pbf_writer writer(out);
  writer.add_string(1, member(json, "model_name").as_string());
  writer.add_string(2, member(json, "model_version").as_string());
  if (const Json* id = json.find("id")) writer.add_string(3, id->as_string());
  std::vector<std::string_view> raw;
  std::string_view rest = body.substr(json_size);
  for (const Json& output : outputs) {
    pbf_writer tensor(writer, 5);
    const std::string& datatype = member(output, "datatype").as_string();
    tensor.add_string(1, member(output, "name").as_string());
    tensor.add_string(2, datatype);
    add_shape(tensor, 3, member(output, "shape"));
    const auto size = static_cast<size_t>(member(member(output, "parameters"), "binary_data_size").as_int());
    raw.push_back(rest.substr(0, size));
    rest.remove_prefix(raw.back().size());
    if (!is_raw) tensor.add_message(5, contents_of(raw.back(), contents_row(datatype)));
  }
  if (is_raw)
    for (const std::string_view bytes : raw) writer.add_bytes(6, bytes.data(), bytes.size());
  return out;
}

/// Whether the answer says so; a refusal says no.
bool is_set(const HttpResponse& response, std::string_view key) {
  const Json json = Json::parse(response.body);
  const Json* found = json.find(key);
  return found && found->as_bool();
}

std::string flag(bool value) {
  std::string out;
  if (value) pbf_writer(out).add_bool(1, true);  // false is what is not said
  return out;
}

HttpRequest get(std::string target) { return {.method = "GET", .target = std::move(target)}; }

}  // namespace

/// A method with how it is asked and answered over REST.
struct GrpcCall::Method {
  std::string_view path;
  HttpRequest (*ask)(const GrpcQuestion& question, bool& is_raw);
  std::string (*tell)(const HttpResponse& response, bool is_raw);
  bool is_state = false;  ///< 503 is an answer: no
};

const GrpcCall::Method& GrpcCall::method_of(std::string_view path) {
  static constexpr std::array kMethods = {
      Method{"/inference.GRPCInferenceService/ModelInfer", infer_request, infer_answer},
      Method{"/inference.GRPCInferenceService/ServerLive",
             [](const GrpcQuestion&, bool&) { return get("/v2/health/live"); },
             [](const HttpResponse& r, bool) { return flag(is_set(r, "live")); }, true},
      Method{"/inference.GRPCInferenceService/ServerReady",
             [](const GrpcQuestion&, bool&) { return get("/v2/health/ready"); },
             [](const HttpResponse& r, bool) { return flag(is_set(r, "ready")); }, true},
      Method{"/inference.GRPCInferenceService/ModelReady",
             [](const GrpcQuestion& q, bool&) { return get(cat(named_target(q.message), "/ready")); },
             [](const HttpResponse& r, bool) { return flag(is_set(r, "ready")); }, true},
      Method{"/inference.GRPCInferenceService/ServerMetadata", [](const GrpcQuestion&, bool&) { return get("/v2"); },
             [](const HttpResponse& r, bool) {
               const Json json = Json::parse(r.body);
               std::string out;
               pbf_writer writer(out);
               writer.add_string(1, member(json, "name").as_string());
               writer.add_string(2, member(json, "version").as_string());
               for (const Json& extension : member(json, "extensions").as_array())
                 writer.add_string(3, extension.as_string());
               return out;
             }},
      Method{"/inference.GRPCInferenceService/ModelMetadata",
             [](const GrpcQuestion& q, bool&) { return get(named_target(q.message)); },
             [](const HttpResponse& r, bool) {
               const Json json = Json::parse(r.body);
               std::string out;
               pbf_writer writer(out);
               writer.add_string(1, member(json, "name").as_string());
               for (const Json& version : member(json, "versions").as_array())
                 writer.add_string(2, version.as_string());
               writer.add_string(3, member(json, "platform").as_string());
               add_ports(writer, 4, member(json, "inputs"));
               add_ports(writer, 5, member(json, "outputs"));
               return out;
             }},
      Method{"/grpc.health.v1.Health/Check",
             [](const GrpcQuestion& q, bool&) {
               std::string_view service;
               Fields field(q.message.data(), q.message.size());
               while (field.next()) field.tag() == 1 ? void(service = text_of(field.get_view())) : field.skip();
               const bool is_all = service.empty() || service == "inference.GRPCInferenceService";
               return get(is_all ? "/v2/health/ready" : cat(model_target(service, ""), "/ready"));
             },
             [](const HttpResponse& r, bool) {
               constexpr int32_t kServing = 1, kNotServing = 2;
               std::string out;
               pbf_writer(out).add_enum(1, is_set(r, "ready") ? kServing : kNotServing);
               return out;
             },
             true},
  };
  const auto at = std::find_if(kMethods.begin(), kMethods.end(), [&](const Method& m) { return m.path == path; });
  if (at == kMethods.end()) throw unsupported(cat("there is no method '", path, "'"));
  return *at;
}

GrpcCall::GrpcCall(const GrpcQuestion& question) : method_(method_of(question.path)) {
  try {
    request = question.may_ask || method_.ask != infer_request
                  ? method_.ask(question, is_raw_)
                  : HttpRequest{.method = "POST", .target = cat(named_target(question.message), "/infer")};
  } catch (const protozero::exception& e) {
    throw invalid_argument(cat("the message is broken: ", e.what()));
  }
}

GrpcAnswer GrpcCall::answer(const HttpResponse& response) const {
  const bool is_answer = response.status == 200 || (response.status == 503 && method_.is_state);
  try {
    if (is_answer) return {.message = method_.tell(response, is_raw_)};
    const Json json = Json::parse(response.body);
    const Json* text = json.find("error");
    return {.status = grpc_status(response.status), .error = text ? text->as_string() : response.body};
  } catch (const std::exception& e) {
    return {.status = grpc_status(500), .error = e.what()};
  }
}

int grpc_status(int http_status) {
  switch (http_status) {
    case 200:
      return 0;
    case 400:
    case 415:
      return 3;  // INVALID_ARGUMENT
    case 401:
      return 16;  // UNAUTHENTICATED
    case 404:
      return 5;  // NOT_FOUND
    case 405:
    case 501:
      return 12;  // UNIMPLEMENTED
    case 413:
    case 431:
    case 503:
      return 8;  // RESOURCE_EXHAUSTED
    case 504:
      return 4;  // DEADLINE_EXCEEDED
    default:
      return 13;  // INTERNAL
  }
}

int64_t grpc_timeout_us(std::string_view text) {
  if (text.size() < 2 || text.size() > 9) return 0;
  const auto count = parse_int(text.substr(0, text.size() - 1));
  if (!count || *count < 0) return 0;
  switch (text.back()) {
    case 'H':
      return *count * 3'600'000'000;
    case 'M':
      return *count * 60'000'000;
    case 'S':
      return *count * 1'000'000;
    case 'm':
      return *count * 1000;
    case 'u':
      return std::max<int64_t>(*count, 1);
    case 'n':
      return std::max<int64_t>(*count / 1000, 1);
    default:
      return 0;
  }
}

std::string grpc_escaped(std::string_view text) { return escaped(text, " !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~"); }

}  // namespace hone
