#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hone {

/// Threads that do what is put into a queue of bounded length: the more urgent first, of equals what came first. What
/// is less urgent is passed over a bounded number of times.
class WorkQueue {
 public:
  /// A piece of work; `worker` is in 0 … workers−1, each does one thing at a time. What it throws is swallowed.
  using Work = std::function<void(int worker)>;

  /// Ranks of urgency, 0 before 1 before 2.
  static constexpr int kRanks = 3, kUsualRank = 1;
  /// Times that a rank is passed over while something of it waits; then it has a turn.
  static constexpr int kPatience = 8;

  WorkQueue(int workers, size_t capacity);
  /// Ends what is being done and gives up what waits.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// False, at once, when `capacity` pieces wait already.
  bool try_push(Work work, int rank = kUsualRank);
  int workers() const { return static_cast<int>(threads_.size()); }
  /// Waiting, not yet begun.
  size_t waiting() const;

 private:
  struct Rank {
    std::deque<Work> waiting;
    int passed_over = 0;
  };

  void run(int worker);
  size_t count() const;
  /// The next piece; one waits.
  Work pop();

  size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::array<Rank, kRanks> ranks_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hone
