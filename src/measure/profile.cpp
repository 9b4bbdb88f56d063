#include "measure/profile.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/text.h"

namespace hone {

Profile profile_session(Session& session, std::span<const Tensor> inputs, int64_t runs, int64_t warmup,
                        const Progress& progress) {
  using Clock = std::chrono::steady_clock;
  const Plan& plan = session.plan();
  const size_t count = plan.steps().size();
  const CounterGroup group;
  Profile out;
  out.runs = std::max<int64_t>(runs, 1);
  out.counters_reason = group.reason();
  out.steps.resize(count);
  for (int64_t i = 0; i < warmup; ++i) session.run(inputs);
  std::vector<std::vector<double>> times(count);
  std::vector<Counters> sums(count, Counters{});
  Counters last{};
  Clock::time_point begin;
  session.set_observer([&](size_t step, double us, std::span<const Tensor* const>) {
    times[step].push_back(us);
    const double end = std::chrono::duration<double, std::micro>(Clock::now() - begin).count();
    out.steps[step].traced_us = us;
    out.steps[step].start_us = std::max(0.0, end - us);
    if (!group.is_open()) return;
    const Counters now = group.read();
    for (size_t c = 0; c < now.size(); ++c) sums[step][c] += now[c] < 0 || last[c] < 0 ? -HUGE_VAL : now[c] - last[c];
    last = group.read();  // what reading costs belongs to no step
  });
  for (int64_t i = 0; i < out.runs; ++i) {
    if (group.is_open()) last = group.read();
    begin = Clock::now();
    session.run(inputs);
    if (progress) progress(i + 1, out.runs);
  }
  session.set_observer(nullptr);
  for (size_t i = 0; i < count; ++i) {
    const PlannedStep& planned = plan.steps()[i];
    StepTime& time = out.steps[i].time;
    time.name = planned.name;
    time.op = planned.op;
    time.provider = planned.provider;
    time.kernel = planned.step->kernel;
    time.macs = planned.macs;
    time.output_bytes = planned.output_bytes;
    time.us = distribution_of(std::move(times[i])).median;
    out.total_us += time.us;
    if (group.is_open())
      for (size_t c = 0; c < sums[i].size(); ++c)
        out.steps[i].counters[c] = sums[i][c] < 0 ? -1 : sums[i][c] / static_cast<double>(out.runs);
  }
  if (out.total_us > 0)
    for (StepProfile& step : out.steps) step.time.share = step.time.us / out.total_us;
  return out;
}

std::string chrome_trace(const Profile& profile, const std::string& model) {
  Json trace;
  trace["displayTimeUnit"] = "ns";
  Json& events = trace["traceEvents"] = Json::array();
  Json process;
  process["name"] = "process_name";
  process["ph"] = "M";
  process["pid"] = 1;
  process["args"]["name"] = model;
  events.push_back(std::move(process));
  for (const StepProfile& step : profile.steps) {
    Json event;
    event["name"] = step.time.name;
    event["cat"] = step.time.op;
    event["ph"] = "X";
    event["pid"] = 1;
    event["tid"] = 1;
    event["ts"] = step.start_us;
    event["dur"] = step.traced_us;
    Json& args = event["args"] = Json::object();
    args["op"] = step.time.op;
    args["kernel"] = step.time.kernel;
    args["provider"] = step.time.provider;
    args["macs"] = step.time.macs;
    args["output_bytes"] = step.time.output_bytes;
    for (size_t c = 0; c < kCounterNames.size(); ++c)
      if (step.counters[c] >= 0) args[kCounterNames[c]] = step.counters[c];
    events.push_back(std::move(event));
  }
  return trace.dump(1) + "\n";
}

std::string folded_stacks(const Profile& profile, const std::string& model) {
  const auto frame = [](std::string text) {
    for (char& c : text)
      if (c == ';' || c == ' ' || c == '\n') c = '_';
    return text;
  };
  std::string out;
  for (const StepProfile& step : profile.steps)
    out += cat(frame(model), ";", frame(step.time.op), ";", frame(step.time.name), " ",
               static_cast<int64_t>(std::llround(std::max(step.time.us, 0.0))), "\n");
  return out;
}

Json to_json(const Profile& profile) {
  Json json;
  json["runs"] = profile.runs;
  json["total_us"] = profile.total_us;
  json["counters"] = profile.counters_reason.empty() ? Json("available") : Json(profile.counters_reason);
  Json& ops = json["ops"] = Json::array();
  for (const StepProfile& step : profile.steps) {
    Json op;
    op["name"] = step.time.name;
    op["op"] = step.time.op;
    op["provider"] = step.time.provider;
    op["kernel"] = step.time.kernel;
    op["us"] = step.time.us;
    op["share"] = step.time.share;
    op["macs"] = step.time.macs;
    op["output_bytes"] = step.time.output_bytes;
    for (size_t c = 0; c < kCounterNames.size(); ++c)
      if (step.counters[c] >= 0) op[kCounterNames[c]] = step.counters[c];
    ops.push_back(std::move(op));
  }
  return json;
}

}  // namespace hone
