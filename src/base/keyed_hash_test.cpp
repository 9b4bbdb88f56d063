#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/text.h"

namespace hone {
namespace {

// Appendix A of the paper: the bytes 0, 1, …, 14 under the key 0, 1, …, 15.
TEST(KeyedHash, IsThatOfThePaper) {
  std::string bytes;
  for (char c = 0; c < 15; ++c) bytes.push_back(c);
  EXPECT_EQ(keyed_hash(bytes, {0x0706050403020100, 0x0F0E0D0C0B0A0908}), 0xA129CA6149BE45E5u);
}

TEST(KeyedHash, NamesChosenForOneKeyAreSpreadByAnother) {
  constexpr uint64_t kSlots = 64;
  std::vector<std::string> chosen;
  for (int i = 0; chosen.size() < 200; ++i)
    if (std::string name = cat("n", i); keyed_hash(name, {1, 2}) % kSlots == 0) chosen.push_back(std::move(name));
  std::set<uint64_t> slots;
  for (const std::string& name : chosen) slots.insert(keyed_hash(name, {1, 3}) % kSlots);
  EXPECT_GT(slots.size(), 40u);
}

TEST(KeyedHash, TheProcessKeepsItsKey) {
  EXPECT_EQ(process_hash_key(), process_hash_key());
  EXPECT_NE(process_hash_key(), HashKey{});
}

}  // namespace
}  // namespace hone
