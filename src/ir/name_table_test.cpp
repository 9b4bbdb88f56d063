#include "ir/name_table.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/text.h"

namespace hone {
namespace {

TEST(NameTable, FindsEveryNameWhateverCameAndWent) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(cat("n", i));
  const auto name_of = [&](int32_t i) -> const std::string& { return names[static_cast<size_t>(i)]; };
  NameTable table;
  for (int i = 0; i < 1000; ++i) table.insert(names[static_cast<size_t>(i)], i);
  for (int i = 0; i < 1000; i += 3) table.erase(names[static_cast<size_t>(i)], i, name_of);
  for (int i = 0; i < 1000; ++i) {
    const NameTable::Entry* entry = table.find(names[static_cast<size_t>(i)], name_of);
    ASSERT_EQ(entry == nullptr, i % 3 == 0) << i;
    if (entry) {
      EXPECT_EQ(entry->owner, i);
    }
  }
}

TEST(NameTable, RefusesANumberingThatLeavesANameWithoutItsOwner) {
  NameTable table;
  table.insert("a", 0);
  table.insert("b", 1);
  EXPECT_THROW(table.renumber(std::vector<int32_t>{0}), Error);
  EXPECT_THROW(table.renumber(std::vector<int32_t>{0, -1}), Error);
  table.renumber(std::vector<int32_t>{1, 0});
  const std::vector<std::string> names{"b", "a"};
  const auto name_of = [&](int32_t i) -> const std::string& { return names[static_cast<size_t>(i)]; };
  EXPECT_EQ(table.find("a", name_of)->owner, 1);
}

}  // namespace
}  // namespace hone
