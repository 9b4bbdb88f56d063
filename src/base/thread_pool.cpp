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
#include <utility>
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

namespace {

/// The workers of a process.
class Crew {
 public:
  ~Crew() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  /// Makes workers until there are `count` or the system gives no more; returns how many there are.
  size_t grow(size_t count) {
    const std::lock_guard lock(mutex_);
    try {
      while (workers_.size() < count) {
        const size_t index = workers_.size();
        workers_.emplace_back([this, index, seen = generation_.load()] { run_worker(index, seen); });
      }
    } catch (const std::system_error&) {
      // Those that run are the crew.
    }
    return workers_.size();
  }

  /// Runs the loop on the caller and the first `helpers` workers; false when the crew is at work.
  bool run(int64_t count, int64_t chunk, size_t helpers, const std::function<void(int64_t, int64_t)>& body) {
    if (is_taken_.exchange(true, std::memory_order_acquire)) return false;
    {
      const std::lock_guard lock(mutex_);
      chunk_ = chunk;
      count_ = count;
      body_ = &body;
      failure_ = nullptr;
      helpers_ = std::min(helpers, workers_.size());
      next_.store(0, std::memory_order_relaxed);
      busy_.store(helpers_, std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_release);
    }
    wake_.notify_all();
    work();
    for (int i = 0; i < kSpins && busy_.load(std::memory_order_acquire) != 0; ++i) pause_cpu();
    {
      std::unique_lock lock(mutex_);
      finished_.wait(lock, [&] { return busy_.load(std::memory_order_acquire) == 0; });
    }
    const std::exception_ptr failure = std::exchange(failure_, nullptr);
    is_taken_.store(false, std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
    return true;
  }

 private:
  void work() {
    for (;;) {
      const int64_t begin = next_.fetch_add(chunk_, std::memory_order_relaxed);
      if (begin >= count_) return;
      try {
        check_interrupted();
        (*body_)(begin, std::min(begin + chunk_, count_));
      } catch (...) {
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_.store(count_, std::memory_order_relaxed);
      }
    }
  }

  void run_worker(size_t index, uint64_t seen) {
    for (;;) {
      for (int i = 0; i < kSpins && generation_.load(std::memory_order_acquire) == seen; ++i) pause_cpu();
      bool takes_part = false;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return stopping_ || generation_.load(std::memory_order_acquire) != seen; });
        if (stopping_) return;
        seen = generation_.load(std::memory_order_acquire);
        // Whoever takes part is waited for: the loop cannot be another before it says that it is done.
        takes_part = index < helpers_;
      }
      if (!takes_part) continue;
      work();
      if (busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard lock(mutex_);
        finished_.notify_one();
      }
    }
  }

  std::atomic<bool> is_taken_{false};  ///< a loop runs
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::atomic<uint64_t> generation_{0};  ///< raised for each loop
  bool stopping_ = false;
  std::atomic<int64_t> next_{0};
  std::atomic<size_t> busy_{0};  ///< workers that have not finished the present loop
  int64_t count_ = 0, chunk_ = 1;
  size_t helpers_ = 0;
  const std::function<void(int64_t, int64_t)>* body_ = nullptr;
  std::exception_ptr failure_;
};

/// The crew of this process; it lives as long as a pool uses it.
std::shared_ptr<Crew> shared_crew() {
  static std::mutex mutex;
  static std::weak_ptr<Crew> current;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Crew> crew = current.lock();
  if (!crew) current = crew = std::make_shared<Crew>();
  return crew;
}

}  // namespace

struct ThreadPool::State {
  int threads = 1;
  std::shared_ptr<Crew> crew;  ///< null for one thread
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  if (threads < 0 || threads > kMaxThreads)
    throw invalid_argument(cat("found ", threads, " threads, expected 0 (all usable CPUs) to ", kMaxThreads));
  state_->threads = threads == 0 ? usable_cpus() : threads;
  if (state_->threads == 1) return;
  state_->crew = shared_crew();
  const size_t workers = state_->crew->grow(static_cast<size_t>(state_->threads - 1));
  state_->threads = static_cast<int>(std::min(static_cast<size_t>(state_->threads), workers + 1));
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::threads() const { return state_->threads; }

void ThreadPool::for_each(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  const State& s = *state_;
  grain = std::max<int64_t>(grain, 1);
  if (!s.crew || count <= grain) return body(0, count);
  // A few chunks a thread even out uneven work; none is smaller than the grain.
  const int64_t chunk = std::max(grain, (count + s.threads * 4 - 1) / (s.threads * 4));
  if (!s.crew->run(count, chunk, static_cast<size_t>(s.threads - 1), body)) body(0, count);
}

}  // namespace hone
