#include "measure/engine.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/thread_pool.h"

namespace hone {

InferMaker infer_of(const Graph& graph, const Engine& engine) { return infer_of(Program::as_is(graph, engine)); }

InferMaker infer_of(std::shared_ptr<const Program> program) {
  return [program]() -> Infer {
    const auto session = std::make_shared<Session>(program);
    const bool has_states = !program->graph().states().empty();
    return [session, has_states](std::span<const Tensor> inputs) {
      if (has_states) session->reset_states();
      return std::span<const Tensor>(session->run(inputs));
    };
  };
}

int resolve_jobs(int jobs, int64_t count) {
  const int wanted = jobs > 0 ? jobs : usable_cpus();
  return static_cast<int>(std::clamp<int64_t>(wanted, 1, std::max<int64_t>(count, 1)));
}

void parallel_samples(int64_t count, int jobs, const Progress& progress,
                      const std::function<void(int64_t i, int worker)>& body) {
  jobs = resolve_jobs(jobs, count);
  std::atomic<int64_t> next{0}, done{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  int64_t failed = count;  // the lowest sample that did
  std::mutex mutex;
  const auto work = [&](int worker) {
    int64_t i = 0;
    try {
      // Every sample that was taken is run, so that the first that fails is the same at any number of threads.
      while (!stop && (i = next++) < count) {
        body(i, worker);
        const int64_t finished = ++done;
        // Only the calling thread reports: a progress bar need not be thread-safe.
        if (worker == 0 && progress) progress(finished, count);
      }
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (i < failed) {
        failure = std::current_exception();
        failed = i;
      }
      stop = true;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(static_cast<size_t>(jobs));
  try {
    for (int worker = 1; worker < jobs; ++worker) threads.emplace_back(work, worker);
  } catch (const std::system_error&) {
    // The system gives no more threads: those that run share the samples.
  }
  work(0);
  for (std::thread& thread : threads) thread.join();
  if (failure) std::rethrow_exception(failure);
  if (progress) progress(count, count);
}

}  // namespace hone
