#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
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
  using Time = std::chrono::steady_clock::time_point;

  /// Ranks of urgency, 0 before 1 before 2.
  static constexpr int kRanks = 3, kUsualRank = 1;
  /// Times that a rank is passed over while something of it waits; then it has a turn.
  static constexpr int kPatience = 8;

  /// What waits. Pieces of one `kind` may be done at once by who gathers them: then `work` is dropped for `cargo`.
  struct Piece {
    Work work;
    int rank = kUsualRank;
    const void* kind = nullptr;  ///< null: of no other's kind
    std::shared_ptr<void> cargo = {};
  };

  WorkQueue(int workers, size_t capacity);
  /// Ends what is being done and gives up what waits.
  ~WorkQueue();
  WorkQueue(const WorkQueue&) = delete;
  WorkQueue& operator=(const WorkQueue&) = delete;

  /// False, at once, when `capacity` pieces wait already.
  bool try_push(Piece piece);
  /// For a worker: the cargo of at most `most` pieces of `kind` (not null), of what waits and of what comes until
  /// `until`. Returns as soon as there are so many.
  std::vector<std::shared_ptr<void>> gather(const void* kind, size_t most, Time until);
  int workers() const { return static_cast<int>(threads_.size()); }
  /// Waiting, not yet begun.
  size_t waiting() const;

 private:
  struct Rank {
    std::deque<Piece> waiting;
    int passed_over = 0;
  };

  /// A worker that waits for more of a kind.
  struct Gathering {
    const void* kind;
    size_t most;
    std::vector<std::shared_ptr<void>> cargo = {};

    bool takes(const Piece& piece) const { return kind == piece.kind && cargo.size() < most; }
  };

  void run(int worker);
  size_t count() const;
  /// The next piece; one waits.
  Work pop();

  size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable wake_, gathered_;
  std::array<Rank, kRanks> ranks_;
  std::vector<Gathering*> gatherings_;
  bool is_stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hone
