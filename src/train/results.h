#pragma once

#include <cstdint>
#include <limits>

namespace hone {

/// How good the model is on the samples held out.
struct HeldOut {
  double loss = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< share of right classes; NaN without labels

  /// By accuracy where there is one, else by loss.
  bool is_better_than(const HeldOut& other) const;
};

struct EpochResult {
  int64_t epoch = 0;  ///< 1, 2, …; 0: before training
  double loss = 0;    ///< mean over the epoch's steps
  HeldOut held_out;
};

}  // namespace hone
