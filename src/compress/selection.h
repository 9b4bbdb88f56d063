#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "measure/budget.h"

namespace hone {

/// A candidate as the choice sees it.
struct Contender {
  Tallies tallies;
  double cost = 0;         ///< the objective: less is better
  Interval cost_interval;  ///< 95 %; a point where the cost is exact
  int64_t size_bytes = 0;
};

/// The rule by which `optimize` chooses. A contender is kept when the budget allows it against every one of
/// `references`. Of the kept and the baseline, those count as cheap as the cheapest whose cost interval meets its, or
/// whose cost is within 2 % of it; the best of these by the metric wins, of equals the smallest.
struct SelectionRule {
  const Metric& metric;
  Budget budget;
  /// Indices of the contenders that the budget is measured against; the first is the baseline, which needs no budget.
  std::vector<size_t> references = {0};

  /// Index of the winner, given each contender's value.
  size_t choose(std::span<const Contender> contenders, std::span<const double> values) const;
  bool is_kept(std::span<const double> values, size_t index) const;
};

/// What the choice costs on samples that had no part in it.
struct UnseenDrop {
  double drop = 0;      ///< against the baseline, as Metric::drop, mean over the repetitions
  Interval interval;    ///< 95 %: the middle of the repetitions
  int64_t repeats = 0;  ///< 0: too few samples to say
};

/// The winner is chosen by the very samples that measure it, so what they say of it is a little too good: of many
/// equals the luckiest is taken. So the choice is made again and again on a random half of the samples and its drop
/// measured on the other half, which had no part in it (repeated split-sample validation: Picard and Cook 1984; the
/// spread over half-samples estimates the sampling error: Shao and Wu 1989). Costs are taken as given. Slightly
/// pessimistic: half the samples choose less well than all of them. Deterministic. Below 40 samples: nothing.
UnseenDrop unseen_drop(std::span<const Contender> contenders, const SelectionRule& rule);

}  // namespace hone
