#include "compress/equalize.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "compress/layer_matrix.h"
#include "compress/watcher.h"
#include "measure/compare.h"
#include "ops/matmul.h"
#include "ops/pool.h"

namespace hone {

namespace {

constexpr size_t kMostSamples = 256;

/// Layers that read what a layer makes, and nothing else does.
struct Link {
  LayerMatrix maker;
  std::vector<LayerMatrix> readers;
  std::string value;  ///< what lies between, as the maker leaves it
  float act_max = std::numeric_limits<float>::infinity();
};

bool is_pool(const Node& node) { return node.is<MaxPool>() || node.is<AveragePool>(); }

/// Whether an activation clamp lets positive factors through.
template <class Op>
bool is_scalable(const Op& op) {
  return op.act_min == 0 || op.act_min == -std::numeric_limits<float>::infinity();
}

bool collect_readers(const Graph& graph, ValueId value, int64_t channels, std::vector<LayerMatrix>& readers) {
  if (graph.is_output(value)) return false;
  for (const NodeId user : graph.value(value).users) {
    const Node& node = graph.node(user);
    if (is_pool(node) && node.outputs.size() == 1) {
      const float most = node.is<MaxPool>() ? node.as<MaxPool>().act_max : node.as<AveragePool>().act_max;
      const bool is_free = node.is<MaxPool>() ? is_scalable(node.as<MaxPool>()) : is_scalable(node.as<AveragePool>());
      if (!is_free || std::isfinite(most) || !collect_readers(graph, node.outputs[0], channels, readers)) return false;
      continue;
    }
    const auto reader = as_matrix(graph, user);
    if (!reader || node.inputs[0] != value || reader->groups * reader->channels != channels) return false;
    if (std::count(node.inputs.begin(), node.inputs.end(), value) != 1) return false;
    readers.push_back(*reader);
  }
  return true;
}

/// What a layer with constant weights alone makes; another user of the same constants keeps it from changing.
bool has_own_weights(const Graph& graph, const LayerMatrix& layer) {
  const Node& node = graph.node(layer.node);
  for (size_t i = 1; i < node.inputs.size(); ++i)
    if (node.inputs[i].exists() &&
        (!graph.is_constant(node.inputs[i]) || graph.value(node.inputs[i]).users.size() != 1 ||
         graph.type(node.inputs[i]).dtype != DType::kF32 || graph.type(node.inputs[i]).quant))
      return false;
  return true;
}

std::vector<Link> find_links(const Graph& graph) {
  std::vector<Link> links;
  for (const LayerMatrix& maker : matrix_layers(graph)) {
    const Node& node = graph.node(maker.node);
    const bool is_conv = !node.is<FullyConnected>();
    const bool is_free = is_conv ? is_scalable(node.as<Conv>()) : is_scalable(node.as<FullyConnected>());
    Link link{.maker = maker, .value = graph.value(node.outputs[0]).name};
    link.act_max = is_conv ? node.as<Conv>().act_max : node.as<FullyConnected>().act_max;
    if (!is_free || !has_own_weights(graph, maker)) continue;
    if (!collect_readers(graph, node.outputs[0], maker.all_rows(), link.readers) || link.readers.empty()) continue;
    if (std::all_of(link.readers.begin(), link.readers.end(),
                    [&](const LayerMatrix& r) { return has_own_weights(graph, r); }))
      links.push_back(std::move(link));
  }
  return links;
}

using Maxima = std::map<std::string, std::vector<float>>;

/// The largest magnitude seen in each channel.
Maxima channel_maxima(const Graph& graph, const std::vector<Link>& links, const Evidence& evidence) {
  std::set<std::string> values;
  Maxima maxima;
  for (const Link& link : links) {
    values.insert(link.value);
    maxima[link.value].assign(static_cast<size_t>(link.maker.all_rows()), 0);
  }
  Watcher watcher(graph, values, evidence.engine());
  const size_t total = evidence.samples().count, samples = std::min(total, kMostSamples);
  for (size_t i = 0; i < samples; ++i)
    for (const auto& [name, tensor] : watcher.run(evidence.samples().inputs(i * total / samples))) {
      std::vector<float>& most = maxima[name];
      const auto data = tensor.data<float>();
      for (size_t k = 0; k < data.size(); ++k) {
        float& m = most[k % most.size()];
        m = std::max(m, std::fabs(data[k]));
      }
    }
  return maxima;
}

size_t channel_of(const LayerMatrix& layer, size_t index) {
  const size_t k = static_cast<size_t>(layer.columns), c = static_cast<size_t>(layer.channels);
  return index / k / static_cast<size_t>(layer.rows) * c + index % k % c;
}

/// The largest weight with which readers that share a scale among channels read each; empty when none does.
std::vector<float> reading_maxima(const Graph& graph, const Link& link) {
  std::vector<float> most;
  for (const LayerMatrix& reader : link.readers) {
    if (reader.channels == 1 && reader.groups > 1) continue;
    most.resize(static_cast<size_t>(link.maker.all_rows()), 0);
    const auto w = graph.value(graph.node(reader.node).inputs[1]).constant.data<float>();
    for (size_t i = 0; i < w.size(); ++i) {
      float& m = most[channel_of(reader, i)];
      m = std::max(m, std::fabs(w[i]));
    }
  }
  return most;
}

/// s[c]; the largest number between the layers stays as large as it is.
std::vector<float> factors(const std::vector<float>& seen, const std::vector<float>& read, float act_max) {
  std::vector<float> wanted(seen.size());
  for (size_t c = 0; c < seen.size(); ++c) wanted[c] = read.empty() ? seen[c] : std::sqrt(seen[c] * read[c]);
  const float largest = *std::max_element(seen.begin(), seen.end());
  if (!(largest > 0)) return std::vector<float>(seen.size(), 1);
  const float most = read.empty() ? 1 : *std::max_element(wanted.begin(), wanted.end());
  std::vector<float> s(seen.size(), 1);
  for (size_t c = 0; c < s.size(); ++c) {
    const float range = read.empty() ? largest : wanted[c] / most * largest;
    if (!(seen[c] > 0) || !(range > 0) || seen[c] > 0.999f * act_max) continue;
    s[c] = std::clamp(seen[c] / range, 1e-4f, 1e4f);
  }
  return s;
}

template <class Factor>
void scale_constant(Graph& graph, ValueId id, const Factor& factor) {
  Tensor scaled = graph.value(id).constant.clone();
  auto data = scaled.mutable_data<float>();
  for (size_t i = 0; i < data.size(); ++i) data[i] *= factor(i);
  graph.set_constant(id, std::move(scaled));
}

/// Values of other scales get names of their own, those behind pools too.
void rename_scaled(Graph& graph, ValueId value) {
  graph.set_name(value, cat(graph.value(value).name, kEqualizedSuffix));
  for (const NodeId user : graph.value(value).users)
    if (is_pool(graph.node(user))) rename_scaled(graph, graph.node(user).outputs[0]);
}

void apply_factors(Graph& graph, const Link& link, const std::vector<float>& s) {
  const Node& maker = graph.node(link.maker.node);
  const size_t columns = static_cast<size_t>(link.maker.columns);
  scale_constant(graph, maker.inputs[1], [&](size_t i) { return 1 / s[i / columns]; });
  if (maker.input(2).exists()) scale_constant(graph, maker.inputs[2], [&](size_t i) { return 1 / s[i]; });
  for (const LayerMatrix& reader : link.readers)
    scale_constant(graph, graph.node(reader.node).inputs[1], [&](size_t i) { return s[channel_of(reader, i)]; });
  rename_scaled(graph, maker.outputs[0]);
}

}  // namespace

Graph equalize(const Graph& graph, const Evidence& evidence) {
  Graph out = with_own_constants(graph);
  const std::vector<Link> links = find_links(out);
  const Maxima seen = channel_maxima(out, links, evidence);
  for (const Link& link : links) {
    const std::vector<float> s = factors(seen.at(link.value), reading_maxima(out, link), link.act_max);
    if (std::any_of(s.begin(), s.end(), [](float f) { return f != 1; })) apply_factors(out, link, s);
  }
  return out;
}

}  // namespace hone
