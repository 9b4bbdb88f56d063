#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/accuracy.h"

namespace hone {

/// A candidate as the choice sees it.
struct Contender {
  std::vector<float> right;  ///< for each test sample, in the data's order: the share of its decisions that are right
  double cost = 0;           ///< the objective: less is better
  int64_t size_bytes = 0;
};

/// The rule by which `optimize` chooses. A contender is kept when it loses at most `max_drop_points` against every one
/// of `references`; the cheapest of the kept and the baseline wins. Costs within 2 % of each other count as equal: then
/// the more accurate wins, then the smaller.
struct SelectionRule {
  double max_drop_points = 1;
  /// Indices of the contenders that the budget is measured against; the first is the baseline, which needs no budget.
  std::vector<size_t> references = {0};

  /// Index of the winner, given each contender's accuracy (0 … 1).
  size_t choose(std::span<const Contender> contenders, std::span<const double> accuracy) const;
  bool is_kept(std::span<const double> accuracy, size_t index) const;
};

/// What the choice costs on samples that had no part in it.
struct UnseenDrop {
  double points = 0;    ///< percentage points lost against the baseline, mean over the repetitions
  Interval interval;    ///< 95 %, in points: the middle of the repetitions
  int64_t repeats = 0;  ///< 0: too few samples to say
};

/// The winner is chosen by the very samples that measure it, so what they say of it is a little too good: of many
/// equals the luckiest is taken. So the choice is made again and again on a random half of the samples and its drop
/// measured on the other half, which had no part in it (repeated split-sample validation: Picard and Cook 1984; the
/// spread over half-samples estimates the sampling error: Shao and Wu 1989). Costs are taken as given. Slightly
/// pessimistic: half the samples choose less well than all of them. Deterministic. Below 40 samples: nothing.
UnseenDrop unseen_drop(std::span<const Contender> contenders, const SelectionRule& rule);

}  // namespace hone
