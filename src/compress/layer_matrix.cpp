#include "compress/layer_matrix.h"

#include <algorithm>

#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/window.h"

namespace hone {

namespace {

std::vector<int64_t> places_of(int64_t total, int64_t most) {
  std::vector<int64_t> out;
  const int64_t count = std::min(total, most);
  for (int64_t i = 0; i < count; ++i) out.push_back((2 * i + 1) * total / (2 * count));
  return out;
}

Patches rows_of(const LayerMatrix& layer, const Tensor& x, int64_t most) {
  const auto data = x.data<float>();
  Patches out;
  for (const int64_t place : places_of(x.elements() / layer.columns, most)) {
    const auto from = data.begin() + place * layer.columns;
    out.data.insert(out.data.end(), from, from + layer.columns);
    ++out.count;
  }
  return out;
}

/// One place of a convolution: the taps of one group, zeros outside.
void copy_window(const LayerMatrix& layer, std::span<const WindowAxis> axes, const float* image, int64_t in_channels,
                 int64_t group, const int64_t (&at)[3], float* out) {
  for (int64_t a = 0; a < axes[0].kernel; ++a)
    for (int64_t b = 0; b < axes[1].kernel; ++b)
      for (int64_t c = 0; c < axes[2].kernel; ++c, out += layer.channels) {
        const int64_t i = axes[0].input_of(at[0], a), j = axes[1].input_of(at[1], b), k = axes[2].input_of(at[2], c);
        if (i < 0 || i >= axes[0].in || j < 0 || j >= axes[1].in || k < 0 || k >= axes[2].in) continue;
        const float* from = image + ((i * axes[1].in + j) * axes[2].in + k) * in_channels + group * layer.channels;
        std::copy(from, from + layer.channels, out);
      }
}

Patches windows_of(const Conv& op, const LayerMatrix& layer, const Dims& weights, const Tensor& x, int64_t most) {
  const Dims kernel(weights.begin() + 1, weights.end() - 1);
  const WindowSpec spec{
      .kernel = kernel, .strides = op.strides, .dilations = op.dilations, .pads = op.pads, .auto_pad = op.auto_pad};
  const std::vector<WindowAxis> axes = three_axes(resolve_window("conv", spec, spatial_dims(x.dims())));
  const int64_t in_channels = x.dim(x.rank() - 1), image = x.elements() / x.dim(0);
  const int64_t in_image = axes[0].out * axes[1].out * axes[2].out;
  const std::vector<int64_t> places = places_of(x.dim(0) * in_image, most);
  Patches out{static_cast<int64_t>(places.size()), {}};
  out.data.resize(places.size() * static_cast<size_t>(layer.groups * layer.columns), 0);
  float* to = out.data.data();
  for (int64_t g = 0; g < layer.groups; ++g)
    for (const int64_t place : places) {
      const int64_t inside = place % in_image;
      const int64_t at[3] = {inside / axes[2].out / axes[1].out, inside / axes[2].out % axes[1].out,
                             inside % axes[2].out};
      copy_window(layer, axes, x.data<float>().data() + place / in_image * image, in_channels, g, at, to);
      to += layer.columns;
    }
  return out;
}

}  // namespace

std::optional<LayerMatrix> as_matrix(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool is_conv = node.is<Conv>();
  if ((!is_conv && !node.is<FullyConnected>()) || !graph.is_constant(node.input(1))) return std::nullopt;
  const Tensor& w = graph.value(node.input(1)).constant;
  LayerMatrix layer{.node = id, .groups = is_conv ? node.as<Conv>().groups : 1};
  layer.rows = w.dim(0) / layer.groups;
  layer.columns = w.dim(0) > 0 ? w.elements() / w.dim(0) : 0;
  layer.channels = w.dim(w.rank() - 1);
  if (layer.rows <= 0 || layer.columns <= 0) return std::nullopt;
  return layer;
}

std::vector<LayerMatrix> matrix_layers(const Graph& graph) {
  std::vector<LayerMatrix> out;
  for (const NodeId id : graph.order())
    if (const auto layer = as_matrix(graph, id)) out.push_back(*layer);
  return out;
}

Graph with_own_constants(Graph graph) {
  for (const LayerMatrix& layer : matrix_layers(graph))
    for (size_t i = 1; i < graph.node(layer.node).inputs.size(); ++i) {
      const ValueId id = graph.node(layer.node).inputs[i];
      if (!id.exists() || !graph.is_constant(id) || graph.value(id).users.size() == 1) continue;
      const Value& shared = graph.value(id);
      graph.set_input(layer.node, i, graph.add_constant(Tensor(shared.constant), shared.name));
    }
  return graph;
}

std::set<std::string> outer_layers(const Graph& graph) {
  const std::vector<NodeId> order = graph.order();
  std::vector<char> is_behind(graph.value_capacity(), 0), is_before(graph.value_capacity(), 0);
  std::set<std::string> out;
  const auto visit = [&](NodeId id, std::vector<char>& marks, const auto& from, const auto& to) {
    const Node& node = graph.node(id);
    const bool has_weights = node.def->quant.weight >= 0;
    bool is_marked = false;
    for (const ValueId v : from) is_marked |= v.exists() && marks[static_cast<size_t>(v.index)];
    if (has_weights && !is_marked) out.insert(node.name);
    for (const ValueId v : to)
      if (v.exists() && (has_weights || is_marked)) marks[static_cast<size_t>(v.index)] = 1;
  };
  for (const NodeId id : order) visit(id, is_behind, graph.node(id).inputs, graph.node(id).outputs);
  for (size_t k = order.size(); k-- > 0;)
    visit(order[k], is_before, graph.node(order[k]).outputs, graph.node(order[k]).inputs);
  return out;
}

Patches patches_of(const Graph& graph, const LayerMatrix& layer, const Tensor& x, int64_t most) {
  const Node& node = graph.node(layer.node);
  if (!node.is<Conv>()) return rows_of(layer, x, most);
  return windows_of(node.as<Conv>(), layer, graph.value(node.input(1)).constant.dims(), x, most);
}

}  // namespace hone
