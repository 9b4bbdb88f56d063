#include "serve/work_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace hone {
namespace {

TEST(WorkQueue, RefusesWhatDoesNotFitAndDoesWhatItTook) {
  std::atomic<int> done{0};
  {
    std::promise<void> begun, go;
    WorkQueue queue(1, 2);
    ASSERT_TRUE(queue.try_push([&](int) {
      begun.set_value();
      go.get_future().wait();
      ++done;
    }));
    begun.get_future().wait();
    EXPECT_TRUE(queue.try_push([&](int) { ++done; }));
    EXPECT_TRUE(queue.try_push([&](int) { ++done; }));
    EXPECT_FALSE(queue.try_push([&](int) { ++done; }));
    EXPECT_EQ(queue.waiting(), 2u);
    go.set_value();
  }
  EXPECT_EQ(done, 3);
}

TEST(WorkQueue, GivesEachWorkerOneThingAtATime) {
  std::array<std::atomic<int>, 3> at_work{};
  std::atomic<bool> is_double{false};
  {
    WorkQueue queue(3, 1000);
    for (int i = 0; i < 300; ++i)
      queue.try_push([&](int worker) {
        if (++at_work[static_cast<size_t>(worker)] != 1) is_double = true;
        --at_work[static_cast<size_t>(worker)];
      });
  }
  EXPECT_FALSE(is_double);
}

}  // namespace
}  // namespace hone
