#include "emit/c_source.h"

#include <cctype>

#include "base/error.h"
#include "base/text.h"
#include "emit/c_nodes.h"
#include "ops/interpreter.h"
#include "passes/check.h"
#include "passes/fix_shapes.h"
#include "passes/pipelines.h"
#include "runtime/memory_plan.h"

namespace hone {
namespace {

/// Where values live: parameters of NAME_run, constants, or places in the arena.
class Storage {
 public:
  explicit Storage(const Graph& graph) : graph_(graph) {
    for (size_t i = 0; i < graph.inputs().size(); ++i) places_[graph.inputs()[i]] = {.name = cat("input_", i)};
    int32_t step = 0;
    for (const NodeId id : graph.order()) {
      const Node& node = graph.node(id);
      for (const ValueId in : node.inputs) touch(in, step);
      if (is_c_alias(graph, node)) {
        aliases_[node.outputs[0]] = root(node.inputs[0]);
      } else {
        for (const ValueId out : node.outputs) add(out, step);
      }
      ++step;
    }
    for (const ValueId out : graph.outputs()) touch(out, step);
    plan_ = plan_memory(lifetimes_);
  }

  /// A C expression that points at the value.
  std::string of(ValueId value, CText& text) const {
    const ValueId id = root(value);
    const Value& v = graph_.value(id);
    if (v.constant.exists()) return constant(v.constant, text);
    const auto found = places_.find(id);
    if (found == places_.end()) throw internal_error(cat("'", v.name, "' has no place"));
    if (!found->second.name.empty()) return found->second.name;
    const int64_t offset = plan_.offsets[found->second.lifetime];
    return cat("(", c_type(v.type), "*)(arena.bytes + ", offset, ")");
  }

  int64_t bytes() const { return plan_.total; }

 private:
  struct Place {
    std::string name;
    size_t lifetime = 0;
  };

  static std::string constant(const Tensor& tensor, CText& text) {
    if (tensor.dtype() == DType::kI8)
      return text.array("int8_t", std::vector<int8_t>(tensor.data<int8_t>().begin(), tensor.data<int8_t>().end()));
    if (tensor.dtype() == DType::kU8)
      return text.array("uint8_t", std::vector<uint8_t>(tensor.data<uint8_t>().begin(), tensor.data<uint8_t>().end()));
    throw unsupported(cat("a constant of ", to_string(tensor.dtype()), " as an operand"));
  }

  ValueId root(ValueId value) const {
    const auto found = aliases_.find(value);
    return found == aliases_.end() ? value : found->second;
  }

  void add(ValueId value, int32_t step) {
    if (!value.exists()) return;
    const TensorType& type = graph_.type(value);
    places_[value] = {.name = {}, .lifetime = lifetimes_.size()};
    lifetimes_.push_back({.bytes = type.shape.elements() * size_of(type.dtype), .first = step, .last = step});
  }

  void touch(ValueId value, int32_t step) {
    if (!value.exists()) return;
    const auto found = places_.find(root(value));
    if (found != places_.end() && found->second.name.empty()) lifetimes_[found->second.lifetime].last = step;
  }

  const Graph& graph_;
  std::map<ValueId, Place> places_;
  std::map<ValueId, ValueId> aliases_;
  std::vector<Lifetime> lifetimes_;
  MemoryPlan plan_;
};

/// Throws for what is no model of 8-bit integers with known sizes.
void check(const Graph& graph) {
  if (graph.arithmetic != QuantArithmetic::kFixedPoint)
    throw unsupported("the model does not compute in TFLite's fixed-point arithmetic",
                      "hone convert MODEL model.tflite");
  if (!graph.states().empty()) throw unsupported("a model that remembers from run to run has no C form yet");
  const auto check_value = [&](ValueId id) {
    const Value& value = graph.value(id);
    if (!value.type.shape.is_static())
      throw unsupported(cat("'", value.name, "' has open sizes ", to_text(value.type.shape)), "fix them with --shape");
    if (value.type.shape.elements() > INT32_MAX) throw unsupported(cat("'", value.name, "' is too large"));
  };
  for (const ValueId in : graph.inputs()) check_value(in);
  for (const NodeId id : graph.order())
    for (const ValueId out : graph.node(id).outputs) check_value(out);
}

/// The model for one sample: sizes left open are 1.
Graph prepared(const Graph& model) {
  std::vector<Dims> shapes;
  for (const ValueId in : model.inputs()) {
    Dims dims;
    const Shape& shape = model.type(in).shape;
    for (int64_t i = 0; shape.has_rank() && i < shape.rank(); ++i)
      dims.push_back(shape[i].is_known() ? shape[i].value() : 1);
    shapes.push_back(std::move(dims));
  }
  Graph graph = with_input_shapes(model, shapes);
  run_pipeline(graph, standard_pipeline());
  return graph;
}

std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return text;
}

/// "const int8_t *input_0, float *output_0".
std::string parameters(const Graph& graph) {
  std::string text;
  for (size_t i = 0; i < graph.inputs().size(); ++i)
    text += cat(text.empty() ? "" : ", ", "const ", c_type(graph.type(graph.inputs()[i])), " *input_", i);
  for (size_t i = 0; i < graph.outputs().size(); ++i)
    text += cat(text.empty() ? "" : ", ", c_type(graph.type(graph.outputs()[i])), " *output_", i);
  return text;
}

std::string header_of(const Graph& graph, const std::string& name) {
  const std::string guard = cat(upper(name), "_H");
  std::string text = cat("#ifndef ", guard, "\n#define ", guard, "\n\n#include <stdint.h>\n\n");
  const auto describe = [&](std::string_view kind, std::span<const ValueId> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const TensorType& type = graph.type(values[i]);
      text += cat("/* ", kind, "_", i, ": ", to_text(type), " */\n#define ", upper(name), "_", upper(std::string(kind)),
                  "_", i, "_SIZE ", type.shape.elements(), "\n");
    }
  };
  describe("input", graph.inputs());
  describe("output", graph.outputs());
  text +=
      cat("\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n/* One inference. Activations live in one static arena: "
          "not for two threads at once. */\nvoid ",
          name, "_run(", parameters(graph), ");\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
  return text;
}

/// Elements of an input or output as an initializer.
std::string values_of(const Tensor& tensor) {
  std::string text;
  const auto add = [&](const std::string& item, size_t i) { text += cat(item, ",", i % 16 == 15 ? "\n    " : " "); };
  if (tensor.dtype() == DType::kF32) {
    const auto data = tensor.data<float>();
    for (size_t i = 0; i < data.size(); ++i) add(c_number(static_cast<double>(data[i])) + "f", i);
    return text;
  }
  const std::vector<double> data = to_doubles(tensor.with_quant(nullptr));
  for (size_t i = 0; i < data.size(); ++i) add(cat(static_cast<int64_t>(data[i])), i);
  return text;
}

/// Runs samples and counts the bytes that differ from the reference's answers.
std::string check_of(const Graph& graph, const std::string& name, int64_t samples) {
  std::string constants, body;
  for (int64_t sample = 0; sample < samples; ++sample) {
    const std::vector<Tensor> inputs = generate_inputs(graph, static_cast<uint64_t>(sample));
    const std::vector<Tensor> outputs = evaluate(graph, inputs);
    std::string arguments;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string array = cat("input_", i, "_", sample);
      constants +=
          cat("static const ", c_type(inputs[i].type()), " ", array, "[] = {\n    ", values_of(inputs[i]), "};\n");
      arguments += cat(arguments.empty() ? "" : ", ", array);
    }
    std::string comparisons;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const std::string array = cat("expected_", i, "_", sample);
      constants +=
          cat("static const ", c_type(outputs[i].type()), " ", array, "[] = {\n    ", values_of(outputs[i]), "};\n");
      arguments += cat(arguments.empty() ? "" : ", ", "found_", i);
      comparisons += cat("  wrong += differences(found_", i, ", ", array, ", sizeof ", array, ");\n");
    }
    body += cat("  ", name, "_run(", arguments, ");\n", comparisons);
  }
  std::string found;
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const TensorType& type = graph.type(graph.outputs()[i]);
    found += cat("static ", c_type(type), " found_", i, "[", type.shape.elements(), "];\n");
  }
  return cat("/* Runs ", samples,
             " generated inputs; prints and returns how many bytes differ from hone's reference. */\n#include "
             "<stdio.h>\n\n#include \"",
             name, ".h\"\n\n", constants, found,
             "\nstatic int differences(const void *a, const void *b, unsigned long size) {\n"
             "  int count = 0;\n"
             "  for (unsigned long i = 0; i < size; ++i)\n"
             "    count += ((const unsigned char *)a)[i] != ((const unsigned char *)b)[i];\n"
             "  return count;\n}\n\nint main(void) {\n  int wrong = 0;\n",
             body, "  printf(\"%d bytes differ\\n\", wrong);\n  return wrong != 0;\n}\n");
}

}  // namespace

std::string c_identifier(const std::string& name) {
  std::string text;
  for (const char c : name) text += std::isalnum(static_cast<unsigned char>(c)) && c > 0 ? c : '_';
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0]))) text = "model_" + text;
  return text;
}

CSource emit_c(const Graph& model, const CSourceOptions& options) {
  const Graph graph = prepared(model);
  check(graph);
  const std::string name = c_identifier(options.name);
  CText text;
  const Storage storage(graph);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (is_c_alias(graph, node)) continue;
    const CRow row = find_c_row(node.def);
    CNode writer{graph, node, text, [&](ValueId value) { return storage.of(value, text); }};
    text.call(cat("/* ", node.def->name, " */"));
    if (!row || !with_context([&] { return cat("in ", describe(node)); }, [&] { return row(writer); }))
      throw unsupported(cat(describe(node), " has no C form for its types"));
  }
  for (size_t i = 0; i < graph.outputs().size(); ++i) {
    const TensorType& type = graph.type(graph.outputs()[i]);
    text.call(cat("memcpy(output_", i, ", ", storage.of(graph.outputs()[i], text), ", ",
                  type.shape.elements() * size_of(type.dtype), ");"));
  }
  CSource out;
  out.header = header_of(graph, name);
  out.source = cat(
      "/* Made from a trained model by hone: do not edit. C99; arithmetic as in TensorFlow Lite's 8-bit kernels. */\n"
      "#include \"",
      name, ".h\"\n\n#include <string.h>\n\n", text.definitions(),
      "\nstatic union {\n  double alignment;\n  unsigned char bytes[", std::max<int64_t>(storage.bytes(), 1),
      "];\n} arena;\n\nvoid ", name, "_run(", parameters(graph), ") {\n", text.calls(), "}\n");
  if (options.samples > 0) out.check = check_of(graph, name, options.samples);
  out.flash_bytes = text.constant_bytes();
  out.ram_bytes = storage.bytes();
  return out;
}

}  // namespace hone
