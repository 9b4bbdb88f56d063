#include "ops/gate_activation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/kernel.h"

namespace hone {
namespace {

struct Row {
  std::string_view name;
  GateActivation::Function function;
  bool has_alpha = false, has_beta = false;
  double alpha = 0, beta = 0;  ///< defaults
};

constexpr std::array<Row, 11> kRows{{
    {"relu", [](double x, double, double) { return std::max(x, 0.0); }},
    {"tanh", [](double x, double, double) { return std::tanh(x); }},
    {"sigmoid", [](double x, double, double) { return 1 / (1 + std::exp(-x)); }},
    {"affine", [](double x, double a, double b) { return a * x + b; }, true, true, 1, 0},
    {"leakyrelu", [](double x, double a, double) { return x >= 0 ? x : a * x; }, true, false, 0.01},
    {"thresholdedrelu", [](double x, double a, double) { return x > a ? x : 0; }, true, false, 1},
    {"scaledtanh", [](double x, double a, double b) { return a * std::tanh(b * x); }, true, true, 1, 1},
    {"hardsigmoid", [](double x, double a, double b) { return std::clamp(a * x + b, 0.0, 1.0); }, true, true, 0.2, 0.5},
    {"elu", [](double x, double a, double) { return x >= 0 ? x : a * (std::exp(x) - 1); }, true, false, 1},
    {"softsign", [](double x, double, double) { return x / (1 + std::abs(x)); }},
    {"softplus", [](double x, double, double) { return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0); }},
}};

const Row& find_row(std::string_view op, const std::string& name) {
  const std::string key = lower(name);
  for (const Row& row : kRows)
    if (row.name == key) return row;
  throw op_error(op, cat("unknown activation '", name, "'"));
}

double next_value(const std::vector<float>& values, size_t& used, double fallback) {
  return used < values.size() ? static_cast<double>(values[used++]) : fallback;
}

}  // namespace

double GateActivation::operator()(double x) const {
  if (clip > 0) x = std::clamp(x, -clip, clip);
  return function(x, alpha, beta);
}

std::vector<GateActivation> gate_activations(const GateActivationSpec& spec, size_t first,
                                             const std::vector<std::string>& defaults) {
  const bool has_names = !spec.names.empty();
  if (has_names && spec.names.size() < first + defaults.size())
    throw op_error(spec.op, cat(spec.names.size(), " activations, expected ", first + defaults.size(), " or more"));
  std::vector<GateActivation> out;
  size_t alphas = 0, betas = 0;
  for (size_t i = has_names ? 0 : first; i < first + defaults.size(); ++i) {
    const Row& row = find_row(spec.op, has_names ? spec.names[i] : defaults[i - first]);
    GateActivation activation{.function = row.function, .clip = static_cast<double>(spec.clip)};
    activation.alpha = row.has_alpha ? next_value(spec.alphas, alphas, row.alpha) : 0;
    activation.beta = row.has_beta ? next_value(spec.betas, betas, row.beta) : 0;
    if (i >= first) out.push_back(activation);
  }
  return out;
}

}  // namespace hone
