#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "measure/bench.h"
#include "measure/counters.h"

namespace hone {

struct StepProfile {
  StepTime time;
  Counters counters{-1, -1, -1, -1};  ///< mean per run; −1 where not counted
  double start_us = 0;                ///< in the traced run, from its begin
  double traced_us = 0;               ///< duration in the traced run
};

struct Profile {
  int64_t runs = 0;
  double total_us = 0;  ///< sum over steps of their medians
  std::vector<StepProfile> steps;
  std::string counters_reason;  ///< why there are no counters; "" when there are
};

/// Runs `warmup` times, then `runs` times with every step timed; the last run is the traced one.
Profile profile_session(Session& session, std::span<const Tensor> inputs, int64_t runs, int64_t warmup,
                        const Progress& progress = {});

/// The traced run in Chrome's trace event format (chrome://tracing, Perfetto).
std::string chrome_trace(const Profile& profile, const std::string& model);
/// "model;Conv;conv_17 1234" lines, µs, for flame graphs (Gregg's stackcollapse form).
std::string folded_stacks(const Profile& profile, const std::string& model);
Json to_json(const Profile& profile);

}  // namespace hone
