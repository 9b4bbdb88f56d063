#include "compress/moments.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "compress/watcher.h"

namespace hone {

namespace {

void add_products(Matrix& gram, const float* x, int64_t places) {
  const size_t k = gram.columns;
  for (int64_t p = 0; p < places; ++p, x += k)
    for (size_t i = 0; i < k; ++i) {
      const double xi = x[i];
      if (xi == 0) continue;
      double* row = gram.row(i);
      for (size_t j = i; j < k; ++j) row[j] += xi * x[j];
    }
}

void require_finite(const std::string& layer, const Moments& moments) {
  for (const double sum : moments.sum)
    if (!std::isfinite(sum))
      throw invalid_argument(cat("layer '", layer, "' reads values that are not finite"),
                             "are there samples with NaN, or of another scale than the model takes?");
}

void mirror(Matrix& gram) {
  for (size_t i = 0; i < gram.rows; ++i)
    for (size_t j = 0; j < i; ++j) gram.row(i)[j] = gram.row(j)[i];
}

}  // namespace

std::vector<double> Moments::mean() const {
  std::vector<double> out = sum;
  for (double& v : out) v /= static_cast<double>(std::max<int64_t>(count, 1));
  return out;
}

Matrix Moments::scatter(size_t group) const {
  Matrix out = gram[group];
  const double* s = sum.data() + group * out.rows;
  const double n = static_cast<double>(std::max<int64_t>(count, 1));
  for (size_t i = 0; i < out.rows; ++i)
    for (size_t j = 0; j < out.columns; ++j) out.row(i)[j] -= s[i] * s[j] / n;
  return out;
}

void add_moments(Moments& moments, const Graph& graph, const LayerMatrix& layer, const Tensor& x, int64_t most,
                 bool gram) {
  const Patches seen = patches_of(graph, layer, x, most);
  const size_t k = static_cast<size_t>(layer.columns), groups = static_cast<size_t>(layer.groups);
  moments.sum.resize(groups * k, 0);
  if (gram && moments.gram.empty()) moments.gram.assign(groups, Matrix(k, k));
  const float* from = seen.data.data();
  for (size_t g = 0; g < groups; ++g) {
    for (int64_t p = 0; p < seen.count; ++p)
      for (size_t i = 0; i < k; ++i) moments.sum[g * k + i] += from[static_cast<size_t>(p) * k + i];
    if (gram) add_products(moments.gram[g], from, seen.count);
    from += static_cast<size_t>(seen.count) * k;
  }
  moments.count += seen.count;
}

std::map<std::string, Moments> collect_moments(const Graph& graph, const Evidence& evidence,
                                               const MomentOptions& options) {
  const std::vector<LayerMatrix> layers = matrix_layers(graph);
  std::set<std::string> inputs;
  for (const LayerMatrix& layer : layers) inputs.insert(graph.value(graph.node(layer.node).inputs[0]).name);
  Watcher watcher(graph, inputs, evidence.engine());
  const int64_t total = static_cast<int64_t>(evidence.samples().count);
  const int64_t samples = std::min(total, static_cast<int64_t>(options.samples));
  std::map<std::string, Moments> out;
  for (int64_t i = 0; i < samples; ++i) {
    const SeenValues seen = watcher.run(evidence.samples().inputs(static_cast<size_t>(i * total / samples)));
    for (const LayerMatrix& layer : layers) {
      const Node& node = graph.node(layer.node);
      const auto x = seen.find(graph.value(node.inputs[0]).name);
      if (x == seen.end() || x->second.dtype() != DType::kF32) continue;
      const int64_t most = std::clamp<int64_t>(32 * layer.columns / samples, 8, 1024);
      add_moments(out[node.name], graph, layer, x->second, most, options.gram && layer.columns <= kMostGramColumns);
    }
    if (evidence.progress()) evidence.progress()(i + 1, samples);
  }
  for (auto& [name, moments] : out) {
    require_finite(name, moments);
    for (Matrix& gram : moments.gram) mirror(gram);
  }
  return out;
}

}  // namespace hone
