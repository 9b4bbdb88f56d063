#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
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

/// Between two loops of one inference little more passes than a layer of one thread takes; waking a parked thread
/// takes tens of microseconds.
constexpr std::chrono::microseconds kSpinTime{300};
constexpr int kMaxThreads = 256;

/// Spins until `is_ready` or `time` is over.
template <class F>
void spin_until(std::chrono::microseconds time, const F& is_ready) {
  const auto end = std::chrono::steady_clock::now() + time;
  do {
    for (int i = 0; i < 64; ++i) {
      if (is_ready()) return;
      pause_cpu();
    }
  } while (std::chrono::steady_clock::now() < end);
}

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
        workers_.emplace_back([this, index, seen = loop_.load()] { run_worker(index, seen); });
      }
    } catch (const std::system_error&) {
      // Those that run are the crew.
    }
    // Who spins where there are fewer CPUs than threads keeps one from whoever it waits for.
    if (workers_.size() >= static_cast<size_t>(usable_cpus())) spin_time_ = std::chrono::microseconds{0};
    return workers_.size();
  }

  /// Runs the loop on the caller and the first `helpers` workers; false when the crew is at work. Without anybody
  /// parked no lock is taken and no system call made.
  bool run(int64_t count, int64_t chunk, size_t helpers, const std::function<void(int64_t, int64_t)>& body) {
    if (is_taken_.exchange(true, std::memory_order_acquire)) return false;
    chunk_ = chunk;
    count_ = count;
    body_ = &body;
    failure_ = nullptr;
    next_.store(0, std::memory_order_relaxed);
    busy_.store(helpers, std::memory_order_relaxed);
    loop_.store(((loop_.load(std::memory_order_relaxed) / kHelpers) + 1) * kHelpers + helpers);
    if (parked_.load() != 0) {
      // Whoever is about to park has seen the new loop when this lock is had.
      { const std::lock_guard lock(mutex_); }
      wake_.notify_all();
    }
    work();
    spin_until(spin_time_.load(std::memory_order_relaxed), [&] { return busy_.load(std::memory_order_acquire) == 0; });
    if (busy_.load() != 0) {
      std::unique_lock lock(mutex_);
      is_waited_for_.store(true);
      finished_.wait(lock, [&] { return busy_.load() == 0; });
      is_waited_for_.store(false);
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
      spin_until(spin_time_.load(std::memory_order_relaxed),
                 [&] { return loop_.load(std::memory_order_acquire) != seen; });
      if (loop_.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex_);
        parked_.fetch_add(1);
        wake_.wait(lock, [&] { return stopping_ || loop_.load() != seen; });
        parked_.fetch_sub(1);
        if (stopping_) return;
      }
      seen = loop_.load(std::memory_order_acquire);
      // Whoever takes part is waited for: the loop cannot be another before it says that it is done.
      if (index >= seen % kHelpers) continue;
      work();
      if (busy_.fetch_sub(1) == 1 && is_waited_for_.load()) {
        const std::lock_guard lock(mutex_);
        finished_.notify_one();
      }
    }
  }

  static constexpr uint64_t kHelpers = 1024;  ///< above any number of helpers

  std::atomic<bool> is_taken_{false};  ///< a loop runs
  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::atomic<uint64_t> loop_{0};           ///< its number times kHelpers, and how many workers take part
  std::atomic<size_t> parked_{0};           ///< workers in wake_
  std::atomic<bool> is_waited_for_{false};  ///< the caller is in finished_
  std::atomic<std::chrono::microseconds> spin_time_{kSpinTime};
  bool stopping_ = false;
  std::atomic<int64_t> next_{0};
  std::atomic<size_t> busy_{0};  ///< workers that have not finished the present loop
  int64_t count_ = 0, chunk_ = 1;
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
