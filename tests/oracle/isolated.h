#pragma once

#include <cstdint>
#include <functional>

#include "oracle/model_verdict.h"

namespace hone {

/// Bounds of one path.
struct Limits {
  unsigned seconds = 120;
  uint64_t memory_bytes = uint64_t(12) << 30;
};

/// Runs `body` in a process of its own and gives its verdict: kCrash when a signal ended it, kTimeout when it took
/// longer than allowed, kError with the message of an exception that it threw.
Verdict isolated(const Limits& limits, const std::function<Verdict()>& body);

}  // namespace hone
