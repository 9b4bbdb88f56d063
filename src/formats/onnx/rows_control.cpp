#include <algorithm>

#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/control.h"
#include "ops/movement.h"

namespace hone::onnx {

namespace {

/// Outer names a subgraph uses: values become inputs of the node, constants are repeated inside.
struct Captures {
  std::vector<std::string_view> values, constants;
  std::vector<ValueId> ids;  ///< of `values`
};

Captures captures_of(NodeReader& r, std::initializer_list<std::string_view> graphs) {
  Captures out;
  std::vector<std::string_view> names;
  for (const std::string_view bytes : graphs)
    for (const std::string_view name : r.subgraphs().free_names(bytes))
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  for (const std::string_view name : names) {
    const ValueId id = r.subgraphs().outer(name);
    if (r.constant(id).exists()) {
      out.constants.push_back(name);
    } else {
      out.values.push_back(name);
      out.ids.push_back(id);
    }
  }
  return out;
}

Graph read_body(NodeReader& r, std::string_view bytes, std::vector<TensorType> inputs, const Captures& captures) {
  return r.subgraphs().read_subgraph({bytes, std::move(inputs), captures.values, captures.constants});
}

/// What is certain of a state variable in every iteration: its dtype, and the shape its body declares.
TensorType state_type(const TensorType& initial, const TensorType& declared) {
  const bool fits = declared.shape.has_rank() && compatible(declared.shape, initial.shape);
  return {initial.dtype, fits ? declared.shape : Shape::unranked(), initial.quant};
}

void finish(NodeReader& r, NodeSpec spec, const Captures& captures) {
  spec.inputs.insert(spec.inputs.end(), captures.ids.begin(), captures.ids.end());
  spec.outputs = r.output_count();
  const auto outputs = r.emit_node(std::move(spec));
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

void read_if(NodeReader& r) {
  const std::string_view then_bytes = r.attr_graph("then_branch"), else_bytes = r.attr_graph("else_branch");
  const Captures captures = captures_of(r, {then_bytes, else_bytes});
  NodeSpec spec{.def = &If::def, .attrs = Attrs::of(If{}), .inputs = {r.in(0)}};
  spec.subgraphs.push_back(read_body(r, then_bytes, {}, captures));
  spec.subgraphs.push_back(read_body(r, else_bytes, {}, captures));
  finish(r, std::move(spec), captures);
}

void write_if(NodeWriter& w) {
  AttributeList attributes;
  attributes.add_graph("then_branch", w.subgraph(0, 0, 1)).add_graph("else_branch", w.subgraph(1, 0, 1));
  std::vector<std::string> outputs;
  for (size_t i = 0; i < w.output_count(); ++i) outputs.push_back(w.plain_out(i));
  w.emit("If", {w.plain_in(0)}, std::move(outputs), attributes);
}

void read_loop(NodeReader& r) {
  const std::string_view body = r.attr_graph("body");
  const Captures captures = captures_of(r, {body});
  const std::vector<TensorType> declared = r.subgraphs().declared_inputs(body);
  if (r.input_count() < 2 || declared.size() != r.input_count())
    throw invalid_model(cat("onnx: loop body has ", declared.size(), " inputs, expected ", r.input_count()));
  std::vector<TensorType> types{{DType::kI64, Shape{}, nullptr}, {DType::kBool, Shape{}, nullptr}};
  for (size_t i = 2; i < r.input_count(); ++i) types.push_back(state_type(r.type(r.in(i)), declared[i]));
  NodeSpec spec{.def = &Loop::def,
                .attrs = Attrs::of(Loop{.num_state = static_cast<int64_t>(r.input_count()) - 2}),
                .inputs = r.inputs()};
  spec.subgraphs.push_back(read_body(r, body, std::move(types), captures));
  finish(r, std::move(spec), captures);
}

void write_loop(NodeWriter& w) {
  const auto formal = static_cast<size_t>(w.op<Loop>().num_state) + 2;
  std::vector<std::string> inputs;
  for (size_t i = 0; i < formal; ++i) inputs.push_back(i < w.input_count() && w.has(i) ? w.plain_in(i) : "");
  w.emit("Loop", std::move(inputs), w.all_out(), AttributeList().add_graph("body", w.subgraph(0, formal, formal)));
}

/// A Loop without a trip count whose body ends in the condition; the first answer comes from an If that is always
/// taken.
void write_while(NodeWriter& w) {
  const auto states = static_cast<size_t>(w.op<While>().num_state);
  const std::string first = w.temp("condition"), condition = w.subgraph(0, 0, 0);
  w.emit("If", {w.constant(Tensor::scalar(true), "true")}, {first},
         AttributeList().add_graph("then_branch", condition).add_graph("else_branch", condition));
  std::vector<std::string> inputs{"", first};
  for (size_t i = 0; i < states; ++i) inputs.push_back(w.plain_in(i));
  w.emit("Loop", std::move(inputs), w.all_out(), AttributeList().add_graph("body", w.while_body(states)));
}

TensorType slice_type(const TensorType& whole, int64_t axis) {
  TensorType type = whole;
  if (!type.shape.has_rank() || type.shape.rank() == 0) return {whole.dtype, Shape::unranked(), whole.quant};
  auto& dims = type.shape.list();
  dims.erase(dims.begin() + normalize_axis(axis, type.shape.rank(), "scan axis"));
  return type;
}

/// Adds a Scan over `inputs` (states, then scanned tensors) and returns its outputs.
std::vector<ValueId> emit_scan(NodeReader& r, Scan op, std::vector<ValueId> inputs) {
  const std::string_view body = r.attr_graph("body");
  const Captures captures = captures_of(r, {body});
  const std::vector<TensorType> declared = r.subgraphs().declared_inputs(body);
  if (declared.size() != inputs.size() || op.num_scan < 0 || op.num_scan > static_cast<int64_t>(inputs.size()))
    throw invalid_model(cat("onnx: scan body has ", declared.size(), " inputs, expected ", inputs.size()));
  op.num_state = static_cast<int64_t>(inputs.size()) - op.num_scan;
  std::vector<TensorType> types;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto scanned = static_cast<int64_t>(i) - op.num_state;
    const auto at = static_cast<size_t>(std::max<int64_t>(scanned, 0));
    const int64_t axis = at < op.scan_input_axes.size() ? op.scan_input_axes[at] : 0;
    types.push_back(scanned < 0 ? state_type(r.type(inputs[i]), declared[i]) : slice_type(r.type(inputs[i]), axis));
  }
  NodeSpec spec{.def = &Scan::def, .attrs = Attrs::of(std::move(op)), .inputs = std::move(inputs)};
  spec.subgraphs.push_back(read_body(r, body, std::move(types), captures));
  spec.inputs.insert(spec.inputs.end(), captures.ids.begin(), captures.ids.end());
  spec.outputs = r.output_count();
  return r.emit_node(std::move(spec));
}

void read_scan(NodeReader& r) {
  const Scan op{.num_scan = r.attr_int("num_scan_inputs"),
                .scan_input_axes = r.attr_ints("scan_input_axes"),
                .scan_output_axes = r.attr_ints("scan_output_axes"),
                .scan_input_directions = r.attr_ints("scan_input_directions"),
                .scan_output_directions = r.attr_ints("scan_output_directions")};
  const auto outputs = emit_scan(r, op, r.inputs());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

/// Version 8 scans each element of a batch by itself: (lengths?, states…, scanned…), batch first. It is spelled out.
void read_batched_scan(NodeReader& r) {
  if (r.has(0)) throw unsupported("onnx: scan of sequences with lengths of their own");
  const Shape& shape = r.type(r.in(1)).shape;
  constexpr int64_t kMaxBatch = 64;
  if (!shape.has_rank() || shape.rank() == 0 || !shape[0].is_known() || shape[0].value() < 1 ||
      shape[0].value() > kMaxBatch)
    throw unsupported(cat("onnx: scan of operator set 8 over a batch that is not known to be 1 to ", kMaxBatch));
  const Scan op{.num_scan = r.attr_int("num_scan_inputs"), .scan_input_directions = r.attr_ints("directions")};
  std::vector<std::vector<ValueId>> parts(r.output_count());
  const int64_t batch = shape[0].value();
  for (int64_t b = 0; b < batch; ++b) {
    const ValueId index = r.constant(Tensor::scalar<int64_t>(b));
    std::vector<ValueId> inputs;
    for (size_t i = 1; i < r.input_count(); ++i) inputs.push_back(r.emit(Gather{.axis = 0}, {r.in(i), index}));
    const auto outputs = emit_scan(r, op, std::move(inputs));
    for (size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(r.emit(Unsqueeze{}, {outputs[i], r.ints({0})}));
  }
  for (size_t i = 0; i < parts.size(); ++i)
    r.output(i, batch == 1 ? parts[i][0] : r.emit(Concat{.axis = 0}, std::move(parts[i])));
}

void write_scan(NodeWriter& w) {
  const Scan& op = w.op<Scan>();
  const auto formal = static_cast<size_t>(op.num_state + op.num_scan);
  std::vector<std::string> inputs;
  for (size_t i = 0; i < formal; ++i) inputs.push_back(w.plain_in(i));
  AttributeList attributes;
  attributes.add("num_scan_inputs", op.num_scan);
  if (!op.scan_input_axes.empty()) attributes.add("scan_input_axes", op.scan_input_axes);
  if (!op.scan_output_axes.empty()) attributes.add("scan_output_axes", op.scan_output_axes);
  if (!op.scan_input_directions.empty()) attributes.add("scan_input_directions", op.scan_input_directions);
  if (!op.scan_output_directions.empty()) attributes.add("scan_output_directions", op.scan_output_directions);
  attributes.add_graph("body", w.subgraph(0, formal, formal));
  w.emit("Scan", std::move(inputs), w.all_out(), attributes);
}

void write_opaque(NodeWriter& w) {
  const Opaque& op = w.op<Opaque>();
  if (op.format != "onnx")
    throw unsupported(cat("onnx: operator '", op.type, "' of ", op.format, " has no form in ONNX"));
  if (op.domain.empty() || op.domain == "ai.onnx") w.needs(static_cast<int>(op.version));
  w.emit_opaque();
}

constexpr Row kRows[] = {
    {"If", 1, kNewestOpset, read_if, &If::def, write_if},
    {"Loop", 1, kNewestOpset, read_loop, &Loop::def, write_loop},
    {"", 1, 0, nullptr, &While::def, write_while},
    {"Scan", 8, 8, read_batched_scan},
    {"Scan", 9, kNewestOpset, read_scan, &Scan::def, write_scan},
    {"", 1, 0, nullptr, &Opaque::def, write_opaque},
};

}  // namespace

std::span<const Row> control_rows() { return kRows; }

}  // namespace hone::onnx
