#include <cctype>
#include <cmath>
#include <map>
#include <random>

#include "base/error.h"
#include "base/text.h"
#include "ir/text.h"

namespace hone {

namespace {

/// Recursive descent over the text form. Subgraphs nest at most kMaxDepth deep.
class Parser {
 public:
  Parser(std::string_view text, const OpSet& ops) : text_(text), ops_(ops) {}

  Graph parse_file() {
    try {
      Graph graph = parse_graph(0);
      skip_space();
      if (at_ != text_.size()) fail("found more text after the graph");
      return graph;
    } catch (Error& e) {
      size_t line = 1, column = 1;
      for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
        column = text_[i] == '\n' ? 1 : column + 1;
        line += text_[i] == '\n';
      }
      e.add_frame(cat("at line ", line, ", column ", column, " of the text form"));
      throw;
    }
  }

 private:
  static constexpr int kMaxDepth = 32;
  static constexpr int64_t kMaxGenerated = int64_t{1} << 25;

  [[noreturn]] void fail(std::string message) const { throw invalid_model(cat("text form: ", message)); }

  void skip_space() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        ++at_;
      } else {
        return;
      }
    }
  }

  bool peek(char c) {
    skip_space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool accept(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c))
      fail(cat("found ", at_ < text_.size() ? cat("'", text_[at_], "'") : std::string("the end"), ", expected '", c,
               "'"));
  }

  std::string word() {
    skip_space();
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) || text_[at_] == '_')) ++at_;
    if (start == at_) fail("expected a word");
    return std::string(text_.substr(start, at_ - start));
  }

  std::string quoted() {
    expect('"');
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        if (text_[at_] == 'x' && at_ + 2 < text_.size()) {
          const std::string hex(text_.substr(at_ + 1, 2));
          out += static_cast<char>(std::strtol(hex.c_str(), nullptr, 16));
          at_ += 3;
          continue;
        }
      }
      out += text_[at_++];
    }
    expect('"');
    return out;
  }

  std::string value_name() {
    expect('%');
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  std::string_view("_./-").find(text_[at_]) != std::string_view::npos ||
                                  (text_[at_] == ':' && at_ + 1 < text_.size() && text_[at_ + 1] != ' ')))
      ++at_;
    if (start == at_) fail("expected a value name after %");
    return std::string(text_.substr(start, at_ - start));
  }

  /// Text up to one of `stops` outside brackets, braces, parentheses and strings; not consumed.
  std::string_view balanced(std::string_view stops) {
    skip_space();
    const size_t start = at_;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') {
        for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) at_ += text_[at_] == '\\';
        continue;
      }
      if (depth == 0 && stops.find(c) != std::string_view::npos) break;
      if (c == '[' || c == '{' || c == '(') ++depth;
      if (c == ']' || c == '}' || c == ')') --depth;
    }
    return trim(text_.substr(start, std::min(at_, text_.size()) - start));
  }

  double number(std::string_view text) {
    const auto value = parse_double(trim(text));
    if (!value) fail(cat("found '", text, "', expected a number"));
    return *value;
  }

  TensorType type() {
    const std::string dtype_name = word();
    const auto dtype = parse_dtype(dtype_name);
    if (!dtype) fail(cat("unknown dtype '", dtype_name, "'"));
    TensorType out{*dtype, Shape(), nullptr};
    expect('[');
    const std::string_view inner = balanced("]");
    expect(']');
    if (inner == "...") {
      out.shape = Shape::unranked();
    } else if (!inner.empty()) {
      for (const std::string& d : split(inner, ',')) out.shape.list().push_back(dim(trim(d)));
    }
    if (peek('{')) out.quant = quant();
    return out;
  }

  Dim dim(std::string_view text) {
    if (text == "?") return Dim();
    if (const auto value = parse_int(text)) {
      if (*value < 0) fail(cat("negative dimension ", *value));
      return Dim(*value);
    }
    return Dim(std::string(text));
  }

  std::vector<double> numbers(std::string_view text) {
    std::vector<double> out;
    if (text.size() >= 2 && text.front() == '[') text = text.substr(1, text.size() - 2);
    if (trim(text).empty()) return out;
    for (const std::string& item : split(text, ',')) out.push_back(number(item));
    return out;
  }

  int64_t whole(double v, double low, double high) {
    if (!(v >= low && v <= high) || v != std::floor(v)) fail(cat(v, " is no whole number in ", low, " to ", high));
    return static_cast<int64_t>(v);
  }

  QuantPtr quant() {
    expect('{');
    QuantParams q;
    while (!accept('}')) {
      const std::string key = word();
      expect('=');
      const std::vector<double> values = numbers(balanced(",}"));
      if (values.empty()) fail(cat("'", key, "' has no value"));
      if (key == "scale") {
        q.scales.assign(values.begin(), values.end());
      } else if (key == "zero_point") {
        for (const double v : values)
          q.zero_points.push_back(static_cast<int32_t>(whole(v, -2147483648.0, 2147483647.0)));
      } else if (key == "axis") {
        q.axis = whole(values[0], -1, 64);
      } else if (key == "block") {
        q.block_size = whole(values[0], 0, 1e9);
      } else {
        fail(cat("unknown quantization field '", key, "'"));
      }
      accept(',');
    }
    if (q.scales.empty()) fail("quantization without a scale");
    if (q.zero_points.empty()) q.zero_points.assign(q.scales.size(), 0);
    if (q.zero_points.size() != q.scales.size()) fail("scale and zero_point differ in length");
    return std::make_shared<const QuantParams>(std::move(q));
  }

  Tensor constant(const TensorType& t) {
    if (!t.shape.is_static()) fail(cat("a constant needs known dimensions, its type is ", to_text(t)));
    const int64_t count = t.shape.elements();
    Tensor out;
    if (accept('{')) {
      const std::vector<double> values = numbers(balanced("}"));
      expect('}');
      if (std::ssize(values) != count) fail(cat("constant has ", values.size(), " values, its type wants ", count));
      out = Tensor::empty(DType::kF64, t.shape.dims());
      std::copy(values.begin(), values.end(), out.mutable_data<double>().begin());
    } else {
      const std::string kind = word();
      expect('(');
      const double argument = number(balanced(")"));
      expect(')');
      if (count > kMaxGenerated - generated_)
        fail(cat("constants made by fill and random have more than ", kMaxGenerated, " elements together"));
      generated_ += count;
      out = Tensor::empty(DType::kF64, t.shape.dims());
      const auto data = out.mutable_data<double>();
      if (kind == "fill") {
        std::fill(data.begin(), data.end(), argument);
      } else if (kind == "random") {
        if (!(argument >= 0 && argument < 0x1p53)) fail(cat("random takes a seed from 0 to 2^53, found ", argument));
        fill_random(data, t.dtype, static_cast<uint64_t>(argument));
      } else {
        fail(cat("found '", kind, "', expected {…}, fill(v) or random(seed)"));
      }
    }
    return cast(out, t.dtype).with_quant(t.quant);
  }

  static void fill_random(std::span<double> data, DType dtype, uint64_t seed) {
    std::mt19937_64 engine(seed);
    for (double& v : data) {
      const double unit = static_cast<double>(engine() >> 11) * 0x1p-53;
      if (is_float(dtype)) {
        v = 2 * unit - 1;
      } else {
        const bool is_small = size_of(dtype) == 1;
        const double low = is_small ? static_cast<double>(min_of(dtype)) : is_signed(dtype) ? -100 : 0;
        const double high = is_small ? static_cast<double>(max_of(dtype)) : 100;
        v = low + static_cast<double>(static_cast<int64_t>(unit * (high - low + 1)));
      }
    }
  }

  using Names = std::map<std::string, ValueId>;

  void define(Names& names, const std::string& value, ValueId id) {
    if (!names.emplace(value, id).second) fail(cat("%", value, " is defined twice"));
  }

  ValueId use(const Names& names) {
    skip_space();
    if (accept('_')) return {};
    const std::string value = value_name();
    const auto at = names.find(value);
    if (at == names.end()) fail(cat("%", value, " is not defined"));
    return at->second;
  }

  void node(Graph& graph, Names& names) {
    NodeSpec spec;
    bool has_types = false;
    do {
      spec.output_names.push_back(value_name());
      spec.output_types.emplace_back();
      if (accept(':')) {
        spec.output_types.back() = type();
        has_types = true;
      } else if (has_types) {
        fail("give a type to all results or to none");
      }
    } while (accept(','));
    if (!has_types) spec.output_types.clear();
    expect('=');
    const std::string op = word();
    spec.def = ops_.find(op);
    if (!spec.def) {
      std::vector<std::string> known;
      for (const OpDef* def : ops_.all()) known.emplace_back(def->name);
      const std::string near = nearest(op, known);
      fail(cat("unknown operator ", op, near.empty() ? "" : cat("; did you mean ", near, "?")));
    }
    spec.outputs = spec.output_names.size();
    spec.name = spec.output_names[0];
    expect('(');
    if (!accept(')')) {
      do spec.inputs.push_back(use(names));
      while (accept(','));
      expect(')');
    }
    const std::shared_ptr<void> attrs = spec.def->attrs->create();
    if (accept('{')) attributes(*spec.def->attrs, attrs.get());
    spec.attrs = Attrs(*spec.def->attrs, attrs);
    if (accept('['))
      while (!accept(']')) {
        spec.subgraphs.push_back(parse_graph(depth_ + 1));
        accept(',');
      }
    const std::vector<std::string> results = spec.output_names;
    const NodeId id = graph.add(std::move(spec));
    for (size_t i = 0; i < results.size(); ++i) define(names, results[i], graph.node(id).outputs[i]);
  }

  void attributes(const AttrType& attr_type, void* attrs) {
    while (!accept('}')) {
      const std::string key = word();
      expect('=');
      const std::string_view text = balanced(",}");
      const FieldInfo* found = nullptr;
      for (const FieldInfo& f : attr_type.fields)
        if (f.name == key) found = &f;
      if (!found) fail(cat(attr_type.op_name, " has no attribute '", key, "'"));
      set_from_text(*found, attrs, text);
      accept(',');
    }
  }

  Graph parse_graph(int depth) {
    if (depth > kMaxDepth) fail(cat("subgraphs nest deeper than ", kMaxDepth));
    const int outer = depth_;
    depth_ = depth;
    if (word() != "graph") fail("expected 'graph'");
    Graph graph;
    if (peek('"')) graph.name = quoted();
    expect('{');
    Names names;
    while (!accept('}')) {
      if (peek('%')) {
        node(graph, names);
        continue;
      }
      const std::string keyword = word();
      if (keyword == "input") {
        const std::string value = value_name();
        expect(':');
        define(names, value, graph.add_input(value, type()));
      } else if (keyword == "const") {
        const std::string value = value_name();
        expect(':');
        const TensorType t = type();
        expect('=');
        define(names, value, graph.add_constant(constant(t), value));
      } else if (keyword == "state") {
        const std::string value = value_name();
        expect(':');
        const TensorType t = type();
        expect('=');
        define(names, value, graph.add_state(value, constant(t)));
      } else if (keyword == "next") {
        const ValueId now = use(names);
        expect('=');
        const ValueId next = use(names);
        const auto is_it = [now](const GraphState& state) { return state.now == now; };
        if (std::none_of(graph.states().begin(), graph.states().end(), is_it)) fail("next: expected a state");
        if (!next.exists()) fail("next: expected a value");
        graph.set_next(now, next);
      } else if (keyword == "metadata") {
        std::string key = quoted();
        expect('=');
        graph.metadata[std::move(key)] = quoted();
      } else if (keyword == "arithmetic") {
        graph.arithmetic = word() == "fixed_point" ? QuantArithmetic::kFixedPoint : QuantArithmetic::kFloat;
      } else if (keyword == "output") {
        std::vector<ValueId> outputs;
        if (peek('%')) do
            outputs.push_back(use(names));
          while (accept(','));
        graph.set_outputs(std::move(outputs));
      } else {
        fail(
            cat("found '", keyword, "', expected input, state, const, output, next, metadata, arithmetic or a result"));
      }
    }
    depth_ = outer;
    return graph;
  }

  std::string_view text_;
  const OpSet& ops_;
  size_t at_ = 0;
  int depth_ = 0;
  int64_t generated_ = 0;
};

}  // namespace

Graph parse_graph(std::string_view text, const OpSet& ops) {
  Graph graph = Parser(text, ops).parse_file();
  try {
    verify(graph);  // A stated type may be one that an operator does not give, e.g. a Transpose that rescales.
  } catch (const Error& e) {
    throw invalid_model(e.message());
  }
  return graph;
}

}  // namespace hone
