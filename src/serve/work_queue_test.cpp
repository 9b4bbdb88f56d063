#include "serve/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <thread>

namespace hone {
namespace {

/// Returns when the queue's worker is busy, until `go`.
void occupy(WorkQueue& queue, std::promise<void>& go) {
  const auto begun = std::make_shared<std::promise<void>>();
  queue.try_push({[begun, go = go.get_future().share()](int) {
    begun->set_value();
    go.wait();
  }});
  begun->get_future().wait();
}

TEST(WorkQueue, RefusesWhatDoesNotFitAndDoesWhatItTook) {
  std::promise<void> go, last;
  std::atomic<int> done{0};
  WorkQueue queue(1, 2);
  occupy(queue, go);
  EXPECT_TRUE(queue.try_push({[&](int) { ++done; }}));
  EXPECT_TRUE(queue.try_push({[&](int) { last.set_value(); }}));
  EXPECT_FALSE(queue.try_push({[&](int) { ++done; }}));
  EXPECT_EQ(queue.waiting(), 2u);
  go.set_value();
  last.get_future().wait();
  EXPECT_EQ(done, 1);
}

/// Ranks in the order in which one worker did `counts[rank]` pieces that waited.
std::string order_of(const std::array<int, WorkQueue::kRanks>& counts) {
  std::string order;
  std::promise<void> go, last;
  WorkQueue queue(1, 1000);
  occupy(queue, go);
  std::atomic<int> left = counts[0] + counts[1] + counts[2];
  for (int rank = WorkQueue::kRanks - 1; rank >= 0; --rank)
    for (int i = 0; i < counts[static_cast<size_t>(rank)]; ++i)
      queue.try_push({[&, rank](int) {
                        order += static_cast<char>('0' + rank);
                        if (--left == 0) last.set_value();
                      },
                      rank});
  go.set_value();
  last.get_future().wait();
  return order;
}

TEST(WorkQueue, DoesTheMoreUrgentFirst) { EXPECT_EQ(order_of({3, 2, 2}), "0001122"); }

TEST(WorkQueue, PassesNobodyOverForEver) {
  // Both of the later ranks have a turn after as many of the first as patience lasts.
  EXPECT_EQ(order_of({18, 2, 2}), "0000000021000000020100");
  EXPECT_EQ(order_of({0, 20, 1}), "111111112111111111111");
}

TEST(WorkQueue, GathersWhatWaitsAndWhatComesOfAKind) {
  const int kind = 0, other = 0;
  std::promise<void> go;
  std::promise<std::vector<int>> gathered;
  std::atomic<int> done{0};
  WorkQueue queue(1, 1);
  const auto piece = [&](const void* of, int cargo) {
    return WorkQueue::Piece{[&](int) { ++done; }, 1, of, std::make_shared<int>(cargo)};
  };
  std::promise<void> begun;
  queue.try_push({[&](int) {
    begun.set_value();
    go.get_future().wait();
    std::vector<int> cargo;
    for (const auto& c : queue.gather(&kind, 3, std::chrono::steady_clock::now() + std::chrono::seconds(60)))
      cargo.push_back(*std::static_pointer_cast<int>(c));
    gathered.set_value(cargo);
  }});
  begun.get_future().wait();
  EXPECT_TRUE(queue.try_push(piece(&kind, 1)));
  EXPECT_FALSE(queue.try_push(piece(&kind, 2)));  // the queue is full, nobody gathers yet
  go.set_value();
  while (queue.waiting() == 1) std::this_thread::yield();
  EXPECT_TRUE(queue.try_push(piece(&other, 3)));
  EXPECT_FALSE(queue.try_push(piece(&other, 4)));
  EXPECT_TRUE(queue.try_push(piece(&kind, 5)));  // full again, but this goes to who gathers
  EXPECT_TRUE(queue.try_push(piece(&kind, 6)));
  EXPECT_EQ(gathered.get_future().get(), (std::vector<int>{1, 5, 6}));
  while (done == 0) std::this_thread::yield();
  EXPECT_EQ(done, 1);
}

TEST(WorkQueue, GathersNoLongerThanItMay) {
  std::promise<size_t> gathered;
  WorkQueue queue(1, 1);
  queue.try_push({[&](int) {
    const int kind = 0;
    gathered.set_value(queue.gather(&kind, 3, std::chrono::steady_clock::now()).size());
  }});
  EXPECT_EQ(gathered.get_future().get(), 0u);
}

TEST(WorkQueue, GivesUpWhatWaitsWhenItEnds) {
  std::promise<void> go;
  std::atomic<int> done{0};
  const auto held = std::make_shared<int>();
  auto queue = std::make_unique<WorkQueue>(1, 1'000'000);
  occupy(*queue, go);
  // One that ends takes nothing more: then, and no earlier, its worker goes on.
  std::thread release([&go, &done, &held, at = queue.get()] {
    while (at->try_push({[&done, held](int) { ++done; }})) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    go.set_value();
  });
  while (queue->waiting() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  queue.reset();
  release.join();
  EXPECT_EQ(done, 0);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(WorkQueue, OutlivesWorkThatThrows) {
  std::promise<int> answer;
  WorkQueue queue(1, 2);
  queue.try_push({[](int) { throw std::bad_alloc(); }});
  queue.try_push({[&](int) { answer.set_value(7); }});
  EXPECT_EQ(answer.get_future().get(), 7);
}

TEST(WorkQueue, GivesEachWorkerOneThingAtATime) {
  std::array<std::atomic<int>, 3> at_work{};
  std::atomic<bool> is_double{false};
  {
    WorkQueue queue(3, 1000);
    for (int i = 0; i < 300; ++i)
      queue.try_push({[&](int worker) {
        if (++at_work[static_cast<size_t>(worker)] != 1) is_double = true;
        --at_work[static_cast<size_t>(worker)];
      }});
  }
  EXPECT_FALSE(is_double);
}

}  // namespace
}  // namespace hone
