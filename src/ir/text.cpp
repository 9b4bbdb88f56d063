#include "ir/text.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace hone {

namespace {

bool is_plain(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/' || c == ':' || c == '-';
  });
}

std::string quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20) {
      out += cat("\\x", kHex[u >> 4], kHex[u & 15]);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + "\"";
}

class Printer {
 public:
  Printer(const Graph& graph, const TextOptions& options, std::string indent)
      : graph_(graph), options_(options), indent_(std::move(indent)) {}

  std::string print() {
    out_ = cat(indent_, "graph ", quoted(graph_.name), " {\n");
    if (graph_.arithmetic == QuantArithmetic::kFixedPoint) line("arithmetic fixed_point");
    for (const auto& [key, value] : graph_.metadata) line(cat("metadata ", quoted(key), " = ", quoted(value)));
    for (const ValueId in : graph_.inputs()) line(cat("input ", typed(in)));
    for (const GraphState& state : graph_.states()) constant("state ", state.now, state.initial);
    for (size_t i = 0; i < graph_.value_capacity(); ++i) {
      const ValueId id{static_cast<int32_t>(i)};
      if (graph_.is_constant(id)) constant("const ", id, graph_.value(id).constant);
    }
    for (const NodeId id : graph_.order()) node(graph_.node(id));
    std::string outputs;
    for (const ValueId out : graph_.outputs()) outputs += (outputs.empty() ? " " : ", ") + name(out);
    line(cat("output", outputs));
    for (const GraphState& state : graph_.states()) line(cat("next ", name(state.now), " = ", name(state.next)));
    return out_ + indent_ + "}";
  }

 private:
  void line(const std::string& text) { out_ += indent_ + "  " + text + "\n"; }

  std::string name(ValueId id) const {
    if (!id.exists()) return "_";
    const std::string& n = graph_.value(id).name;
    return is_plain(n) ? "%" + n : "%" + quoted(n);
  }

  std::string typed(ValueId id) const {
    const TensorType& type = graph_.type(id);
    const bool is_long = type.quant && options_.max_constant_elements >= 0 &&
                         static_cast<int64_t>(type.quant->scales.size()) > options_.max_constant_elements;
    return cat(name(id), ": ", is_long ? folded(type) : to_text(type));
  }

  /// A list of scales that is longer than a constant may be appears as its range, which does not parse either.
  static std::string folded(const TensorType& type) {
    const QuantParams& q = *type.quant;
    const auto range = [](const auto& values) {
      const auto [low, high] = std::minmax_element(values.begin(), values.end());
      return *low == *high ? cat(*low) : cat(*low, "…", *high);
    };
    return cat(to_string(type.dtype), type.shape, "{axis=", q.axis,
               q.block_size > 0 ? cat(", block=", q.block_size) : "", ", ", q.scales.size(), " scales ",
               range(q.scales), ", zero_point=", range(q.zero_points), "}");
  }

  void constant(std::string_view keyword, ValueId id, const Tensor& t) {
    std::string body = "...";
    if (options_.max_constant_elements < 0 || t.elements() <= options_.max_constant_elements) {
      body = "{";
      bool first = true;
      const Tensor stored = t.with_quant(nullptr);
      const auto item = [&](const std::string& text) {
        body += (first ? "" : ", ") + text;
        first = false;
      };
      if (is_float(t.dtype())) {
        if (t.dtype() == DType::kF64) {
          for (const double v : to_doubles(stored)) item(to_text(v));
        } else {
          const Tensor real = cast(stored, DType::kF32);
          for (const float v : real.data<float>()) item(to_text(v));
        }
      } else {
        for (const int64_t v : to_ints(stored)) item(cat(v));
      }
      body += "}";
    }
    line(cat(keyword, typed(id), " = ", body));
  }

  void node(const Node& n) {
    std::string text;
    for (const ValueId out : n.outputs) text += (text.empty() ? "" : ", ") + typed(out);
    text += cat(" = ", n.def->name, "(");
    for (size_t i = 0; i < n.inputs.size(); ++i) text += (i ? ", " : "") + name(n.inputs[i]);
    text += ")";
    if (const std::string attrs = to_text(n.attrs); !attrs.empty()) text += " " + attrs;
    if (!n.subgraphs.empty()) {
      text += " [\n";
      for (const Graph& sub : n.subgraphs) text += Printer(sub, options_, indent_ + "    ").print() + "\n";
      text += indent_ + "  ]";
    }
    line(text);
  }

  const Graph& graph_;
  const TextOptions& options_;
  std::string indent_, out_;
};

}  // namespace

std::string to_text(const Graph& graph, const TextOptions& options) {
  return Printer(graph, options, "").print() + "\n";
}

}  // namespace hone
