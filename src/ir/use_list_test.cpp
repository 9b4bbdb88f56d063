#include "ir/use_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "base/error.h"

namespace hone {
namespace {

std::vector<Use> uses_of(const UseList& list) {
  std::vector<Use> found;
  for (auto at = list.begin(); at != list.end(); ++at) found.push_back(at.use());
  return found;
}

// Against a plain vector: short lists and long ones, with and without their index.
TEST(UseList, SaysWhatAVectorWouldHoweverUsesComeAndGo) {
  std::mt19937 random(7);
  UseList list;
  std::vector<Use> plain;
  for (int step = 0; step < 20000; ++step) {
    const bool grows = step / 2000 % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0;
    if (grows || plain.empty()) {
      const Use use{NodeId{step}, static_cast<int32_t>(random() % 3)};
      list.add(use);
      plain.push_back(use);
    } else {
      const size_t at = random() % plain.size();
      list.remove(plain[at]);
      plain.erase(plain.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(list.size(), plain.size());
    ASSERT_EQ(list.empty(), plain.empty());
    if (!plain.empty()) {
      ASSERT_EQ(list.front(), plain.front().node);
    }
    if (step % 97 == 0) {
      ASSERT_EQ(uses_of(list), plain);
      const UseList copy = list;
      ASSERT_EQ(uses_of(copy), plain);
    }
  }
  list.remove_if([](NodeId node) { return node.index % 2 == 0; });
  std::erase_if(plain, [](Use use) { return use.node.index % 2 == 0; });
  EXPECT_EQ(uses_of(list), plain);
}

// A size at which searching or shifting for each would not end.
TEST(UseList, AMillionUsesLeaveFromTheMiddle) {
  constexpr int32_t kCount = 1'000'000;
  UseList list;
  for (int32_t i = 0; i < kCount; ++i) list.add({NodeId{i / 2}, i % 2});
  for (int32_t i = 0; i < kCount / 2; ++i)
    for (const int32_t at : {kCount / 2 - 1 - i, kCount / 2 + i})
      if (at != 7) list.remove({NodeId{at / 2}, at % 2});
  EXPECT_EQ(uses_of(list), (std::vector<Use>{{NodeId{3}, 1}}));
}

TEST(UseList, RefusesToForgetWhatItDoesNotKnow) {
  for (const int32_t count : {3, 300}) {
    UseList list;
    for (int32_t i = 0; i < count; ++i) list.add({NodeId{i}, 0});
    EXPECT_THROW(list.remove({NodeId{1}, 1}), Error);
    list.remove({NodeId{1}, 0});
    EXPECT_THROW(list.remove({NodeId{1}, 0}), Error);
  }
}

}  // namespace
}  // namespace hone
