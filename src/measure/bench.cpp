#include "measure/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>

#include "passes/check.h"

namespace hone {

namespace {

using Clock = std::chrono::steady_clock;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const size_t low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - static_cast<double>(low));
}

/// Names of the providers that run steps, the one with most steps first.
std::string providers_of(const Plan& plan) {
  std::map<std::string_view, int64_t> counts;
  for (const PlannedStep& step : plan.steps()) ++counts[step.provider];
  std::vector<std::pair<std::string_view, int64_t>> order(counts.begin(), counts.end());
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string out;
  for (const auto& [name, count] : order) out += (out.empty() ? "" : "+") + std::string(name);
  return out;
}

/// What a step reads and writes.
void add_bytes(const Plan& plan, const PlannedStep& step, StepTime& to) {
  for (const auto* list : {&step.inputs, &step.outputs})
    for (const int32_t i : *list) {
      if (i < 0) continue;
      const Slot& slot = plan.slots()[static_cast<size_t>(i)];
      if (!slot.type.shape.is_static()) continue;
      const int64_t bytes = slot.type.shape.elements() * size_of(slot.type.dtype);
      (slot.kind == Slot::kConstant ? to.weight_bytes : to.activation_bytes) += bytes;
    }
  if (!step.inputs.empty() && step.inputs[0] >= 0)
    to.is_int8 = plan.slots()[static_cast<size_t>(step.inputs[0])].type.is_quantized();
}

std::vector<StepTime> time_steps(Session& session, std::span<const Tensor> inputs, int64_t runs) {
  const Plan& plan = session.plan();
  std::vector<std::vector<double>> times(plan.steps().size());
  session.set_observer([&](size_t step, double us, std::span<const Tensor* const>) { times[step].push_back(us); });
  for (int64_t i = 0; i < runs; ++i) session.run(inputs);
  session.set_observer(nullptr);
  std::vector<StepTime> out;
  double total = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    const PlannedStep& step = plan.steps()[i];
    const double us = distribution_of(std::move(times[i])).median;
    out.push_back({.name = step.name,
                   .op = std::string(step.op),
                   .provider = std::string(step.provider),
                   .kernel = std::string(step.step->kernel),
                   .us = us,
                   .share = 0,
                   .macs = step.macs,
                   .output_bytes = step.output_bytes});
    add_bytes(plan, step, out.back());
    total += us;
  }
  if (total > 0)
    for (StepTime& step : out) step.share = step.us / total;
  return out;
}

}  // namespace

Distribution distribution_of(std::vector<double> values) {
  Distribution out;
  if (values.empty()) return out;
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  out.count = static_cast<int64_t>(values.size());
  out.median = quantile(values, 0.5);
  out.p95 = quantile(values, 0.95);
  out.p99 = quantile(values, 0.99);
  out.min = values.front();
  out.max = values.back();
  out.mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double v : values) squares += (v - out.mean) * (v - out.mean);
  out.stddev = values.size() > 1 ? std::sqrt(squares / (n - 1)) : 0;
  return out;
}

BenchResult run_bench(const std::function<std::shared_ptr<const Program>()>& load, std::span<const Tensor> inputs,
                      const BenchOptions& options) {
  BenchResult out;
  reset_peak_rss();
  const auto load_start = Clock::now();
  const std::shared_ptr<const Program> program = load();
  Session session(program);
  const Plan& plan = inputs.empty() ? session.plan() : session.plan_for(inputs);
  out.load_us = us_since(load_start);
  const std::vector<Tensor> generated =
      inputs.empty() ? generate_inputs(program->graph(), 0, 1) : std::vector<Tensor>();
  if (inputs.empty()) inputs = generated;
  const auto first_start = Clock::now();
  session.run(inputs);
  out.first_us = us_since(first_start);
  for (int64_t i = 0; i < options.warmup_runs && us_since(first_start) < options.max_seconds * 5e5; ++i)
    session.run(inputs);
  out.peak_rss_bytes = peak_rss_bytes();  // before the list of times grows
  std::vector<double> times;
  const auto start = Clock::now();
  const int64_t goal_ms = static_cast<int64_t>(options.min_seconds * 1e3);
  for (double elapsed = 0; static_cast<int64_t>(times.size()) < options.max_runs; elapsed = us_since(start)) {
    const int64_t runs = static_cast<int64_t>(times.size());
    if (runs >= options.min_runs && elapsed >= options.min_seconds * 1e6) break;
    if (runs >= 3 && elapsed >= options.max_seconds * 1e6) break;
    const auto run_start = Clock::now();
    session.run(inputs);
    times.push_back(us_since(run_start));
    if (options.progress) options.progress(std::min(goal_ms, static_cast<int64_t>(elapsed / 1e3)), goal_ms);
  }
  out.latency_us = distribution_of(std::move(times));
  if (options.steps) {
    const double affordable = options.min_seconds * 1e6 / std::max(out.latency_us.median, 1.0);
    out.steps = time_steps(session, inputs, std::clamp<int64_t>(static_cast<int64_t>(affordable), 3, 200));
  }
  out.arena_bytes = plan.arena_bytes() + plan.scratch_bytes();
  out.weight_bytes = plan.weight_bytes();
  for (const PlannedStep& step : plan.steps()) out.macs += step.macs;
  out.provider = providers_of(plan);
  out.threads = plan.threads();
  return out;
}

int64_t peak_rss_bytes() {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (!file) return 0;
  int64_t kilobytes = 0;
  char line[256];
  while (std::fgets(line, sizeof line, file))
    if (std::strncmp(line, "VmHWM:", 6) == 0) kilobytes = std::strtoll(line + 6, nullptr, 10);
  std::fclose(file);
  return kilobytes * 1024;
}

void reset_peak_rss() {
  std::FILE* file = std::fopen("/proc/self/clear_refs", "w");
  if (!file) return;
  std::fputs("5", file);
  std::fclose(file);
}

Json to_json(const Distribution& d) {
  Json json;
  json["median"] = d.median;
  json["p95"] = d.p95;
  json["p99"] = d.p99;
  json["min"] = d.min;
  json["max"] = d.max;
  json["mean"] = d.mean;
  json["stddev"] = d.stddev;
  json["count"] = d.count;
  return json;
}

Json to_json(const BenchResult& r) {
  Json json;
  json["latency_us"] = to_json(r.latency_us);
  json["load_us"] = r.load_us;
  json["first_us"] = r.first_us;
  json["peak_rss_bytes"] = r.peak_rss_bytes;
  json["arena_bytes"] = r.arena_bytes;
  json["weight_bytes"] = r.weight_bytes;
  json["macs"] = r.macs;
  json["provider"] = r.provider;
  json["threads"] = r.threads;
  if (r.steps.empty()) return json;
  Json& ops = json["ops"] = Json::array();
  for (const StepTime& step : r.steps) {
    Json op;
    op["name"] = step.name;
    op["op"] = step.op;
    op["provider"] = step.provider;
    op["kernel"] = step.kernel;
    op["us"] = step.us;
    op["share"] = step.share;
    op["macs"] = step.macs;
    op["output_bytes"] = step.output_bytes;
    op["activation_bytes"] = step.activation_bytes;
    op["weight_bytes"] = step.weight_bytes;
    ops.push_back(std::move(op));
  }
  return json;
}

}  // namespace hone
