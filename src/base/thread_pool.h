#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace hone {

/// CPUs this process may use: affinity and the quota of its control groups, at least 1.
int usable_cpus();

/// The right to use a number of threads. All pools of a process share one crew of workers, as large as the largest of
/// them asks for, which runs one loop at a time: workers spin briefly, then park. A loop that finds the crew at work
/// for another, or that stands inside one, runs on its caller alone. One pool belongs to one session.
class ThreadPool {
 public:
  /// `threads` counts the caller: 1 makes no thread at all. 0: usable_cpus(). Where the system gives fewer, the pool is
  /// as large as it could be made: threads() says how large.
  explicit ThreadPool(int threads = 1);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;
  /// Calls body(begin, end) on disjoint ranges that cover 0 … count−1, each at least `grain` long but the last, and
  /// returns when all are done. Which thread runs which range is not fixed: results must not depend on it.
  /// An exception from a body is rethrown here after all ranges have ended; so is check_interrupted()'s, which is
  /// called between ranges.
  void for_each(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone
