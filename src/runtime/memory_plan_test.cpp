#include "runtime/memory_plan.h"

#include <gtest/gtest.h>

#include <random>

namespace hone {
namespace {

TEST(MemoryPlan, ReusesTheBytesOfADeadBlock) {
  const Lifetime blocks[] = {{1000, 0, 1}, {500, 1, 2}, {1000, 2, 3}};
  const MemoryPlan plan = plan_memory(blocks);
  EXPECT_EQ(plan.offsets[0], plan.offsets[2]);
  EXPECT_EQ(plan.total, 1024 + 512);
}

TEST(MemoryPlan, NeverOverlapsBlocksAliveTogether) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> blocks;
    for (int i = 0; i < 40; ++i) {
      const int32_t first = static_cast<int32_t>(random() % 30);
      blocks.push_back({static_cast<int64_t>(random() % 5000), first, first + static_cast<int32_t>(random() % 6)});
    }
    // Half of them as if there were too many to compare.
    const MemoryPlan plan = round % 2 ? plan_memory(blocks) : plan_memory(blocks, 0);
    for (size_t a = 0; a < blocks.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % 64, 0);
      EXPECT_LE(plan.offsets[a] + blocks[a].bytes, plan.total);
      for (size_t b = 0; b < a; ++b) {
        const bool together = blocks[a].first <= blocks[b].last && blocks[b].first <= blocks[a].last;
        const bool overlap =
            plan.offsets[a] < plan.offsets[b] + blocks[b].bytes && plan.offsets[b] < plan.offsets[a] + blocks[a].bytes;
        EXPECT_FALSE(together && overlap);
      }
    }
  }
}

TEST(MemoryPlan, OneBlockWithAHundredThousandPartsWastesNothing) {
  std::vector<Lifetime> blocks(100'000, Lifetime{64, 0, 1});
  for (size_t i = 0; i < blocks.size(); ++i) blocks[i].last = static_cast<int32_t>(1 + i);
  EXPECT_EQ(plan_memory(blocks).total, 6'400'000);
}

TEST(MemoryPlan, BlocksInOrderOfTimeUseBytesAgain) {
  std::vector<Lifetime> blocks;
  for (int32_t i = 0; i < 1000; ++i) blocks.push_back({i % 2 ? 1000 : 500, i, i + 1});
  EXPECT_EQ(plan_memory(blocks, 0).total, 1024 + 512);
}

}  // namespace
}  // namespace hone
