#include "serve/work_queue.h"

#include <algorithm>
#include <array>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace hone {

namespace {

/// Threads that stand still as long as this lives. What the server starts after its workers (gRPC, looking for
/// versions, the watchdog) then takes their places where a system gives few.
class ReservedThreads {
 public:
  ReservedThreads() {
    const std::shared_future<void> go = go_.get_future().share();
    try {
      for (std::thread& thread : threads_) thread = std::thread([go] { go.wait(); });
    } catch (const std::system_error&) {
    }
  }
  ~ReservedThreads() {
    go_.set_value();
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  ReservedThreads(const ReservedThreads&) = delete;
  ReservedThreads& operator=(const ReservedThreads&) = delete;

 private:
  std::promise<void> go_;
  std::array<std::thread, 3> threads_;
};

}  // namespace

WorkQueue::WorkQueue(int workers, size_t capacity) : capacity_(capacity) {
  const ReservedThreads others;
  try {
    for (int i = 0; i < workers; ++i) threads_.emplace_back([this, i] { run(i); });
  } catch (const std::system_error&) {
    // The system gives no more threads: those that run do the work.
    if (threads_.empty()) throw resource_error("the system gives no thread to answer requests on");
  }
}

WorkQueue::~WorkQueue() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  gathered_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool WorkQueue::try_push(Piece piece) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return false;
    const auto taker = std::find_if(gatherings_.begin(), gatherings_.end(),
                                    [&](const Gathering* g) { return piece.kind && g->takes(piece); });
    if (taker != gatherings_.end()) {
      (*taker)->cargo.push_back(std::move(piece.cargo));
      if ((*taker)->cargo.size() == (*taker)->most) gathered_.notify_all();
      return true;
    }
    if (count() >= capacity_) return false;
    ranks_[static_cast<size_t>(piece.rank)].waiting.push_back(std::move(piece));
  }
  wake_.notify_one();
  return true;
}

std::vector<std::shared_ptr<void>> WorkQueue::gather(const void* kind, size_t most, Time until) {
  Gathering gathering{kind, most};
  gathering.cargo.reserve(most);
  std::unique_lock lock(mutex_);
  for (Rank& rank : ranks_)
    for (auto at = rank.waiting.begin(); at != rank.waiting.end();) {
      if (gathering.takes(*at)) {
        gathering.cargo.push_back(std::move(at->cargo));
        at = rank.waiting.erase(at);
      } else {
        ++at;
      }
    }
  gatherings_.push_back(&gathering);
  gathered_.wait_until(lock, until, [&] { return is_stopping_ || gathering.cargo.size() == most; });
  std::erase(gatherings_, &gathering);
  return std::move(gathering.cargo);
}

size_t WorkQueue::waiting() const {
  const std::lock_guard lock(mutex_);
  return count();
}

size_t WorkQueue::count() const {
  size_t sum = 0;
  for (const Rank& rank : ranks_) sum += rank.waiting.size();
  return sum;
}

WorkQueue::Work WorkQueue::pop() {
  Rank* chosen = nullptr;
  for (Rank& rank : ranks_)
    if (!rank.waiting.empty() && (!chosen || rank.passed_over >= kPatience)) chosen = &rank;
  for (Rank* later = chosen + 1; later != ranks_.data() + ranks_.size(); ++later)
    if (!later->waiting.empty()) ++later->passed_over;
  chosen->passed_over = 0;
  Work work = std::move(chosen->waiting.front().work);
  chosen->waiting.pop_front();
  return work;
}

void WorkQueue::run(int worker) {
  for (;;) {
    Work work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return is_stopping_ || count() > 0; });
      if (is_stopping_) return;
      work = pop();
    }
    try {
      work(worker);
    } catch (const std::exception&) {  // there was no memory even to say so: what it held is given up
    }
  }
}

}  // namespace hone
