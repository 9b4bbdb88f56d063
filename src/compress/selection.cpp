#include "compress/selection.h"

#include <algorithm>
#include <numeric>

namespace hone {

namespace {

constexpr size_t kLeastSamples = 40;
constexpr int64_t kRepeats = 1000;

uint64_t next_random(uint64_t& state) {  // splitmix64 (Steele, Lea, Flood 2014)
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

bool is_better(const Contender& a, double accuracy_a, const Contender& b, double accuracy_b) {
  if (a.cost < 0.98 * b.cost || b.cost < 0.98 * a.cost) return a.cost < b.cost;
  if (accuracy_a != accuracy_b) return accuracy_a > accuracy_b;
  return a.size_bytes < b.size_bytes;
}

}  // namespace

bool SelectionRule::is_kept(std::span<const double> accuracy, size_t index) const {
  if (index == references.front()) return true;
  return std::all_of(references.begin(), references.end(), [&](size_t reference) {
    return 100 * (accuracy[reference] - accuracy[index]) <= max_drop_points + 1e-9;
  });
}

size_t SelectionRule::choose(std::span<const Contender> contenders, std::span<const double> accuracy) const {
  size_t best = references.front();
  for (size_t i = 0; i < contenders.size(); ++i)
    if (i != best && is_kept(accuracy, i) && is_better(contenders[i], accuracy[i], contenders[best], accuracy[best]))
      best = i;
  return best;
}

UnseenDrop unseen_drop(std::span<const Contender> contenders, const SelectionRule& rule) {
  const size_t count = contenders.size(), samples = count > 0 ? contenders[0].right.size() : 0;
  if (samples < kLeastSamples) return {};
  std::vector<float> rows(samples * count);  // a sample after the other: the loop below runs along a row
  std::vector<double> total(count);
  for (size_t c = 0; c < count; ++c)
    for (size_t i = 0; i < samples; ++i) total[c] += rows[i * count + c] = contenders[c].right[i];
  const size_t half = samples / 2;
  std::vector<size_t> order(samples);
  std::iota(order.begin(), order.end(), size_t(0));
  std::vector<double> drops, here(count), there(count);
  uint64_t state = 0;
  for (int64_t r = 0; r < kRepeats; ++r) {
    std::fill(here.begin(), here.end(), 0.0);
    for (size_t i = 0; i < half; ++i) {
      std::swap(order[i], order[i + next_random(state) % (samples - i)]);
      const float* row = &rows[order[i] * count];
      for (size_t c = 0; c < count; ++c) here[c] += row[c];
    }
    for (size_t c = 0; c < count; ++c) {
      there[c] = (total[c] - here[c]) / static_cast<double>(samples - half);
      here[c] /= static_cast<double>(half);
    }
    const size_t winner = rule.choose(contenders, here);
    drops.push_back(100 * (there[rule.references.front()] - there[winner]));
  }
  std::sort(drops.begin(), drops.end());
  const auto quantile = [&](double q) { return drops[static_cast<size_t>(q * static_cast<double>(kRepeats - 1))]; };
  const double mean = std::accumulate(drops.begin(), drops.end(), 0.0) / static_cast<double>(kRepeats);
  return {mean, {quantile(0.025), quantile(0.975)}, kRepeats};
}

}  // namespace hone
