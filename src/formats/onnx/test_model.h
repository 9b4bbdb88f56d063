#pragma once

#include <memory>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <vector>

#include "formats/onnx/attribute_list.h"
#include "formats/onnx/graph_writer.h"
#include "formats/onnx/onnx.h"

namespace hone::onnx::testing {

/// ONNX messages put together by hand, for what the writer never makes.

inline std::string node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs, const AttributeList& attributes = {},
                        const std::string& domain = "", const std::string& name = "") {
  std::string out;
  protozero::pbf_writer w(out);
  for (const auto& input : inputs) w.add_string(1, input);
  for (const auto& output : outputs) w.add_string(2, output);
  w.add_string(3, name.empty() ? op + "_" + (outputs.empty() ? "" : outputs[0]) : name);
  w.add_string(4, op);
  for (const auto& attribute : attributes.encoded()) w.add_message(5, attribute);
  if (!domain.empty()) w.add_string(7, domain);
  return out;
}

struct GraphParts {
  std::vector<std::string> nodes, inputs, outputs, initializers, value_info;
};

inline std::string graph(const GraphParts& parts) {
  std::string out;
  protozero::pbf_writer w(out);
  for (const auto& n : parts.nodes) w.add_message(1, n);
  w.add_string(2, "g");
  for (const auto& t : parts.initializers) w.add_message(5, t);
  for (const auto& v : parts.inputs) w.add_message(11, v);
  for (const auto& v : parts.outputs) w.add_message(12, v);
  for (const auto& v : parts.value_info) w.add_message(13, v);
  return out;
}

inline std::string opset(const std::string& domain, int64_t version) {
  std::string out;
  protozero::pbf_writer w(out);
  w.add_string(1, domain);
  w.add_int64(2, version);
  return out;
}

inline std::string model(const std::string& graph_bytes, int64_t version = 17,
                         const std::vector<std::string>& functions = {}) {
  std::string out;
  protozero::pbf_writer w(out);
  w.add_int64(1, 8);
  w.add_message(7, graph_bytes);
  w.add_message(8, opset("", version));
  w.add_message(8, opset("local", 1));
  for (const auto& f : functions) w.add_message(25, f);
  return out;
}

struct FunctionParts {
  std::string name;
  std::vector<std::string> inputs, outputs, nodes;
};

inline std::string function(const FunctionParts& parts) {
  std::string out;
  protozero::pbf_writer w(out);
  w.add_string(1, parts.name);
  for (const auto& name : parts.inputs) w.add_string(4, name);
  for (const auto& name : parts.outputs) w.add_string(5, name);
  for (const auto& n : parts.nodes) w.add_message(7, n);
  w.add_message(9, opset("", 17));
  w.add_message(9, opset("local", 1));
  w.add_string(10, "local");
  return out;
}

inline std::string value(const std::string& name, DType dtype, Shape shape) {
  return encode_value_info(name, {dtype, std::move(shape), nullptr});
}

inline Graph read(const std::string& bytes, const std::string& path = "model.onnx") {
  const auto owned = std::make_shared<const std::string>(bytes);
  return kOnnxFormat.read({path, std::as_bytes(std::span(*owned)), owned});
}

}  // namespace hone::onnx::testing
