#include "serve/work_queue.h"

#include <exception>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace hone {

WorkQueue::WorkQueue(int workers, size_t capacity) : capacity_(capacity) {
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
  for (std::thread& thread : threads_) thread.join();
}

bool WorkQueue::try_push(Work work, int rank) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || count() >= capacity_) return false;
    ranks_[static_cast<size_t>(rank)].waiting.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
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
  Work work = std::move(chosen->waiting.front());
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
