#include "measure/speed.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>

#include "base/text.h"

namespace hone {

namespace {

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::string number(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

/// "8.1 % faster", "3.0 % slower" of a ratio.
std::string percent_text(double ratio) {
  return cat(number(std::abs(ratio - 1) * 100, 1), ratio >= 1 ? " % faster" : " % slower");
}

}  // namespace

Speed speed_of(const Latency& a, const Latency& b) {
  Speed out{.rounds = static_cast<int64_t>(std::min(a.rounds.size(), b.rounds.size()))};
  std::vector<double> ratios;
  for (size_t i = 0; i < static_cast<size_t>(out.rounds); ++i)
    if (a.rounds[i] > 0 && b.rounds[i] > 0) ratios.push_back(a.rounds[i] / b.rounds[i]);
  out.interval = {0, std::numeric_limits<double>::infinity()};
  if (ratios.size() < 5) return out;
  constexpr size_t kDraws = 2000;
  std::mt19937_64 engine(1);
  std::vector<double> medians, drawn(ratios.size());
  for (size_t draw = 0; draw < kDraws; ++draw) {
    for (double& ratio : drawn) ratio = ratios[engine() % ratios.size()];
    medians.push_back(median_of(drawn));
  }
  std::sort(medians.begin(), medians.end());
  out.ratio = median_of(ratios);
  out.interval = {medians[kDraws * 25 / 1000], medians[kDraws * 975 / 1000 - 1]};
  return out;
}

std::string verdict_text(const Speed& speed) {
  const double ratio = speed.ratio, half = (speed.interval.high - speed.interval.low) / 2;
  if (speed.is_equal()) return "A and B are equally fast, within 1 %";
  if (!std::isfinite(speed.interval.high)) return "cannot tell: too few rounds";
  if (!speed.is_told())
    return cat("cannot tell: B is between ", percent_text(speed.interval.low), " and ",
               percent_text(speed.interval.high));
  if (ratio >= 2) return cat("B is ", number(ratio, 2), " ± ", number(half, 2), " times as fast");
  if (ratio <= 0.5) {
    const double slow = (1 / speed.interval.low - 1 / speed.interval.high) / 2;
    return cat("A is ", number(1 / ratio, 2), " ± ", number(slow, 2), " times as fast as B");
  }
  return cat("B is ", number(std::abs(ratio - 1) * 100, 1), " % ± ", number(half * 100, 1),
             ratio > 1 ? " faster" : " slower");
}

}  // namespace hone
