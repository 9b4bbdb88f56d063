#include "emit/c_nodes.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/fixed_point.h"
#include "ops/interpreter.h"
#include "ops/kernel.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "ops/pool_kernel.h"
#include "ops/quantize.h"
#include "ops/unary.h"
#include "ops/window.h"

namespace hone {
namespace {

bool is_byte(const TensorType& type) {
  return type.quant && type.quant->is_per_tensor() && (type.dtype == DType::kI8 || type.dtype == DType::kU8);
}

bool are_bytes_of_one_type(const CNode& n) {
  return is_byte(n.in(0)) && is_byte(n.out()) && n.in(0).dtype == n.out().dtype;
}

/// What the struct `window` of kernels.c holds.
struct Window {
  int64_t batch = 1, in_c = 1, out_c = 1, groups = 1;
  std::vector<WindowAxis> axes;
  int32_t x_zero = 0, w_zero = 0, y_zero = 0;
  QuantizedRange range;

  std::string text() const {
    const WindowAxis &h = axes[1], &w = axes[2];
    std::string fields;
    for (const int64_t v : {batch, h.in, w.in, in_c, h.out, w.out, out_c, h.kernel, w.kernel, h.stride, w.stride,
                            h.dilation, w.dilation, h.pad_begin, w.pad_begin, groups})
      fields += cat(v, ", ");
    return cat("{", fields, x_zero, ", ", w_zero, ", ", y_zero, ", ", range.min, ", ", range.max, "}");
  }
  bool is_flat() const { return axes[0].in == 1 && axes[0].kernel == 1 && axes[0].out == 1; }
};

/// Writes "KERNEL(&(const window){…}, …)" on the node's first input and its output.
void call_window(CNode& n, std::string_view kernel, const Window& window, const std::string& more = {}) {
  const std::string_view element = c_type(n.out());
  n.text.need(kernel, element);
  n.text.call("{");
  n.text.call(cat("  static const window s = ", window.text(), ";"));
  n.text.call(cat("  ", kernel, "_", element, "(&s, ", n.x(), more, ", ", n.y(), ");"));
  n.text.call("}");
}

std::vector<int8_t> small(const std::vector<FixedMultiplier>& ms) {
  std::vector<int8_t> shifts;
  for (const FixedMultiplier& m : ms) shifts.push_back(static_cast<int8_t>(m.shift));
  return shifts;
}

/// The sums of a convolution or product with constant weights, as requantize() brings them to the output.
bool write_product(CNode& n, Window window, float act_min, float act_max, bool product_in_float, bool up) {
  const Tensor& w = n.graph.value(n.node.inputs[1]).constant;
  const ValueId bias_id = n.node.input(2);
  const bool has_bias = bias_id.exists();
  const Tensor bias = has_bias ? n.graph.value(bias_id).constant : Tensor();
  const bool fits = are_bytes_of_one_type(n) && w.exists() && w.quant() && w.dtype() == n.in(0).dtype &&
                    w.quant()->block_size == 0 && (!has_bias || (bias.exists() && bias.dtype() == DType::kI32));
  if (!fits || !window.is_flat()) return false;
  const QuantParams &wq = *w.quant(), &xq = *n.in(0).quant, &yq = *n.out().quant;
  const bool is_symmetric = std::all_of(wq.zero_points.begin(), wq.zero_points.end(), [](int32_t z) { return z == 0; });
  if (!wq.is_per_tensor() && (wq.axis != 0 || !is_symmetric)) return false;
  std::vector<FixedMultiplier> ms;
  std::vector<int32_t> multipliers;
  for (const float scale : wq.scales) {
    const double product = product_in_float ? static_cast<double>(xq.scale() * scale)
                                            : static_cast<double>(xq.scale()) * static_cast<double>(scale);
    ms.push_back(quantize_multiplier(product / static_cast<double>(yq.scale())));
    multipliers.push_back(ms.back().value);
  }
  window.x_zero = xq.zero_point();
  window.w_zero = wq.is_per_tensor() ? wq.zero_point() : 0;
  window.y_zero = yq.zero_point();
  window.range = activation_range(act_min, act_max, n.out().dtype, n.out().quant);
  std::string weights;
  if (w.dtype() == DType::kI8)
    weights = n.text.array("int8_t", std::vector<int8_t>(w.data<int8_t>().begin(), w.data<int8_t>().end()));
  else
    weights = n.text.array("uint8_t", std::vector<uint8_t>(w.data<uint8_t>().begin(), w.data<uint8_t>().end()));
  std::string sums = "0";
  if (has_bias)
    sums = n.text.array("int32_t", std::vector<int32_t>(bias.data<int32_t>().begin(), bias.data<int32_t>().end()));
  call_window(n, "conv", window,
              cat(", ", weights, ", ", sums, ", ", n.text.array("int32_t", multipliers), ", ",
                  n.text.array("int8_t", small(ms)), ", ", wq.is_per_tensor() ? 0 : 1, ", ", up ? 1 : 0));
  return true;
}

bool write_conv(CNode& n) {
  const auto& op = n.node.as<Conv>();
  const Dims x = n.in(0).shape.dims(), w = n.in(1).shape.dims();
  const std::vector<int64_t> kernel(w.begin() + 1, w.end() - 1);
  const WindowSpec spec{
      .kernel = kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads, .auto_pad = op.auto_pad};
  const Window window{.batch = x[0],
                      .in_c = x.back(),
                      .out_c = w[0],
                      .groups = op.groups,
                      .axes = three_axes(resolve_window("conv", spec, spatial_dims(x))),
                      .range = {}};
  return write_product(n, window, op.act_min, op.act_max, n.in(0).dtype == DType::kU8, op.groups == 1);
}

bool write_fully_connected(CNode& n) {
  const auto& op = n.node.as<FullyConnected>();
  const Dims w = n.in(1).shape.dims();
  if (w[1] == 0) return false;
  const Window window{.batch = n.in(0).shape.elements() / w[1],
                      .in_c = w[1],
                      .out_c = w[0],
                      .axes = std::vector<WindowAxis>(3),
                      .range = {}};
  return write_product(n, window, op.act_min, op.act_max, true, true);
}

template <class Op>
bool write_pool(CNode& n, std::string_view kernel) {
  const Op& op = n.node.as<Op>();
  if (!are_bytes_of_one_type(n) || !same_quant(n.in(0).quant, n.out().quant) || n.node.outputs.size() > 1) return false;
  if constexpr (requires { op.count_include_pad; })
    if (op.count_include_pad) return false;
  const ConvSizes sizes = pool_sizes(kernel, pool_spec(op), n.in(0).shape.dims());
  const Window window{.batch = sizes.batch,
                      .in_c = sizes.in_channels,
                      .out_c = sizes.in_channels,
                      .axes = sizes.axes,
                      .range = activation_range(op.act_min, op.act_max, n.out().dtype, n.out().quant)};
  if (!window.is_flat()) return false;
  call_window(n, kernel, window);
  return true;
}

/// After how many elements an operand repeats when it is broadcast to `out`; 0 when it does not repeat as a whole.
int64_t period(const Dims& x, const Dims& out) {
  size_t first = 0;
  while (first < x.size() && x[first] == 1) ++first;
  const size_t tail = x.size() - first;
  if (tail > out.size() ||
      !std::equal(x.begin() + static_cast<int64_t>(first), x.end(), out.end() - static_cast<int64_t>(tail)))
    return 0;
  return std::accumulate(x.begin(), x.end(), int64_t{1}, std::multiplies<>());
}

struct Pair {
  FixedMultiplier a, b, y;
  int sign = 1;
};

bool write_pair(CNode& n, std::string_view kernel, const Pair& pair, const QuantizedRange& range) {
  const Dims out = n.out().shape.dims();
  const int64_t a = period(n.in(0).shape.dims(), out), b = period(n.in(1).shape.dims(), out);
  if (a == 0 || b == 0) return false;
  const std::string_view element = c_type(n.out());
  n.text.need(kernel, element);
  n.text.call("{");
  n.text.call(cat("  static const pair s = {", n.out().shape.elements(), ", ", a, ", ", b, ", ",
                  n.in(0).quant->zero_point(), ", ", n.in(1).quant->zero_point(), ", ", n.out().quant->zero_point(),
                  ", ", range.min, ", ", range.max, ", ", pair.a.value, ", ", pair.b.value, ", ", pair.y.value, ", ",
                  pair.a.shift, ", ", pair.b.shift, ", ", pair.y.shift, ", ", pair.sign, "};"));
  n.text.call(cat("  ", kernel, "_", element, "(&s, ", n.x(0), ", ", n.x(1), ", ", n.y(), ");"));
  n.text.call("}");
  return true;
}

bool are_operands_bytes(const CNode& n) {
  return are_bytes_of_one_type(n) && is_byte(n.in(1)) && n.in(1).dtype == n.out().dtype;
}

template <class Op>
bool write_add(CNode& n, int sign) {
  if (!are_operands_bytes(n)) return false;
  const float a = n.in(0).quant->scale(), b = n.in(1).quant->scale(), y = n.out().quant->scale();
  const double twice_max = static_cast<double>(2 * std::max(a, b));
  const auto& op = n.node.as<Op>();
  return write_pair(n, "add",
                    {.a = quantize_multiplier(a / twice_max),
                     .b = quantize_multiplier(b / twice_max),
                     .y = quantize_multiplier(twice_max / ((1 << 20) * static_cast<double>(y))),
                     .sign = sign},
                    activation_range(op.act_min, op.act_max, n.out().dtype, n.out().quant));
}

bool write_mul(CNode& n) {
  if (!are_operands_bytes(n)) return false;
  const float a = n.in(0).quant->scale(), b = n.in(1).quant->scale(), y = n.out().quant->scale();
  const auto& op = n.node.as<Mul>();
  return write_pair(n, "mul", {.a = {}, .b = {}, .y = quantize_multiplier(static_cast<double>(a * b / y))},
                    activation_range(op.act_min, op.act_max, n.out().dtype, n.out().quant));
}

bool write_softmax(CNode& n) {
  const auto& op = n.node.as<Softmax>();
  const Dims dims = n.in(0).shape.dims();
  if (!are_bytes_of_one_type(n) || dims.empty() ||
      axis_of("softmax", op.axis, static_cast<int64_t>(dims.size())) + 1 != static_cast<int64_t>(dims.size()))
    return false;
  if (n.out().dtype == DType::kU8 && n.out().quant->zero_point() != 0) return false;
  const float scale = n.in(0).quant->scale() * op.beta;
  std::vector<float> table;
  for (int d = 0; d < 256; ++d) table.push_back(std::exp(-scale * static_cast<float>(d)));
  const std::string_view element = c_type(n.out());
  n.text.need("softmax", element);
  n.text.call(cat("softmax_", element, "(", n.in(0).shape.elements() / std::max<int64_t>(dims.back(), 1), ", ",
                  dims.back(), ", ", n.text.array("float", table), ", ",
                  c_number(static_cast<double>(n.out().quant->scale())), "f, ", n.out().quant->zero_point(), ", ",
                  n.x(), ", ", n.y(), ");"));
  return true;
}

/// All 256 stored values of a type, as a tensor.
Tensor all_bytes(const TensorType& type) {
  std::vector<uint8_t> bytes(256);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  Tensor all = Tensor::empty(type.dtype, {256}, type.quant);
  std::copy(bytes.begin(), bytes.end(), static_cast<uint8_t*>(all.mutable_raw()));
  return all;
}

/// The node's answers to them, by the reference itself.
Tensor answers(const CNode& n, const TensorType& to) {
  Graph graph;
  graph.arithmetic = n.graph.arithmetic;
  const Tensor all = all_bytes(n.in(0));
  const ValueId x = graph.add_input("x", all.type());
  const TensorType type{to.dtype, Shape(Dims{256}), to.quant};
  const NodeId id =
      graph.add(NodeSpec{.def = n.node.def, .attrs = n.node.attrs, .inputs = {x}, .output_types = {type}});
  graph.set_outputs({graph.node(id).outputs[0]});
  return evaluate(graph, std::vector<Tensor>{all})[0];
}

void call_map(CNode& n, const std::string& table) {
  n.text.need("map");
  const int64_t size = n.out().shape.elements();
  n.text.call(cat("map(1, ", size, ", ", table, ", ", n.x(), ", 0, ", n.y(), ", 0);"));
}

/// Any function of one byte is a table.
bool write_map(CNode& n) {
  if (n.node.inputs.size() != 1 || n.node.outputs.size() != 1 || !is_byte(n.in(0)) || !is_byte(n.out())) return false;
  const Tensor table = answers(n, n.out());
  const auto* bytes = static_cast<const uint8_t*>(table.raw());
  call_map(n, n.text.array("uint8_t", std::vector<uint8_t>(bytes, bytes + 256)));
  return true;
}

bool write_dequantize(CNode& n) {
  if (!is_byte(n.in(0)) || n.out().dtype != DType::kF32) return false;
  const Tensor table = answers(n, {DType::kF32, Shape(Dims{256}), nullptr});
  n.text.need("dequantize");
  n.text.call(cat("dequantize(", n.out().shape.elements(), ", ",
                  n.text.array("float", std::vector<float>(table.data<float>().begin(), table.data<float>().end())),
                  ", ", n.x(), ", ", n.y(), ");"));
  return true;
}

bool write_quantize(CNode& n) {
  if (n.in(0).dtype != DType::kF32 || n.in(0).quant) return write_map(n);
  if (!is_byte(n.out())) return false;
  const std::string_view element = c_type(n.out());
  n.text.need("quantize", element);
  n.text.call(cat("quantize_", element, "(", n.out().shape.elements(), ", ",
                  c_number(static_cast<double>(n.out().quant->scale())), ", ", n.out().quant->zero_point(), ", ", n.x(),
                  ", ", n.y(), ");"));
  return true;
}

/// Rows of each input one behind the other; bytes of another scale through a table, as TFLite rescales them.
bool write_concat(CNode& n) {
  const Dims out = n.out().shape.dims();
  const int64_t axis = axis_of("concat", n.node.as<Concat>().axis, static_cast<int64_t>(out.size()));
  const auto product = [](auto first, auto last) {
    return std::accumulate(first, last, int64_t{1}, std::multiplies<>());
  };
  const int64_t rows = product(out.begin(), out.begin() + axis), inner = product(out.begin() + axis, out.end());
  int64_t at = 0;
  for (size_t i = 0; i < n.node.inputs.size(); ++i) {
    if (!is_byte(n.in(i)) || n.in(i).dtype != n.out().dtype || !is_byte(n.out())) return false;
    std::string table = "0";
    if (!same_quant(n.in(i).quant, n.out().quant)) {
      Graph graph;
      graph.arithmetic = n.graph.arithmetic;
      const Tensor all = all_bytes(n.in(i));
      const ValueId x = graph.add_input("x", all.type());
      const TensorType type{n.out().dtype, Shape(Dims{256}), n.out().quant};
      const ValueId y = graph.add(Concat{.axis = 0}, {x}, {.type = type, .has_type = true});
      graph.set_outputs({y});
      const Tensor answer = evaluate(graph, std::vector<Tensor>{all})[0];
      const auto* bytes = static_cast<const uint8_t*>(answer.raw());
      table = n.text.array("uint8_t", std::vector<uint8_t>(bytes, bytes + 256));
    }
    const int64_t bytes = rows == 0 ? 0 : n.in(i).shape.elements() / rows;
    n.text.need("map");
    n.text.call(cat("map(", rows, ", ", bytes, ", ", table, ", ", n.x(i), ", ", bytes, ", (", c_type(n.out()), "*)",
                    n.y(), " + ", at, ", ", inner, ");"));
    at += bytes;
  }
  return true;
}

struct RowOf {
  const OpDef* def;
  CRow row;
};

constexpr RowOf kRows[] = {
    {&Conv::def, write_conv},
    {&FullyConnected::def, write_fully_connected},
    {&AveragePool::def, [](CNode& n) { return write_pool<AveragePool>(n, "average_pool"); }},
    {&MaxPool::def, [](CNode& n) { return write_pool<MaxPool>(n, "max_pool"); }},
    {&Add::def, [](CNode& n) { return write_add<Add>(n, 1); }},
    {&Sub::def, [](CNode& n) { return write_add<Sub>(n, -1); }},
    {&Mul::def, write_mul},
    {&Softmax::def, write_softmax},
    {&Concat::def, write_concat},
    {&Quantize::def, write_quantize},
    {&Dequantize::def, write_dequantize},
};

}  // namespace

CRow find_c_row(const OpDef* def) {
  for (const RowOf& row : kRows)
    if (row.def == def) return row.row;
  return def->elementwise ? write_map : nullptr;
}

bool is_c_alias(const Graph& graph, const Node& node) {
  const bool keeps_order =
      node.is<Reshape>() || node.is<Flatten>() || node.is<Squeeze>() || node.is<Unsqueeze>() || node.is<Identity>();
  return keeps_order && same_quant(graph.type(node.inputs[0]).quant, graph.type(node.outputs[0]).quant);
}

std::string_view c_type(const TensorType& type) {
  if (type.dtype == DType::kF32 && !type.quant) return "float";
  return c_byte(type.dtype);
}

}  // namespace hone
