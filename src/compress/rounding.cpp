#include "compress/rounding.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hone {

namespace {

float largest(std::span<const float> row) {
  float m = 0;
  for (const float v : row) m = std::max(m, std::fabs(v));
  return m;
}

double rounded(double v, double scale, double most) { return std::clamp(std::nearbyint(v / scale), -most, most); }

/// The integers that weights may become.
struct Grid {
  double most = 127;           ///< −most … most
  std::vector<double> levels;  ///< ascending; empty: every integer

  double nearest(double v) const {
    if (levels.empty()) return std::clamp(std::nearbyint(v), -most, most);
    const auto above = std::lower_bound(levels.begin(), levels.end(), v);
    if (above == levels.begin()) return levels.front();
    if (above == levels.end()) return levels.back();
    return *above - v < v - above[-1] ? *above : above[-1];
  }
};

/// At most `count` integers near which most of `numbers` lie, by Lloyd's iterations from evenly spread quantiles; 0 is
/// always one.
std::vector<double> clustered(std::vector<double> numbers, int64_t count) {
  std::sort(numbers.begin(), numbers.end());
  const size_t n = numbers.size(), k = static_cast<size_t>(count);
  std::vector<double> centers;
  // Half by rank, half by range: the few large weights need levels too.
  for (size_t i = 0; i < k; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(k);
    const double by_rank = numbers[static_cast<size_t>(share * static_cast<double>(n))];
    centers.push_back((by_rank + numbers.front() + share * (numbers.back() - numbers.front())) / 2);
  }
  for (int iteration = 0; iteration < 30; ++iteration) {
    size_t at = 0;
    for (size_t i = 0; i < k; ++i) {
      const double end = i + 1 < k ? (centers[i] + centers[i + 1]) / 2 : INFINITY;
      double sum = 0;
      size_t members = 0;
      for (; at < n && numbers[at] < end; ++at, ++members) sum += numbers[at];
      if (members > 0) centers[i] = sum / static_cast<double>(members);
    }
  }
  *std::min_element(centers.begin(), centers.end(), [](double a, double b) { return std::fabs(a) < std::fabs(b); }) = 0;
  for (double& c : centers) c = std::nearbyint(c);
  std::sort(centers.begin(), centers.end());
  centers.erase(std::unique(centers.begin(), centers.end()), centers.end());
  return centers;
}

/// The scale of least error, each column counted by its second moment.
float best_scale(std::span<const float> row, const Matrix& scatter, double most) {
  const float full = largest(row);
  if (full <= 0) return 1;
  double least = INFINITY, best = 1;
  for (int step = 100; step >= 40; step -= 2) {
    const double scale = full * step / 100 / most;
    double error = 0;
    for (size_t k = 0; k < row.size(); ++k) {
      const double e = row[k] - scale * rounded(row[k], scale, most);
      error += e * e * scatter.row(k)[k];
    }
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return static_cast<float>(best);
}

/// Second moments with the columns in a new order.
Matrix permuted(const Matrix& gram, const std::vector<size_t>& order) {
  Matrix out(gram.rows, gram.columns);
  for (size_t i = 0; i < order.size(); ++i)
    for (size_t j = 0; j < order.size(); ++j) out.row(i)[j] = gram.row(order[i])[order[j]];
  return out;
}

Matrix transposed(const Matrix& a) {
  Matrix out(a.columns, a.rows);
  for (size_t i = 0; i < a.rows; ++i)
    for (size_t j = 0; j < a.columns; ++j) out.row(j)[i] = a.row(i)[j];
  return out;
}

/// The upper factor of the inverse of one group's moments, and the order of columns that it is for.
struct Compensation {
  Matrix gram;
  std::vector<size_t> order;
  Matrix factor;

  explicit Compensation(Matrix scatter) : gram(std::move(scatter)), order(gram.rows) {
    damp(gram, 0.01);
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return gram.row(a)[a] > gram.row(b)[b]; });
    factor = transposed(cholesky(inverse(cholesky(permuted(gram, order)))));
  }

  /// One integer after the other to where the error is least with all others as they are, until none moves.
  void refine(std::span<const float> row, double scale, const Grid& grid, int8_t* q) const {
    const size_t n = row.size();
    std::vector<double> slope(n, 0);
    for (size_t k = 0; k < n; ++k) {
      const double error = row[k] - scale * q[k];
      for (size_t j = 0; j < n; ++j) slope[j] += error * gram.row(k)[j];
    }
    bool has_moved = true;
    for (int sweep = 0; sweep < 8 && has_moved; ++sweep) {
      has_moved = false;
      for (const size_t k : order) {
        const double best = grid.nearest(q[k] + slope[k] / gram.row(k)[k] / scale);
        const double step = scale * (best - q[k]);
        if (step == 0) continue;
        q[k] = static_cast<int8_t>(best);
        has_moved = true;
        for (size_t j = 0; j < n; ++j) slope[j] -= step * gram.row(k)[j];
      }
    }
  }

  void round(std::span<const float> row, double scale, const Grid& grid, int8_t* out) const {
    const size_t n = order.size();
    std::vector<double> left(n);
    for (size_t k = 0; k < n; ++k) left[k] = row[order[k]];
    for (size_t k = 0; k < n; ++k) {
      const double q = grid.nearest(left[k] / scale);
      out[order[k]] = static_cast<int8_t>(q);
      const double error = (left[k] - scale * q) / factor.row(k)[k];
      for (size_t j = k + 1; j < n; ++j) left[j] -= error * factor.row(k)[j];
    }
    refine(row, scale, grid, out);
  }
};

}  // namespace

std::map<std::string, Tensor> compensated_weights(const Graph& graph, const Evidence& evidence, int bits,
                                                  int64_t levels) {
  std::map<std::string, Tensor> out;
  const std::map<std::string, Moments> moments = collect_moments(graph, evidence);
  const std::set<std::string> outer = outer_layers(graph);
  for (const LayerMatrix& layer : matrix_layers(graph)) {
    const Node& node = graph.node(layer.node);
    const Tensor& w = graph.value(node.inputs[1]).constant;
    const auto seen = moments.find(node.name);
    if (seen == moments.end() || seen->second.gram.empty() || w.dtype() != DType::kF32 || w.quant()) continue;
    const bool is_per_channel = node.def->quant.scale_axis(w.rank()) == 0;
    const bool is_outer = outer.count(node.name) > 0;
    out[node.name] =
        round_compensated(w, layer, seen->second, is_outer ? 8 : bits, is_per_channel, is_outer ? 0 : levels);
  }
  return out;
}

Tensor round_compensated(const Tensor& weights, const LayerMatrix& layer, const Moments& moments, int bits,
                         bool per_channel, int64_t levels) {
  const double most = bits == 4 ? 7 : 127;
  const auto w = weights.data<float>();
  const size_t k = static_cast<size_t>(layer.columns), rows = static_cast<size_t>(layer.rows);
  const size_t all = static_cast<size_t>(layer.all_rows());
  std::vector<Matrix> scatter;
  for (size_t g = 0; g < moments.gram.size(); ++g) scatter.push_back(moments.scatter(g));
  std::vector<float> scales(all);
  for (size_t r = 0; r < all; ++r) {
    const auto row = w.subspan(r * k, k);
    scales[r] = bits == 4 && per_channel ? best_scale(row, scatter[r / rows], most)
                                         : std::max(largest(row) / static_cast<float>(most), 1e-30f);
  }
  if (!per_channel) scales.assign(all, *std::max_element(scales.begin(), scales.end()));
  Grid grid{most, {}};
  if (levels > 0) {
    std::vector<double> steps(w.size());
    for (size_t i = 0; i < w.size(); ++i) steps[i] = w[i] / scales[i / k];
    grid.levels = clustered(std::move(steps), levels);
  }
  const QuantPtr quant = per_channel ? QuantParams::per_channel(scales, std::vector<int32_t>(all, 0), 0)
                                     : QuantParams::per_tensor(scales[0], 0);
  Tensor q = Tensor::empty(bits == 4 ? DType::kI4 : DType::kI8, weights.dims(), quant);
  auto* out = static_cast<int8_t*>(q.mutable_raw());
  for (int64_t g = 0; g < layer.groups; ++g) {
    const Compensation compensation(std::move(scatter[static_cast<size_t>(g)]));
    for (size_t r = static_cast<size_t>(g) * rows; r < static_cast<size_t>(g + 1) * rows; ++r)
      compensation.round(w.subspan(r * k, k), scales[r], grid, out + r * k);
  }
  return q;
}

}  // namespace hone
