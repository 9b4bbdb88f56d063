#pragma once

#include "compress/job.h"

namespace hone {

/// The part of run_job between reading and writing: fills baseline, candidates, choice, sensitivity and unseen drop of
/// `outcome`, judged by `judge`, whose reference is the baseline.
void search(const Job& job, const Engine& engine, const Judge& judge, const Sink& sink, Outcome& outcome);

}  // namespace hone
