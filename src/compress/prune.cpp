#include "compress/prune.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "compress/channel_groups.h"
#include "compress/moments.h"
#include "compress/refit.h"
#include "measure/compare.h"

namespace hone {

namespace {

/// A layer that reads channels: what each is worth to it, with those gone before made up for by the others.
class Reader {
 public:
  Reader(const LayerMatrix& layer, const Tensor& weights, const Matrix& scatter)
      : layer_(layer), weights_(static_cast<size_t>(layer.rows), scatter.rows) {
    const auto w = weights.data<float>();
    std::copy(w.begin(), w.end(), weights_.data.begin());
    Matrix damped = scatter;
    damp(damped, 0.01);
    energy_ = energy(damped);
    inverse_ = inverse(cholesky(damped));
  }

  /// Share of what the layer makes that is lost with channel c.
  double loss(int64_t c) const {
    const std::vector<size_t> block = block_of(c);
    const Matrix factor = cholesky(part(block));
    Matrix w(block.size(), weights_.rows);
    for (size_t i = 0; i < block.size(); ++i)
      for (size_t r = 0; r < weights_.rows; ++r) w.row(i)[r] = weights_.row(r)[block[i]];
    const Matrix solved = solve(factor, w);
    double sum = 0;
    for (size_t i = 0; i < w.data.size(); ++i) sum += w.data[i] * solved.data[i];
    return sum / energy_;
  }

  const Matrix& weights() const { return weights_; }

  void remove(int64_t c) {
    const std::vector<size_t> block = block_of(c);
    const Matrix own = inverse(cholesky(part(block)));
    // steps: [K, t] = H⁻¹ of all with the block · ([H⁻¹] of the block)⁻¹
    const size_t k = inverse_.rows, t = block.size();
    Matrix steps(k, t), cut(t, k);
    for (size_t b = 0; b < t; ++b) std::copy_n(inverse_.row(block[b]), k, cut.row(b));
    for (size_t i = 0; i < k; ++i)
      for (size_t a = 0; a < t; ++a)
        for (size_t b = 0; b < t; ++b) steps.row(i)[a] += cut.row(b)[i] * own.row(b)[a];
    for (size_t r = 0; r < weights_.rows; ++r) {
      std::vector<double> gone(t);
      for (size_t b = 0; b < t; ++b) gone[b] = weights_.row(r)[block[b]];
      for (size_t i = 0; i < k; ++i)
        for (size_t b = 0; b < t; ++b) weights_.row(r)[i] -= steps.row(i)[b] * gone[b];
    }
    for (size_t i = 0; i < k; ++i)
      for (size_t b = 0; b < t; ++b) {
        const double f = steps.row(i)[b];
        for (size_t j = 0; j < k; ++j) inverse_.row(i)[j] -= f * cut.row(b)[j];
      }
    for (const size_t b : block) {
      for (size_t i = 0; i < k; ++i) inverse_.row(i)[b] = inverse_.row(b)[i] = 0;
      inverse_.row(b)[b] = 1;
      for (size_t r = 0; r < weights_.rows; ++r) weights_.row(r)[b] = 0;
    }
  }

 private:
  std::vector<size_t> block_of(int64_t c) const {
    std::vector<size_t> out;
    for (int64_t k = c; k < layer_.columns; k += layer_.channels) out.push_back(static_cast<size_t>(k));
    return out;
  }

  Matrix part(const std::vector<size_t>& block) const {
    Matrix out(block.size(), block.size());
    for (size_t i = 0; i < block.size(); ++i)
      for (size_t j = 0; j < block.size(); ++j) out.row(i)[j] = inverse_.row(block[i])[block[j]];
    return out;
  }

  double energy(const Matrix& scatter) const {
    double sum = 0;
    for (size_t r = 0; r < weights_.rows; ++r)
      for (size_t i = 0; i < scatter.rows; ++i)
        for (size_t j = 0; j < scatter.columns; ++j) sum += weights_.row(r)[i] * scatter.row(i)[j] * weights_.row(r)[j];
    return std::max(sum, 1e-30);
  }

  LayerMatrix layer_;
  Matrix weights_;  ///< [R, K]
  Matrix inverse_;  ///< [K, K]
  double energy_ = 1;
};

/// Multiply-accumulates of a layer at one output channel and input channel.
struct LayerCost {
  int from = -1, to = -1;  ///< groups of its input and output
  bool is_depthwise = false;
  double each = 0;
};

struct Candidate {
  std::vector<Reader> readers;
  double weight = 1;  ///< what a loss here costs at the outputs
  std::vector<char> is_gone;
  int64_t left = 0, least = 1;
  int64_t next = -1;  ///< the channel that would go first
  double loss = 0;

  void remove_next() {
    for (Reader& reader : readers) reader.remove(next);
    is_gone[static_cast<size_t>(next)] = 1;
    --left;
    choose();
  }

  void choose() {
    next = -1;
    for (size_t c = 0; c < is_gone.size(); ++c) {
      if (is_gone[c]) continue;
      double sum = 0;
      for (const Reader& reader : readers) sum += reader.loss(static_cast<int64_t>(c));
      if (next >= 0 && sum >= loss) continue;
      next = static_cast<int64_t>(c);
      loss = sum;
    }
  }
};

class Pruner {
 public:
  Pruner(const Graph& graph, const Evidence& evidence)
      : graph_(with_own_constants(graph)), evidence_(evidence), groups_(channel_groups(graph_)) {}

  Pruned run(double share) {
    find_costs();
    find_candidates();
    const double before = macs();
    while (macs() > share * before && remove_one()) {
    }
    Pruned out;
    out.macs_before = static_cast<int64_t>(before);
    out.macs_after = static_cast<int64_t>(macs());
    std::vector<std::vector<int64_t>> kept(groups_.groups.size());
    for (size_t g = 0; g < kept.size(); ++g)
      for (int64_t c = 0; c < groups_.groups[g].channels; ++c)
        if (candidates_[g].is_gone.empty() || !candidates_[g].is_gone[static_cast<size_t>(c)]) kept[g].push_back(c);
    for (size_t g = 0; g < kept.size(); ++g) {
      if (candidates_[g].is_gone.empty()) continue;
      out.channels_before += groups_.groups[g].channels;
      out.channels_after += static_cast<int64_t>(kept[g].size());
    }
    out.graph = refit(graph_, with_channels(graph_, groups_, kept), groups_, kept, evidence_);
    return out;
  }

 private:
  int group_of(ValueId value) const { return groups_.of_value[static_cast<size_t>(value.index)]; }

  void find_costs() {
    for (const LayerMatrix& layer : matrix_layers(graph_)) {
      const Node& node = graph_.node(layer.node);
      const Shape& out = graph_.type(node.outputs[0]).shape;
      double places = 1;
      for (int64_t i = 1; out.has_rank() && i + 1 < static_cast<int64_t>(out.rank()); ++i)
        if (out[i].is_known()) places *= static_cast<double>(out[i].value());
      LayerCost cost{group_of(node.inputs[0]), group_of(node.outputs[0]), layer.groups > 1, 0};
      cost.each = places * static_cast<double>(layer.columns / layer.channels);
      if (layer.groups > 1) cost.each *= static_cast<double>(layer.channels);
      costs_.push_back(cost);
    }
  }

  double left(int group) const {
    const Candidate& c = candidates_[static_cast<size_t>(group)];
    return static_cast<double>(c.is_gone.empty() ? groups_.groups[static_cast<size_t>(group)].channels : c.left);
  }

  double macs() const {
    double sum = 0;
    for (const LayerCost& c : costs_) sum += c.each * left(c.to) * (c.is_depthwise ? 1 : left(c.from));
    return sum;
  }

  /// What goes with one channel of the group.
  double saving(int group) const {
    double sum = 0;
    for (const LayerCost& c : costs_) {
      if (c.to == group) sum += c.each * (c.is_depthwise ? 1 : left(c.from));
      if (c.from == group && !c.is_depthwise) sum += c.each * left(c.to);
    }
    return sum;
  }

  void find_candidates() {
    candidates_.resize(groups_.groups.size());
    const std::map<std::string, Moments> moments = collect_moments(graph_, evidence_);
    bool is_any = false;
    for (size_t g = 0; g < candidates_.size(); ++g) {
      const ChannelGroup& group = groups_.groups[g];
      if (group.is_fixed || group.makers.empty() || group.readers.empty() || group.channels < 2) continue;
      Candidate candidate{.is_gone = std::vector<char>(static_cast<size_t>(group.channels), 0), .left = group.channels};
      candidate.least = std::max<int64_t>(group.channels / 8, 1);
      for (const NodeId id : group.readers) {
        const auto seen = moments.find(graph_.node(id).name);
        if (seen == moments.end() || seen->second.gram.empty()) continue;
        candidate.readers.emplace_back(*as_matrix(graph_, id), graph_.value(graph_.node(id).inputs[1]).constant,
                                       seen->second.scatter(0));
      }
      if (candidate.readers.size() != group.readers.size()) continue;
      candidate.choose();
      candidates_[g] = std::move(candidate);
      is_any = true;
    }
    for (size_t g = 0; g < candidates_.size(); ++g)
      if (!candidates_[g].is_gone.empty()) candidates_[g].weight = weight_of(g, moments);
    if (!is_any)
      throw invalid_argument("no channel of this model may go: none lies between layers with constant weights alone");
  }

  /// Error at the outputs for each part of loss, measured with a quarter of the group's channels gone.
  double weight_of(size_t g, const std::map<std::string, Moments>& moments) const {
    Candidate trial = candidates_[g];
    double predicted = 0;
    for (int64_t i = 0; i < std::max<int64_t>(trial.left / 4, 1); ++i) {
      predicted += trial.loss;
      trial.remove_next();
    }
    Graph graph = graph_;
    for (size_t r = 0; r < trial.readers.size(); ++r) {
      const NodeId id = groups_.groups[g].readers[r];
      set_weights(graph, id, trial.readers[r].weights(), moments.at(graph.node(id).name).mean());
    }
    return std::sqrt(output_error(graph) / std::max(predicted, 1e-12));
  }

  /// The bias takes what the change of weights does to the mean.
  static void set_weights(Graph& graph, NodeId id, const Matrix& weights, const std::vector<double>& mean) {
    const Node& node = graph.node(id);
    Tensor w = graph.value(node.inputs[1]).constant.clone();
    Tensor b = node.input(2).exists() ? graph.value(node.inputs[2]).constant.clone()
                                      : Tensor::zeros(DType::kF32, {static_cast<int64_t>(weights.rows)});
    auto data = w.mutable_data<float>();
    for (size_t i = 0; i < data.size(); ++i) {
      float& bias = b.mutable_data<float>()[i / weights.columns];
      bias = static_cast<float>(bias + (data[i] - weights.data[i]) * mean[i % weights.columns]);
      data[i] = static_cast<float>(weights.data[i]);
    }
    graph.set_constant(node.inputs[1], std::move(w));
    graph.set_input(id, 2, graph.add_constant(std::move(b)));
  }

  double output_error(const Graph& graph) const {
    constexpr size_t kSamples = 64;
    Runner original = evidence_.engine().runner(graph_), changed = evidence_.engine().runner(graph);
    const size_t total = evidence_.samples().count, count = std::min(total, kSamples);
    ErrorSums sums;
    for (size_t i = 0; i < count; ++i) {
      const std::vector<Tensor> inputs = evidence_.samples().inputs(i * total / count);
      const std::vector<Tensor>&a = original.run(inputs), &b = changed.run(inputs);
      for (size_t o = 0; o < a.size(); ++o) sums.add(a[o], b[o]);
    }
    return sums.noise / std::max(sums.signal, 1e-30);
  }

  bool remove_one() {
    int best = -1;
    double least = 0;
    for (size_t g = 0; g < candidates_.size(); ++g) {
      const Candidate& c = candidates_[g];
      if (c.next < 0 || c.left <= c.least) continue;
      const double price = c.weight * c.loss / saving(static_cast<int>(g));
      if (best >= 0 && price >= least) continue;
      best = static_cast<int>(g);
      least = price;
    }
    if (best < 0) return false;
    candidates_[static_cast<size_t>(best)].remove_next();
    return true;
  }

  const Graph graph_;
  const Evidence& evidence_;
  ChannelGroups groups_;
  std::vector<LayerCost> costs_;
  std::vector<Candidate> candidates_;
};

}  // namespace

Pruned prune(const Graph& graph, const Evidence& evidence, const PruneOptions& options) {
  if (!(options.macs > 0 && options.macs <= 1))
    throw invalid_argument(cat("macs ", options.macs, ": expected a share above 0, up to 1"));
  return Pruner(graph, evidence).run(options.macs);
}

}  // namespace hone
