#include "serve/drift.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace hone {

namespace {

constexpr const char* kManifestKey = "hone.manifest";

/// The spreads of `kind`; none where they are not as many as the model's tensors.
std::vector<Spread> spreads_of(const Json& watch, std::string_view kind, size_t count) {
  std::vector<Spread> out;
  const Json* list = watch.find(kind);
  if (!list || list->as_array().size() != count) throw invalid_argument("the manifest watches other tensors");
  for (const Json& item : list->as_array()) out.push_back(parse_spread(item));
  return out;
}

SpreadCounts sum(const SpreadCounts& a, const SpreadCounts& b) {
  SpreadCounts out = a;
  out.buckets.resize(std::max(a.buckets.size(), b.buckets.size()));
  for (size_t i = 0; i < b.buckets.size(); ++i) out.buckets[i] += b.buckets[i];
  out.numbers += b.numbers;
  out.clipped += b.clipped;
  return out;
}

}  // namespace

DriftWatch::DriftWatch(const Graph& graph) {
  const auto found = graph.metadata.find(kManifestKey);
  if (found == graph.metadata.end()) return;
  try {
    const Json manifest = Json::parse(found->second);
    const Json* watch = manifest.find("watch");
    if (!watch) return;
    std::vector<Watched> tensors;
    for (Spread& spread : spreads_of(*watch, "inputs", graph.inputs().size()))
      tensors.push_back({.expected = std::move(spread), .is_input = true, .now = {}, .before = {}});
    for (Spread& spread : spreads_of(*watch, "outputs", graph.outputs().size()))
      tensors.push_back({.expected = std::move(spread), .is_input = false, .now = {}, .before = {}});
    inputs_ = graph.inputs().size();
    tensors_ = std::move(tensors);
  } catch (const Error&) {  // a model serves without
  }
}

void DriftWatch::see(std::span<const Tensor> inputs, std::span<const Tensor> outputs) {
  if (tensors_.empty()) return;
  const std::lock_guard lock(mutex_);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    Watched& t = tensors_[i];
    if (t.expected.shares.empty() && !t.expected.limits) continue;
    const Tensor& tensor = i < inputs_ ? inputs[i] : outputs[i - inputs_];
    count_numbers(tensor, t.expected, kNumbers, runs_, t.now);
  }
  ++runs_;
  if (++runs_now_ < kWindow) return;
  runs_before_ = std::exchange(runs_now_, 0);
  for (Watched& t : tensors_) t.before = std::exchange(t.now, {});
}

std::vector<Drift> DriftWatch::findings() const {
  const std::lock_guard lock(mutex_);
  std::vector<Drift> out;
  for (const Watched& t : tensors_) {
    if (t.expected.shares.empty() && !t.expected.limits) continue;
    Drift drift{.tensor = t.expected.name, .is_input = t.is_input, .runs = runs_now_ + runs_before_};
    const SpreadCounts seen = sum(t.before, t.now);
    if (drift.runs >= kLeastRuns && seen.numbers > 0 && !t.expected.shares.empty())
      drift.stability = population_stability(t.expected, seen);
    if (t.expected.limits) drift.expected_clipped = t.expected.limits->clipped;
    if (t.expected.limits && seen.numbers > 0)
      drift.clipped = static_cast<double>(seen.clipped) / static_cast<double>(seen.numbers);
    out.push_back(std::move(drift));
  }
  return out;
}

}  // namespace hone
