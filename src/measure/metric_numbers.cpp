#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "measure/metric_rows.h"

namespace hone {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// All three share their tallies, seven numbers an output: n, Σ a, Σ a², Σ (b − a)², Σ |b − a|, Σ b², Σ a·b, with a
// expected and b actual.
enum Sum { kCount, kA, kAA, kError, kAbsolute, kBB, kAB, kSums };

std::string numbers_apply(const Metric&, const Task& task) {
  return task.outputs.empty() ? "the model has no outputs" : "";
}

bool numbers_are_default(const Task&) { return true; }

std::vector<double> numbers_tally(const Metric&, const Exhibit& e) {
  std::vector<double> tally;
  for (size_t o = 0; o < e.expected.size(); ++o) {
    const std::vector<double>&a = e.expected[o].values, &b = e.actual[o].values;
    double sums[kSums] = {static_cast<double>(a.size())};
    if (a.size() != b.size()) sums[kError] = sums[kAbsolute] = kInfinity;
    for (size_t i = 0; i < a.size() && a.size() == b.size(); ++i) {
      const double error = a[i] == b[i] ? 0 : std::abs(b[i] - a[i]);
      sums[kError] += std::isnan(error) ? kInfinity : error * error;
      sums[kAbsolute] += std::isnan(error) ? kInfinity : error;
      if (!std::isfinite(a[i]) || !std::isfinite(b[i])) continue;
      sums[kA] += a[i];
      sums[kAA] += a[i] * a[i];
      sums[kBB] += b[i] * b[i];
      sums[kAB] += a[i] * b[i];
    }
    tally.insert(tally.end(), std::begin(sums), std::end(sums));
  }
  return tally;
}

std::vector<double> summed(const Tallies& tallies, Which which) {
  std::vector<double> sums(tallies.width);
  for (const uint32_t i : which)
    for (size_t k = 0; k < tallies.width; ++k) sums[k] += tallies[i][k];
  return sums;
}

/// The worst over outputs of `of(sums of one output)`; outputs that are empty do not count.
template <class F>
double worst(const Tallies& tallies, Which which, bool is_higher_better, F of) {
  double found = is_higher_better ? kInfinity : -kInfinity;
  const std::vector<double> sums = summed(tallies, which);
  for (size_t at = 0; at + kSums <= sums.size(); at += kSums) {
    if (sums[at + kCount] == 0) continue;
    const double value = of(&sums[at]);
    found = is_higher_better ? std::min(found, value) : std::max(found, value);
  }
  return found;
}

double decibels(double signal, double noise) {
  if (noise == 0) return kMostDecibels;
  if (signal == 0 || std::isinf(noise)) return -kMostDecibels;
  return std::clamp(10 * std::log10(signal / noise), -kMostDecibels, kMostDecibels);
}

double sqnr(const Metric&, const Tallies& tallies, Which which) {
  return worst(tallies, which, true, [](const double* s) { return decibels(s[kAA], s[kError]); });
}

double mae(const Metric&, const Tallies& tallies, Which which) {
  return worst(tallies, which, false, [](const double* s) { return s[kAbsolute] / s[kCount]; });
}

double cosine_of(const double* s) {
  if (s[kError] == 0) return 1;
  if (s[kAA] == 0 || s[kBB] == 0 || std::isinf(s[kError])) return 0;
  return s[kAB] / std::sqrt(s[kAA] * s[kBB]);
}

double cosine(const Metric&, const Tallies& tallies, Which which) { return worst(tallies, which, true, cosine_of); }

/// A model that gives the same number whatever it sees must miss the bound on some output. An output that does not
/// change is judged too, but proves nothing.
template <class F>
std::string undefined_if_constant(const Metric& m, const Tallies& expected, F constant_passes) {
  std::vector<uint32_t> which;
  for (uint32_t i = 0; i < expected.samples(); ++i) which.push_back(i);
  const std::vector<double> sums = summed(expected, which);
  bool is_defined = false;
  for (size_t at = 0, o = 0; at + kSums <= sums.size(); at += kSums, ++o) {
    const double* s = &sums[at];
    if (s[kCount] == 0) continue;
    const double mean = s[kA] / s[kCount], variance = s[kAA] / s[kCount] - mean * mean;
    if (variance <= 1e-12 * (s[kAA] / s[kCount])) continue;  // no signal: equality is all that can be asked
    if (constant_passes(s, mean, variance))
      return cat("output '", m.task.outputs[o].name, "' hardly changes over the data (mean ", to_text(mean),
                 ", deviation ", to_text(std::sqrt(variance)), "): its mean alone would pass");
    is_defined = true;
  }
  return is_defined ? "" : "no output changes over the data: a constant would pass";
}

std::string sqnr_undefined(const Metric& m, const Tallies& expected, double bound) {
  return undefined_if_constant(m, expected, [&](const double* s, double, double variance) {
    return decibels(s[kAA] / s[kCount], variance) >= bound;
  });
}

std::string mae_undefined(const Metric& m, const Tallies& expected, double bound) {
  if (std::isnan(bound))
    return "its bound is in the unit of the outputs and nobody but you knows it: state it with --bound";
  // E|a − mean| of any distribution lies at or below the deviation; numbers spread evenly have 0.87 of it.
  return undefined_if_constant(
      m, expected, [&](const double*, double, double variance) { return 0.8 * std::sqrt(variance) <= bound; });
}

std::string cosine_undefined(const Metric& m, const Tallies& expected, double bound) {
  return undefined_if_constant(m, expected, [&](const double* s, double mean, double) {
    return std::abs(mean) / std::sqrt(s[kAA] / s[kCount]) >= bound;
  });
}

}  // namespace

constexpr MetricRow kSqnrMetric{
    .name = "sqnr",
    .title = "signal to noise of the worst output",
    .unit = Unit::kDecibel,
    .bound = 20,
    .applies = numbers_apply,
    .is_default = numbers_are_default,
    .judges = every_output,
    .tally = numbers_tally,
    .value = sqnr,
    .undefined = sqnr_undefined,
    .about = "10·log10(Σ a² / Σ (b − a)²) of the worst output, a as given, b as judged; 20 dB is an error of a tenth",
};

constexpr MetricRow kMaeMetric{
    .name = "mae",
    .title = "mean absolute error of the worst output",
    .unit = Unit::kReal,
    .is_higher_better = false,
    .applies = numbers_apply,
    .is_default = never_by_default,
    .judges = every_output,
    .tally = numbers_tally,
    .value = mae,
    .undefined = mae_undefined,
    .about = "mean of |b − a| of the worst output, in its unit; needs --bound",
};

constexpr MetricRow kCosineMetric{
    .name = "cosine",
    .title = "cosine to the model as given, worst output",
    .unit = Unit::kReal,
    .bound = 0.99,
    .applies = numbers_apply,
    .is_default = never_by_default,
    .judges = every_output,
    .tally = numbers_tally,
    .value = cosine,
    .undefined = cosine_undefined,
    .about = "Σ a·b / √(Σ a² · Σ b²) of the worst output: for embeddings",
};

}  // namespace hone
