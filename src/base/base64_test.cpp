#include "base/base64.h"

#include <gtest/gtest.h>

namespace hone {
namespace {

// RFC 4648, section 10.
TEST(Base64, AgreesWithTheRfc) {
  for (const auto& [plain, text] : {std::pair{"", ""},
                                    {"f", "Zg=="},
                                    {"fo", "Zm8="},
                                    {"foo", "Zm9v"},
                                    {"foob", "Zm9vYg=="},
                                    {"fooba", "Zm9vYmE="},
                                    {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(to_base64(plain), text);
    EXPECT_EQ(from_base64(text), plain);
  }
}

}  // namespace
}  // namespace hone
