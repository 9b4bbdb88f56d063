#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hone {

/// Threads that do what is put into a queue of bounded length, first come first served.
class WorkQueue {
 public:
  /// A piece of work; `worker` is in 0 … workers−1, each does one thing at a time. What it throws is swallowed.
  using Work = std::function<void(int worker)>;

  WorkQueue(int workers, size_t capacity);
  /// Ends what is being done and gives up what waits.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// False, at once, when `capacity` pieces wait already.
  bool try_push(Work work);
  int workers() const { return static_cast<int>(threads_.size()); }
  /// Waiting, not yet begun.
  size_t waiting() const;

 private:
  void run(int worker);

  size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Work> queue_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hone
