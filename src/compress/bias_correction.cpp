#include "compress/bias_correction.h"

#include "compress/moments.h"
#include "compress/weights.h"

namespace hone {

namespace {

/// (W − Ŵ)·mean, one number for each output channel.
std::vector<double> shift_of(const LayerMatrix& layer, const Tensor& real, const Tensor& rounded,
                             const std::vector<double>& mean) {
  const Tensor back = dequantize(rounded);
  const auto w = real.data<float>(), r = back.data<float>();
  const size_t k = static_cast<size_t>(layer.columns), rows = static_cast<size_t>(layer.rows);
  std::vector<double> shift(static_cast<size_t>(layer.all_rows()), 0);
  for (size_t i = 0; i < w.size(); ++i) shift[i / k] += (double{w[i]} - r[i]) * mean[i / k / rows * k + i % k];
  return shift;
}

Tensor shifted_bias(const Graph& real, const Node& node, const std::vector<double>& shift) {
  Tensor bias = node.input(2).exists() ? dequantize(real.value(node.inputs[2]).constant).clone()
                                       : Tensor::zeros(DType::kF32, {static_cast<int64_t>(shift.size())});
  auto b = bias.mutable_data<float>();
  for (size_t c = 0; c < b.size(); ++c) b[c] = static_cast<float>(b[c] + shift[c]);
  return bias;
}

std::map<std::string, NodeId> nodes_by_name(const Graph& graph) {
  std::map<std::string, NodeId> out;
  for (const NodeId id : graph.order()) out[graph.node(id).name] = id;
  return out;
}

}  // namespace

Graph correct_bias(const Graph& rounded, const Graph& real, const Evidence& evidence) {
  Graph out = rounded;
  const std::map<std::string, Moments> moments = collect_moments(real, evidence, {.gram = false});
  const std::map<std::string, NodeId> originals = nodes_by_name(real);
  for (const LayerMatrix& layer : matrix_layers(out)) {
    const Node& node = out.node(layer.node);
    const auto original = originals.find(node.name);
    const auto seen = moments.find(node.name);
    const Tensor weights = out.value(node.inputs[1]).constant;
    if (original == originals.end() || seen == moments.end() || !weights.quant()) continue;
    const Node& from = real.node(original->second);
    if (from.input(2).exists() && !real.is_constant(from.inputs[2])) continue;
    const Tensor& w = real.value(from.inputs[1]).constant;
    if (w.dims() != weights.dims()) continue;
    const Tensor bias = shifted_bias(real, from, shift_of(layer, w, weights, seen->second.mean()));
    const QuantPtr& input = out.type(node.inputs[0]).quant;
    const std::string name = node.input(2).exists() ? out.value(node.inputs[2]).name : node.name + "_bias";
    out.set_input(layer.node, 2,
                  out.add_constant(input ? quantize_bias(bias, input->scale(), *weights.quant()) : bias, name));
  }
  out.remove_dead();
  return out;
}

}  // namespace hone
