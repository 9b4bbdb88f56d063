#include "compress/refit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "compress/layer_matrix.h"
#include "compress/linear.h"
#include "compress/watcher.h"
#include "ops/binary.h"
#include "ops/conv.h"

namespace hone {

namespace {

/// Least squares of y: [R] on x: [K], both less their means, gathered place by place.
struct Regression {
  Matrix gram, cross;  ///< [K, K], [K, R]
  std::vector<double> sum_x, sum_y;
  int64_t count = 0;

  Regression(size_t k, size_t r) : gram(k, k), cross(k, r), sum_x(k, 0), sum_y(r, 0) {}

  void add(const float* x, const std::vector<double>& y) {
    ++count;
    for (size_t i = 0; i < sum_x.size(); ++i) {
      const double xi = x[i];
      if (xi == 0) continue;
      sum_x[i] += xi;
      for (size_t j = i; j < sum_x.size(); ++j) gram.row(i)[j] += xi * x[j];
      for (size_t j = 0; j < y.size(); ++j) cross.row(i)[j] += xi * y[j];
    }
    for (size_t j = 0; j < y.size(); ++j) sum_y[j] += y[j];
  }

  /// W: [R, K] in place, drawn to what it was; returns the bias. With `keeps_zeros` its zeros stay.
  std::vector<float> solve_for(float* w, bool keeps_zeros) {
    const size_t k = sum_x.size(), r = sum_y.size();
    const double n = static_cast<double>(std::max<int64_t>(count, 1));
    double trace = 0;
    for (size_t i = 0; i < k; ++i)
      for (size_t j = i; j < k; ++j) gram.row(i)[j] -= sum_x[i] * sum_x[j] / n;
    for (size_t i = 0; i < k; ++i) trace += gram.row(i)[i];
    const double hold = 1e-2 * trace / static_cast<double>(k) + 1e-9;
    for (size_t i = 0; i < k; ++i) {
      gram.row(i)[i] += hold;
      for (size_t j = 0; j < i; ++j) gram.row(i)[j] = gram.row(j)[i];
      for (size_t j = 0; j < r; ++j) cross.row(i)[j] += hold * w[j * k + i] - sum_x[i] * sum_y[j] / n;
    }
    const bool is_sparse = keeps_zeros && std::find(w, w + r * k, 0.0f) != w + r * k;
    if (is_sparse)
      for (size_t j = 0; j < r; ++j) descend(j, w + j * k);
    else
      take(solve(cholesky(gram), std::move(cross)), w);
    std::vector<float> bias(r);
    for (size_t j = 0; j < r; ++j) {
      double b = sum_y[j] / n;
      for (size_t i = 0; i < k; ++i) b -= w[j * k + i] * sum_x[i] / n;
      bias[j] = static_cast<float>(b);
    }
    return bias;
  }

 private:
  static void take(const Matrix& fitted, float* w) {
    for (size_t j = 0; j < fitted.columns; ++j)
      for (size_t i = 0; i < fitted.rows; ++i) w[j * fitted.rows + i] = static_cast<float>(fitted.row(i)[j]);
  }

  /// Row j over the weights that are not zero: coordinate descent from what they are.
  void descend(size_t j, float* w) const {
    constexpr int kSweeps = 100;
    const size_t k = sum_x.size();
    std::vector<size_t> stays;
    std::vector<double> slope(k), now(w, w + k);
    for (size_t i = 0; i < k; ++i) {
      slope[i] = cross.row(i)[j];
      if (w[i] != 0) stays.push_back(i);
    }
    for (const size_t i : stays)
      for (size_t l = 0; l < k; ++l) slope[l] -= now[i] * gram.row(i)[l];
    double moved = 1, largest = 0;
    for (const size_t i : stays) largest = std::max(largest, std::fabs(now[i]));
    for (int sweep = 0; sweep < kSweeps && moved > 1e-4 * largest; ++sweep) {
      moved = 0;
      for (const size_t i : stays) {
        const double step = slope[i] / gram.row(i)[i];
        now[i] += step;
        moved = std::max(moved, std::fabs(step));
        for (const size_t l : stays) slope[l] -= step * gram.row(i)[l];
      }
    }
    for (const size_t i : stays) w[i] = static_cast<float>(now[i]);
  }
};

std::vector<int64_t> all_of(int64_t count) {
  std::vector<int64_t> out(static_cast<size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

/// One layer in both graphs.
struct Pair {
  LayerMatrix now, before;
  std::vector<int64_t> rows;    ///< of the original's output channels, that stay
  std::vector<int64_t> groups;  ///< of the original's groups, that stay
};

class Refitter {
 public:
  Refitter(const Graph& original, Graph pruned, const ChannelGroups& groups,
           const std::vector<std::vector<int64_t>>& kept, const Evidence& evidence, const RefitOptions& options)
      : original_(original),
        graph_(std::move(pruned)),
        groups_(groups),
        kept_(kept),
        evidence_(evidence),
        keeps_zeros_(options.keeps_zeros),
        samples_(std::min(options.samples, evidence.samples().count)) {}

  Graph run() {
    std::map<std::string, LayerMatrix> before;
    for (const LayerMatrix& layer : matrix_layers(original_)) before[original_.node(layer.node).name] = layer;
    const std::vector<LayerMatrix> layers = matrix_layers(graph_);
    bool has_changed = false;
    for (size_t i = 0; i < layers.size(); ++i) {
      const auto old = before.find(graph_.node(layers[i].node).name);
      if (old == before.end()) continue;
      // Only what sees other inputs than before has anything to make up for.
      if (has_changed && layers[i].columns <= 4096) fit(pair_of(layers[i], old->second));
      has_changed |=
          layers[i].all_rows() != old->second.all_rows() || (keeps_zeros_ && has_other_weights(layers[i], old->second));
      if (evidence_.progress()) evidence_.progress()(static_cast<int64_t>(i) + 1, static_cast<int64_t>(layers.size()));
    }
    return std::move(graph_);
  }

 private:
  bool has_other_weights(const LayerMatrix& now, const LayerMatrix& before) const {
    const auto a = original_.value(original_.node(before.node).inputs[1]).constant.data<float>();
    const auto b = graph_.value(graph_.node(now.node).inputs[1]).constant.data<float>();
    return !std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

  std::vector<int64_t> kept_of(ValueId value, int64_t channels) const {
    const int group = groups_.of_value[static_cast<size_t>(value.index)];
    return group < 0 ? all_of(channels) : kept_[static_cast<size_t>(group)];
  }

  Pair pair_of(const LayerMatrix& now, const LayerMatrix& before) const {
    Pair pair{now, before, kept_of(original_.node(before.node).outputs[0], before.all_rows()), {}};
    pair.groups = now.groups == before.groups ? all_of(now.groups) : pair.rows;
    return pair;
  }

  /// The other summand where the layer's result goes into an Add alone: its value in both graphs.
  std::optional<std::pair<ValueId, ValueId>> summand(const Pair& pair) const {
    const auto other = [](const Graph& graph, NodeId layer) -> ValueId {
      const ValueId out = graph.node(layer).outputs[0];
      const Value& value = graph.value(out);
      if (value.users.size() != 1 || !graph.node(value.users.front()).is<Add>() || graph.is_output(out)) return {};
      const Node& add = graph.node(value.users.front());
      const ValueId v = add.inputs[add.inputs[0] == out ? 1 : 0];
      return graph.is_constant(v) || graph.type(v).shape.rank() != graph.type(out).shape.rank() ? ValueId{} : v;
    };
    const ValueId now = other(graph_, pair.now.node), before = other(original_, pair.before.node);
    if (!now.exists() || !before.exists()) return std::nullopt;
    return std::pair(now, before);
  }

  /// Whether the layer's clamp lets the summand's error through: it must have none.
  static bool is_linear(const Node& node) {
    if (!node.is<Conv>()) return false;
    const Conv& op = node.as<Conv>();
    return op.act_min == -std::numeric_limits<float>::infinity() &&
           op.act_max == std::numeric_limits<float>::infinity();
  }

  void fit(const Pair& pair) {
    const Node& node = graph_.node(pair.now.node);
    const Node& old = original_.node(pair.before.node);
    const std::string in = graph_.value(node.inputs[0]).name, old_in = original_.value(old.inputs[0]).name;
    const auto skip = is_linear(node) ? summand(pair) : std::nullopt;
    std::set<std::string> wanted = {in}, old_wanted = {old_in};
    if (skip) {
      wanted.insert(graph_.value(skip->first).name);
      old_wanted.insert(original_.value(skip->second).name);
    }
    Watcher now(graph_, wanted, evidence_.engine()), before(original_, old_wanted, evidence_.engine());
    std::vector<Regression> fits(static_cast<size_t>(pair.now.groups),
                                 Regression(static_cast<size_t>(pair.now.columns), static_cast<size_t>(pair.now.rows)));
    const int64_t most = std::clamp<int64_t>(64 * pair.now.columns / static_cast<int64_t>(samples_), 16, 512);
    for (size_t i = 0; i < samples_; ++i) {
      const std::vector<Tensor> inputs = evidence_.samples().inputs(i * evidence_.samples().count / samples_);
      const SeenValues seen = now.run(inputs), old_seen = before.run(inputs);
      const Patches x = patches_of(graph_, pair.now, seen.at(in), most);
      const Patches was = patches_of(original_, pair.before, old_seen.at(old_in), most);
      std::vector<float> lost;
      if (skip)
        lost = summand_error(pair, seen.at(graph_.value(skip->first).name),
                             old_seen.at(original_.value(skip->second).name), most);
      add(pair, x, was, lost, fits);
    }
    store(pair, fits);
  }

  /// What the other summand lacks at the places of the patches: [P, rows].
  std::vector<float> summand_error(const Pair& pair, const Tensor& now, const Tensor& before, int64_t most) const {
    const int64_t channels = now.dim(now.rank() - 1), old_channels = before.dim(before.rank() - 1);
    const int64_t places = now.elements() / channels, count = std::min(places, most);
    if (channels != pair.now.all_rows()) return {};
    std::vector<float> out;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t place = (2 * i + 1) * places / (2 * count);
      for (int64_t c = 0; c < channels; ++c)
        out.push_back(
            before.data<float>()[static_cast<size_t>(place * old_channels + pair.rows[static_cast<size_t>(c)])] -
            now.data<float>()[static_cast<size_t>(place * channels + c)]);
    }
    return out;
  }

  void add(const Pair& pair, const Patches& x, const Patches& was, const std::vector<float>& lost,
           std::vector<Regression>& fits) const {
    const Node& old = original_.node(pair.before.node);
    const auto w = original_.value(old.inputs[1]).constant.data<float>();
    const size_t k = static_cast<size_t>(pair.now.columns), old_k = static_cast<size_t>(pair.before.columns);
    const size_t rows = static_cast<size_t>(pair.now.rows), places = static_cast<size_t>(x.count);
    std::vector<double> y(rows);
    for (size_t g = 0; g < fits.size(); ++g)
      for (size_t p = 0; p < places; ++p) {
        const float* seen = was.data.data() + (static_cast<size_t>(pair.groups[g]) * places + p) * old_k;
        for (size_t r = 0; r < rows; ++r) {
          const size_t row = static_cast<size_t>(pair.rows[g * rows + r]);
          double sum = old.input(2).exists() ? original_.value(old.inputs[2]).constant.data<float>()[row] : 0;
          for (size_t i = 0; i < old_k; ++i) sum += double{w[row * old_k + i]} * seen[i];
          y[r] = sum + (lost.empty() ? 0 : lost[p * rows * fits.size() + g * rows + r]);
        }
        fits[g].add(x.data.data() + (g * places + p) * k, y);
      }
  }

  void store(const Pair& pair, std::vector<Regression>& fits) {
    const Node& node = graph_.node(pair.now.node);
    const std::string name = node.input(2).exists() ? graph_.value(node.inputs[2]).name : node.name + "_bias";
    Tensor w = graph_.value(node.inputs[1]).constant.clone();
    const size_t block = static_cast<size_t>(pair.now.rows * pair.now.columns);
    std::vector<float> bias;
    for (size_t g = 0; g < fits.size(); ++g) {
      const std::vector<float> own = fits[g].solve_for(w.mutable_data<float>().data() + g * block, keeps_zeros_);
      bias.insert(bias.end(), own.begin(), own.end());
    }
    graph_.set_constant(node.inputs[1], std::move(w));
    Tensor b = Tensor::of<float>({static_cast<int64_t>(bias.size())}, std::span<const float>(bias));
    if (node.input(2).exists())
      graph_.set_constant(node.inputs[2], std::move(b));
    else
      graph_.set_input(pair.now.node, 2, graph_.add_constant(std::move(b), name));
  }

  const Graph& original_;
  Graph graph_;
  const ChannelGroups& groups_;
  const std::vector<std::vector<int64_t>>& kept_;
  const Evidence& evidence_;
  const bool keeps_zeros_;
  const size_t samples_;
};

}  // namespace

Graph refit(const Graph& original, Graph pruned, const ChannelGroups& groups,
            const std::vector<std::vector<int64_t>>& kept, const Evidence& evidence, const RefitOptions& options) {
  return Refitter(original, std::move(pruned), groups, kept, evidence, options).run();
}

}  // namespace hone
