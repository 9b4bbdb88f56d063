#pragma once

#include <functional>

#include "runtime/infer.h"
#include "runtime/session.h"

namespace hone {

/// What runs `program`. Inferences share its plans and packed weights; each begins with fresh states, so that samples
/// do not depend on their order.
InferMaker infer_of(std::shared_ptr<const Program> program);
/// The same for `graph` as it is.
InferMaker infer_of(const Graph& graph, const Engine& engine);

/// Called now and then during long work with how much of how much is done. May throw Error(cancelled) to stop it.
/// Never called from two threads at once.
using Progress = std::function<void(int64_t done, int64_t total)>;

/// Runs body(i, worker) for i in 0 … count−1 on `jobs` threads (0: all usable CPUs), worker in 0 … jobs−1, each worker
/// one at a time, and reports progress. Results must not depend on which worker does what. The exception of the lowest
/// i is rethrown after all workers have stopped.
void parallel_samples(int64_t count, int jobs, const Progress& progress,
                      const std::function<void(int64_t i, int worker)>& body);
/// What `jobs` 0 stands for: usable CPUs, but never more than `count`.
int resolve_jobs(int jobs, int64_t count);

}  // namespace hone
