#pragma once

#include "compress/job.h"

namespace hone {

/// The part of run_job between reading and writing: fills baseline, candidates, choice, sensitivity and unseen drop of
/// `outcome`, judged by `judge`, whose reference is the baseline.
void search(const Job& job, const Engine& engine, const Judge& judge, const Sink& sink, Outcome& outcome);

/// Why `candidate`, inside the budget, was not taken where latency decided and `best` won: the model as given, where
/// `is_given`, or another candidate.
std::string why_not_taken(const Candidate& candidate, const Candidate& best, const Metric& metric, bool is_given);

}  // namespace hone
