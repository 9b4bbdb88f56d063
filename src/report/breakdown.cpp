#include "report/breakdown.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace hone {

std::vector<OperatorTime> operator_times(const Outcome& outcome) {
  std::vector<OperatorTime> times;
  const auto entry = [&](const std::string& op) -> OperatorTime& {
    const auto found = std::find_if(times.begin(), times.end(), [&](const OperatorTime& t) { return t.op == op; });
    return found != times.end() ? *found : times.emplace_back(OperatorTime{.op = op});
  };
  for (const StepTime& step : outcome.steps_before) entry(step.op).before_us += step.us;
  for (const StepTime& step : outcome.steps_after) entry(step.op).after_us += step.us;
  std::stable_sort(times.begin(), times.end(), [](const OperatorTime& a, const OperatorTime& b) {
    return std::max(a.before_us, a.after_us) > std::max(b.before_us, b.after_us);
  });
  return times;
}

std::vector<ClassChange> class_changes(const Outcome& outcome) {
  const MetricRow& row = *outcome.metric.row;
  if (!row.needs_labels || !row.is_mean || outcome.labels.of_samples.empty()) return {};
  std::map<int64_t, ClassChange> classes;
  const Tallies &before = outcome.baseline.score.tallies, &after = outcome.best().score.tallies;
  for (size_t i = 0; i < outcome.labels.of_samples.size(); ++i) {
    ClassChange& c = classes[outcome.labels.of_samples[i]];
    ++c.samples;
    c.before += before[i][0];
    c.after += after[i][0];
  }
  std::vector<ClassChange> out;
  for (auto& [label, c] : classes) {
    const size_t at = static_cast<size_t>(label);
    c.name = at < outcome.labels.classes.size() ? outcome.labels.classes[at] : cat(label);
    c.before /= static_cast<double>(c.samples);
    c.after /= static_cast<double>(c.samples);
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace hone
