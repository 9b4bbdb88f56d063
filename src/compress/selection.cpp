#include "compress/selection.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hone {

namespace {

constexpr size_t kLeastSamples = 40;
constexpr int64_t kRepeats = 1000, kRepeatsOfSlowMetrics = 200;
constexpr double kSameCost = 1.02;

uint64_t next_random(uint64_t& state) {  // splitmix64 (Steele, Lea, Flood 2014)
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

bool is_as_cheap(const Contender& a, const Contender& cheapest) {
  return a.cost <= kSameCost * cheapest.cost || a.cost_interval.low <= cheapest.cost_interval.high;
}

}  // namespace

bool SelectionRule::is_kept(std::span<const double> values, size_t index) const {
  if (index == references.front()) return true;
  return std::all_of(references.begin(), references.end(),
                     [&](size_t reference) { return budget.allows_value(metric, values[index], values[reference]); });
}

size_t SelectionRule::choose(std::span<const Contender> contenders, std::span<const double> values) const {
  size_t cheapest = references.front();
  for (size_t i = 0; i < contenders.size(); ++i)
    if (is_kept(values, i) && contenders[i].cost < contenders[cheapest].cost) cheapest = i;
  size_t best = cheapest;
  for (size_t i = 0; i < contenders.size(); ++i) {
    if (i == best || !is_kept(values, i) || !is_as_cheap(contenders[i], contenders[cheapest])) continue;
    const bool is_equal = values[i] == values[best];
    if (is_equal ? contenders[i].size_bytes < contenders[best].size_bytes : metric.is_better(values[i], values[best]))
      best = i;
  }
  return best;
}

UnseenDrop unseen_drop(std::span<const Contender> contenders, const SelectionRule& rule) {
  const size_t count = contenders.size(), samples = count > 0 ? contenders[0].tallies.samples() : 0;
  if (samples < kLeastSamples) return {};
  std::vector<uint32_t> order(samples);
  std::iota(order.begin(), order.end(), 0u);
  const size_t half = samples / 2;
  const int64_t repeats = rule.metric.row->is_mean ? kRepeats : kRepeatsOfSlowMetrics;
  std::vector<double> drops, here(count);
  uint64_t state = 0;
  for (int64_t r = 0; r < repeats; ++r) {
    for (size_t i = 0; i < half; ++i) std::swap(order[i], order[i + next_random(state) % (samples - i)]);
    const Which chosen_by(order.data(), half), measured_by(order.data() + half, samples - half);
    for (size_t c = 0; c < count; ++c) here[c] = rule.metric.value(contenders[c].tallies, chosen_by);
    const size_t winner = rule.choose(contenders, here);
    const double drop = rule.metric.drop(rule.metric.value(contenders[rule.references.front()].tallies, measured_by),
                                         rule.metric.value(contenders[winner].tallies, measured_by));
    if (std::isfinite(drop)) drops.push_back(drop);
  }
  if (drops.empty()) return {};
  std::sort(drops.begin(), drops.end());
  const auto quantile = [&](double q) { return drops[static_cast<size_t>(q * static_cast<double>(drops.size() - 1))]; };
  const double n = static_cast<double>(drops.size());
  return {std::accumulate(drops.begin(), drops.end(), 0.0) / n, {quantile(0.025), quantile(0.975)}, repeats};
}

}  // namespace hone
