#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/text.h"

namespace hone {

namespace {

inline void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

constexpr int kSpins = 2000;
constexpr int kMaxThreads = 256;

}  // namespace

int usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  if (const double quota = read_group_limits().cpus; quota > 0)
    count = std::min(count, static_cast<int>(std::ceil(quota)));
  return std::max(count, 1);
}

struct ThreadPool::State {
  int threads = 1;
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::atomic<uint64_t> generation{0};  ///< raised for each loop
  std::atomic<bool> stopping{false};
  std::atomic<int64_t> next{0};
  std::atomic<int> busy{0};  ///< workers that have not finished the current loop
  int64_t count = 0, chunk = 1;
  const std::function<void(int64_t, int64_t)>* body = nullptr;
  std::exception_ptr failure;

  void work() {
    for (;;) {
      const int64_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
      if (begin >= count) return;
      try {
        check_interrupted();
        (*body)(begin, std::min(begin + chunk, count));
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        next.store(count, std::memory_order_relaxed);
      }
    }
  }

  void run_worker() {
    uint64_t seen = 0;
    for (;;) {
      for (int i = 0; i < kSpins && generation.load(std::memory_order_acquire) == seen; ++i) pause_cpu();
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return stopping || generation.load(std::memory_order_acquire) != seen; });
        if (stopping) return;
      }
      seen = generation.load(std::memory_order_acquire);
      work();
      if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex);
        finished.notify_one();
      }
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 0 || threads > kMaxThreads)
    throw invalid_argument(cat("found ", threads, " threads, expected 0 (all usable CPUs) to ", kMaxThreads));
  state_->threads = threads == 0 ? usable_cpus() : threads;
  state_->workers.reserve(static_cast<size_t>(state_->threads - 1));
  try {
    for (int i = 1; i < state_->threads; ++i) state_->workers.emplace_back([s = state_.get()] { s->run_worker(); });
  } catch (const std::system_error&) {
    // The system gives no more threads: those that run are the pool. None of them has seen a loop yet.
    state_->threads = static_cast<int>(state_->workers.size()) + 1;
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return state_->threads; }

void ThreadPool::for_each(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  State& s = *state_;
  grain = std::max<int64_t>(grain, 1);
  if (s.threads == 1 || count <= grain) return body(0, count);
  // A few chunks a thread even out uneven work; none is smaller than the grain.
  s.chunk = std::max(grain, (count + s.threads * 4 - 1) / (s.threads * 4));
  s.count = count;
  s.body = &body;
  s.failure = nullptr;
  s.next.store(0, std::memory_order_relaxed);
  s.busy.store(s.threads - 1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(s.mutex);
    s.generation.fetch_add(1, std::memory_order_release);
  }
  s.wake.notify_all();
  s.work();
  for (int i = 0; i < kSpins && s.busy.load(std::memory_order_acquire) != 0; ++i) pause_cpu();
  {
    std::unique_lock lock(s.mutex);
    s.finished.wait(lock, [&] { return s.busy.load(std::memory_order_acquire) == 0; });
  }
  if (s.failure) std::rethrow_exception(s.failure);
}

}  // namespace hone
