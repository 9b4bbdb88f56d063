#include "measure/paired_latency.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace hone {

namespace {

double microseconds_of(const Infer& run, std::span<const Tensor> inputs) {
  const auto start = std::chrono::steady_clock::now();
  run(inputs);
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

/// The order statistics that hold the median with 95 % (normal approximation of the binomial).
Interval median_interval(std::vector<double> rounds) {
  if (rounds.empty()) return {};
  std::sort(rounds.begin(), rounds.end());
  const double n = static_cast<double>(rounds.size());
  const auto rank = static_cast<int64_t>(std::floor((n - 1.959964 * std::sqrt(n)) / 2));
  const int64_t low = std::clamp<int64_t>(rank, 0, static_cast<int64_t>(rounds.size()) - 1);
  return {rounds[static_cast<size_t>(low)], rounds[rounds.size() - 1 - static_cast<size_t>(low)]};
}

}  // namespace

std::vector<Latency> paired_latency(std::span<const Infer> models, std::span<const Tensor> inputs,
                                    const PairedLatencyOptions& options) {
  constexpr int kWarmUp = 2;
  std::vector<std::vector<double>> times(models.size()), medians(models.size());
  for (size_t m = 0; m < models.size(); ++m)
    for (int i = 0; i < kWarmUp; ++i) microseconds_of(models[m], inputs);
  const double slice = options.seconds_each * 1e6 / static_cast<double>(options.rounds);
  for (int64_t round = 0; round < options.rounds; ++round) {
    for (size_t turn = 0; turn < models.size(); ++turn) {
      const size_t m = round % 2 == 0 ? turn : models.size() - 1 - turn;
      std::vector<double> own;
      double spent = 0;
      do {
        own.push_back(microseconds_of(models[m], inputs));
        spent += own.back();
      } while (spent < slice);
      times[m].insert(times[m].end(), own.begin(), own.end());
      medians[m].push_back(distribution_of(std::move(own)).median);
    }
    if (options.progress) options.progress(round + 1, options.rounds);
  }
  std::vector<Latency> result;
  for (size_t m = 0; m < models.size(); ++m)
    result.push_back({distribution_of(std::move(times[m])), median_interval(medians[m]), medians[m]});
  return result;
}

std::string speed_text(const Latency& before, const Latency& after) {
  const double a = before.runs.median, b = after.runs.median;
  if (!(a > 0 && b > 0)) return "not timed";
  const double ratio = a >= b ? a / b : b / a;
  const bool is_noise = before.median.low <= after.median.high && after.median.low <= before.median.high;
  if (is_noise || ratio < 1.005) return ratio < 1.02 ? "no faster" : "no faster: the difference is within the noise";
  char text[48];
  std::snprintf(text, sizeof text, "%.2fx %s", ratio, a > b ? "faster" : "slower");
  return text;
}

}  // namespace hone
