#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "passes/bounds.h"
#include "passes/fuse.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// y[…, c] = x[…, c] · factor[c] + term[c].
struct ChannelScale {
  std::vector<double> factor, term;
};

/// A constant that is one number per channel of a result with `channels` channels (last axis) and `rank` axes,
/// expanded; none for anything else.
std::optional<std::vector<double>> per_channel(const Graph& graph, ValueId value, int64_t channels, int64_t rank) {
  constexpr int64_t kMostChannels = 1 << 24;
  if (!graph.is_constant(value) || channels > kMostChannels) return std::nullopt;
  const Tensor& tensor = graph.value(value).constant;
  if (tensor.quant() || !is_float(tensor.dtype()) || tensor.rank() > rank) return std::nullopt;
  if (tensor.elements() != channels && tensor.elements() != 1) return std::nullopt;
  if (tensor.elements() == channels && channels != 1 && tensor.dims().back() != channels) return std::nullopt;
  std::vector<double> result = to_doubles(tensor);
  if (result.size() == 1) result.assign(static_cast<size_t>(channels), result[0]);
  return result;
}

/// Known number of channels (last axis) of a value; −1 when unknown.
int64_t channels_of(const Graph& graph, ValueId value) {
  const Shape& shape = graph.type(value).shape;
  if (!shape.has_rank() || shape.rank() == 0 || !shape[shape.rank() - 1].is_known()) return -1;
  return shape[shape.rank() - 1].value();
}

/// factor and term of BatchNorm with constant parameters.
std::optional<ChannelScale> scale_of_batch_norm(const Graph& graph, const Node& node) {
  const int64_t channels = channels_of(graph, node.outputs[0]);
  if (channels < 0 || node.outputs.size() != 1 || node.as<BatchNorm>().training) return std::nullopt;
  std::optional<std::vector<double>> in[4];
  for (size_t i = 0; i < 4; ++i) {
    in[i] = per_channel(graph, node.input(i + 1), channels, 1);
    if (!in[i]) return std::nullopt;
  }
  ChannelScale result;
  const double epsilon = static_cast<double>(node.as<BatchNorm>().epsilon);
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    result.factor.push_back((*in[0])[c] / std::sqrt((*in[3])[c] + epsilon));
    result.term.push_back((*in[1])[c] - (*in[2])[c] * result.factor[c]);
  }
  return result;
}

/// The output channel that a weight belongs to. w: [O, …] for Conv and FullyConnected, [I, …, O/groups] for
/// ConvTranspose.
class WeightChannels {
 public:
  WeightChannels(const Node& node, const Tensor& weight) {
    if (node.is<ConvTranspose>()) {
      last_ = weight.dims().back();
      rows_ = weight.elements() / weight.dim(0);
      rows_per_group_ = std::max<int64_t>(1, weight.dim(0) / node.as<ConvTranspose>().groups);
    } else {
      rows_ = weight.dim(0) == 0 ? 1 : weight.elements() / weight.dim(0);
    }
  }
  size_t operator()(int64_t i) const {
    if (last_ == 0) return static_cast<size_t>(i / rows_);
    return static_cast<size_t>(i / rows_ / rows_per_group_ * last_ + i % last_);
  }

 private:
  int64_t rows_ = 1, rows_per_group_ = 1, last_ = 0;
};

/// x → Conv(w, b) → · factor + term → y   ⇒   x → Conv(w · factor, b · factor + term) → y
bool scale_weights(Graph& graph, NodeId scaler, ValueId middle, const ChannelScale& scale) {
  const Node* first = graph.producer(middle);
  if (!first || !is_private(graph, middle) || graph.type(middle).quant) return false;
  if (!first->is<Conv>() && !first->is<ConvTranspose>() && !first->is<FullyConnected>()) return false;
  if (!activation_of(*first)->is_open() || !graph.is_constant(first->input(1))) return false;
  const Tensor weight = graph.value(first->inputs[1]).constant;
  if (weight.quant() || !is_float(weight.dtype()) || weight.elements() == 0) return false;
  std::vector<double> bias(scale.factor.size(), 0);
  if (first->input(2).exists()) {
    const auto present = per_channel(graph, first->input(2), static_cast<int64_t>(bias.size()), 1);
    if (!present) return false;
    bias = *present;
  }
  for (size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * scale.factor[c] + scale.term[c];
  std::vector<double> scaled = to_doubles(weight);
  const WeightChannels channel(*first, weight);
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] *= scale.factor[channel(static_cast<int64_t>(i))];

  const Node& last = graph.node(scaler);
  const ValueId out = last.outputs[0];
  const auto clamp = activation_of(last);
  Attrs attrs = clamp ? with_activation(*first, *clamp) : first->attrs;
  const OpDef& def = *first->def;
  const ValueId x = first->inputs[0];
  const int64_t channels = static_cast<int64_t>(bias.size());
  const std::string name = graph.value(first->inputs[1]).name;
  const std::string bias_name = first->input(2).exists() ? graph.value(first->inputs[2]).name : cat(name, ".bias");
  const ValueId w = graph.add_constant(make_floats(weight.dtype(), weight.dims(), scaled), name);
  const ValueId b = graph.add_constant(make_floats(weight.dtype(), {channels}, bias), bias_name);
  return supersede(graph, out, add_for(graph, out, def, std::move(attrs), {x, w, b}));
}

/// x → Conv → BatchNorm → y   ⇒   x → Conv(scaled weights) → y
bool fuse_batch_norm(Graph& graph, NodeId id) {
  const auto scale = scale_of_batch_norm(graph, graph.node(id));
  return scale && scale_weights(graph, id, graph.node(id).inputs[0], *scale);
}

/// x → Conv → Mul(c per channel) or Add(c per channel) → y   ⇒   x → Conv(scaled weights) → y
bool fuse_scale(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const bool is_mul = node.is<Mul>();
  const ValueId out = node.outputs[0];
  const int64_t channels = channels_of(graph, out);
  for (size_t i = 0; i < 2; ++i) {
    const ValueId middle = node.inputs[i];
    if (channels < 0 || channels_of(graph, middle) != channels || rank_of(graph, middle) != rank_of(graph, out))
      continue;
    const auto numbers = per_channel(graph, node.inputs[1 - i], channels, rank_of(graph, out));
    if (!numbers) continue;
    const std::vector<double> ones(numbers->size(), 1), zeros(numbers->size(), 0);
    const ChannelScale scale = is_mul ? ChannelScale{*numbers, zeros} : ChannelScale{ones, *numbers};
    return scale_weights(graph, id, middle, scale);
  }
  return false;
}

/// Whether a window never reaches outside its input.
bool has_no_padding(const Node& node) {
  if (node.is<FullyConnected>()) return true;
  const Conv& op = node.as<Conv>();
  if (op.auto_pad == AutoPad::valid) return true;
  return op.auto_pad == AutoPad::explicit_pads &&
         std::all_of(op.pads.begin(), op.pads.end(), [](int64_t pad) { return pad == 0; });
}

/// For each weight of w: [O, k…, I/groups] the input channel that it meets.
std::vector<size_t> input_channels(const Node& node, const Tensor& weight) {
  const int64_t last = weight.dims().back(), rows = weight.elements() / weight.dim(0);
  const int64_t outputs_per_group = node.is<Conv>() ? weight.dim(0) / node.as<Conv>().groups : weight.dim(0);
  std::vector<size_t> result(static_cast<size_t>(weight.elements()));
  for (int64_t i = 0; i < weight.elements(); ++i) {
    result[static_cast<size_t>(i)] = static_cast<size_t>(i / rows / outputs_per_group * last + i % last);
  }
  return result;
}

/// x → Mul(c per channel) → Conv(w) → y   ⇒   x → Conv(w · c) → y
/// x → Add(c per channel) → Conv(w, b) without padding → y   ⇒   x → Conv(w, b + Σ w · c) → y
bool take_in_scale_before(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const ValueId middle = node.inputs[0], out = node.outputs[0];
  const Node* scaler = graph.producer(middle);
  if (!scaler || (!scaler->is<Mul>() && !scaler->is<Add>()) || !is_private(graph, middle)) return false;
  const bool is_mul = scaler->is<Mul>();
  if (graph.type(middle).quant || !activation_of(*scaler)->is_open() || !graph.is_constant(node.input(1))) return false;
  const ValueId x = scaler->inputs[0];
  const int64_t channels = channels_of(graph, middle);
  if (channels < 0 || graph.type(x).quant || channels_of(graph, x) != channels) return false;
  if (rank_of(graph, x) != rank_of(graph, middle) || (!is_mul && !has_no_padding(node))) return false;
  const auto numbers = per_channel(graph, scaler->inputs[1], channels, rank_of(graph, middle));
  const Tensor weight = graph.value(node.inputs[1]).constant;
  if (!numbers || weight.quant() || !is_float(weight.dtype()) || weight.elements() == 0) return false;
  const std::vector<size_t> channel = input_channels(node, weight);
  std::vector<double> w = to_doubles(weight);
  const int64_t outputs = weight.dim(0), rows = weight.elements() / outputs;
  std::vector<double> bias(static_cast<size_t>(outputs), 0);
  const bool has_bias = node.input(2).exists();
  if (has_bias) {
    const auto present = per_channel(graph, node.inputs[2], outputs, 1);
    if (!present) return false;
    bias = *present;
  }
  for (size_t i = 0; i < w.size(); ++i) {
    const double c = (*numbers)[channel[i]];
    if (!is_mul) bias[i / static_cast<size_t>(rows)] += w[i] * c;
    if (is_mul) w[i] *= c;
  }
  const OpDef& def = *node.def;
  const Attrs attrs = node.attrs;
  const std::string name = graph.value(node.inputs[1]).name;
  std::vector<ValueId> inputs{x, graph.add_constant(make_floats(weight.dtype(), weight.dims(), w), name)};
  if (has_bias || !is_mul) {
    inputs.push_back(graph.add_constant(make_floats(weight.dtype(), {outputs}, bias), cat(name, ".bias")));
  }
  return supersede(graph, out, add_for(graph, out, def, attrs, std::move(inputs)));
}

/// x → BatchNorm → y   ⇒   x → Mul(factor) → Add(term) → y, where nothing before it takes them in.
bool expand_batch_norm(Graph& graph, NodeId id) {
  const auto scale = scale_of_batch_norm(graph, graph.node(id));
  if (!scale) return false;
  const ValueId x = graph.node(id).inputs[0], out = graph.node(id).outputs[0];
  const DType dtype = graph.type(x).logical_dtype();
  if (!is_float(dtype)) return false;
  const int64_t channels = static_cast<int64_t>(scale->factor.size());
  const ValueId factor = graph.add_constant(make_floats(dtype, {channels}, scale->factor));
  const ValueId term = graph.add_constant(make_floats(dtype, {channels}, scale->term));
  return replace_by(graph, out, Add{}, {add_step(graph, out, Mul{}, {x, factor}), term});
}

}  // namespace

std::vector<Rule> scale_rules() {
  return {
      {"fuse_batch_norm", {&BatchNorm::def}, fuse_batch_norm},
      {"expand_batch_norm", {&BatchNorm::def}, expand_batch_norm},
      {"fuse_scale", {&Mul::def, &Add::def}, fuse_scale},
      {"take_in_scale_before", {&Conv::def, &FullyConnected::def}, take_in_scale_before},
  };
}

}  // namespace hone
