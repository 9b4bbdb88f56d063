#include "compress/narrow.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "compress/channel_groups.h"
#include "compress/layer_matrix.h"

namespace hone {
namespace {

/// Length of the weights that make each channel, in parts of the longest of its layer.
std::vector<double> lengths(const Graph& graph, const ChannelGroup& group) {
  std::vector<double> out(static_cast<size_t>(group.channels), 0);
  for (const NodeId id : group.makers) {
    const auto layer = as_matrix(graph, id);
    if (!layer || layer->all_rows() != group.channels) continue;
    const auto w = graph.value(graph.node(id).inputs[1]).constant.data<float>();
    std::vector<double> own(out.size(), 0);
    for (size_t i = 0; i < w.size(); ++i)
      own[i / static_cast<size_t>(layer->columns)] += static_cast<double>(w[i]) * static_cast<double>(w[i]);
    const double most = std::max(*std::max_element(own.begin(), own.end()), 1e-30);
    for (size_t c = 0; c < out.size(); ++c) out[c] += std::sqrt(own[c] / most);
  }
  return out;
}

}  // namespace

Graph narrowed(const Graph& source, double width) {
  if (!(width > 0 && width < 1)) throw invalid_argument(cat("width ", width, ": expected a share between 0 and 1"));
  const Graph graph = with_own_constants(source);
  const ChannelGroups groups = channel_groups(graph);
  std::vector<std::vector<int64_t>> kept;
  bool is_any = false;
  for (const ChannelGroup& group : groups.groups) {
    std::vector<int64_t> order(static_cast<size_t>(group.channels));
    std::iota(order.begin(), order.end(), 0);
    if (!group.is_fixed && !group.makers.empty()) {
      const std::vector<double> length = lengths(graph, group);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return length[static_cast<size_t>(a)] > length[static_cast<size_t>(b)];
      });
      order.resize(static_cast<size_t>(std::ceil(width * static_cast<double>(group.channels))));
      std::sort(order.begin(), order.end());
      is_any |= static_cast<int64_t>(order.size()) < group.channels;
    }
    kept.push_back(std::move(order));
  }
  if (!is_any)
    throw invalid_argument("no channel of this model may go: none lies between layers with constant weights alone");
  return with_channels(graph, groups, kept);
}

}  // namespace hone
