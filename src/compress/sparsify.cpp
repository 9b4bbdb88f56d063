#include "compress/sparsify.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "compress/channel_groups.h"
#include "compress/layer_matrix.h"
#include "compress/linear.h"
#include "compress/moments.h"
#include "compress/refit.h"

namespace hone {

namespace {

/// Makes rows of one layer's weights sparse.
class Sparsifier {
 public:
  Sparsifier(Matrix scatter, const SparsifyOptions& options) : gram_(std::move(scatter)), options_(options) {
    damp(gram_, 0.01);
    factor_ = cholesky(inverse(cholesky(gram_)));
  }

  void run(std::span<float> row) const {
    std::vector<double> left(row.begin(), row.end());
    std::vector<char> stays(row.size(), 1);
    const size_t m = static_cast<size_t>(options_.m);
    for (size_t begin = 0; begin < row.size(); begin += m) {
      choose(left, begin, stays);
      for (size_t k = begin; k < begin + m; ++k)
        if (!stays[k]) remove(left, k);
    }
    fit(row, left, stays);
  }

 private:
  /// The m − n cheapest of a block go.
  void choose(const std::vector<double>& left, size_t begin, std::vector<char>& stays) const {
    std::vector<std::pair<double, size_t>> costs;
    for (size_t k = begin; k < begin + static_cast<size_t>(options_.m); ++k) {
      const double step = left[k] / factor_.row(k)[k];
      costs.emplace_back(step * step, k);
    }
    std::sort(costs.begin(), costs.end());
    for (size_t i = 0; i < static_cast<size_t>(options_.m - options_.n); ++i) stays[costs[i].second] = 0;
  }

  void remove(std::vector<double>& left, size_t k) const {
    const double step = left[k] / factor_.row(k)[k];
    for (size_t j = k; j < left.size(); ++j) left[j] -= step * factor_.row(j)[k];
    left[k] = 0;
  }

  /// Least squares of what the row made, on the weights that stay: coordinate descent from `start`.
  void fit(std::span<float> row, std::vector<double>& start, const std::vector<char>& stays) const {
    constexpr int kSweeps = 100;
    const size_t n = row.size();
    std::vector<double> slope(n, 0);
    for (size_t k = 0; k < n; ++k) {
      if (!stays[k]) start[k] = 0;
      const double error = row[k] - start[k];
      for (size_t j = 0; j < n; ++j) slope[j] += error * gram_.row(k)[j];
    }
    double largest = 0;
    for (const float w : row) largest = std::max(largest, double{std::fabs(w)});
    double moved = largest;
    for (int sweep = 0; sweep < kSweeps && moved > 1e-4 * largest; ++sweep) {
      moved = 0;
      for (size_t k = 0; k < n; ++k) {
        if (!stays[k]) continue;
        const double step = slope[k] / gram_.row(k)[k];
        start[k] += step;
        moved = std::max(moved, std::fabs(step));
        for (size_t j = 0; j < n; ++j) slope[j] -= step * gram_.row(k)[j];
      }
    }
    std::copy(start.begin(), start.end(), row.begin());
  }

  Matrix gram_, factor_;
  const SparsifyOptions options_;
};

/// The bias takes what the change of weights does to the mean.
void correct_bias_of(Graph& graph, const LayerMatrix& layer, const Tensor& before, const Tensor& after,
                     const std::vector<double>& mean) {
  const Node& node = graph.node(layer.node);
  Tensor bias = node.input(2).exists() ? graph.value(node.inputs[2]).constant.clone()
                                       : Tensor::zeros(DType::kF32, {layer.all_rows()});
  const auto a = before.data<float>(), b = after.data<float>();
  const size_t k = static_cast<size_t>(layer.columns);
  for (size_t i = 0; i < a.size(); ++i)
    bias.mutable_data<float>()[i / k] += static_cast<float>((a[i] - b[i]) * mean[i % k]);
  graph.set_input(layer.node, 2, graph.add_constant(std::move(bias), cat(node.name, "_bias")));
}

}  // namespace

Graph sparsify(const Graph& source, const Evidence& evidence, const SparsifyOptions& options) {
  if (options.n < 1 || options.n >= options.m || options.m > 32)
    throw invalid_argument(cat("sparsity ", options.n, ":", options.m, ": expected n of m with 1 <= n < m <= 32"));
  const Graph graph = with_own_constants(source);
  const std::map<std::string, Moments> moments = collect_moments(graph, evidence);
  const std::set<std::string> outer = outer_layers(graph);
  Graph out = graph;
  bool is_any = false;
  for (const LayerMatrix& layer : matrix_layers(graph)) {
    const Node& node = graph.node(layer.node);
    const auto seen = moments.find(node.name);
    if (layer.groups != 1 || layer.channels % options.m != 0 || outer.contains(node.name)) continue;
    if (seen == moments.end() || seen->second.gram.empty()) continue;
    const Tensor& before = graph.value(node.inputs[1]).constant;
    Tensor after = before.clone();
    const Sparsifier sparsifier(seen->second.scatter(0), options);
    const auto k = static_cast<size_t>(layer.columns);
    for (size_t r = 0; r < static_cast<size_t>(layer.rows); ++r)
      sparsifier.run(after.mutable_data<float>().subspan(r * k, k));
    correct_bias_of(out, layer, before, after, seen->second.mean());
    out.set_input(layer.node, 1, out.add_constant(std::move(after), graph.value(node.inputs[1]).name));
    is_any = true;
  }
  if (!is_any)
    throw invalid_argument(cat("no layer of this model can be made ", options.n, ":", options.m, " sparse: none has ",
                               options.m, " input channels or a multiple, and others around it"));
  out.remove_dead();
  const ChannelGroups groups = channel_groups(graph);
  std::vector<std::vector<int64_t>> kept;
  for (const ChannelGroup& group : groups.groups) {
    kept.emplace_back(static_cast<size_t>(group.channels));
    std::iota(kept.back().begin(), kept.back().end(), int64_t{0});
  }
  return refit(graph, std::move(out), groups, kept, evidence, {.samples = 128, .keeps_zeros = true});
}

}  // namespace hone
