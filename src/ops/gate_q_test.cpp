#include "ops/gate_q.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hone {
namespace {

TEST(GateQ, SigmoidIsCloseToTheRealOne) {
  for (int x = -32768; x < 32768; x += 37) {
    const double real = 1 / (1 + std::exp(-x / 4096.0));
    EXPECT_NEAR(sigmoid_q12(static_cast<int16_t>(x)) / 32768.0, real, 1e-3) << x;
  }
}

TEST(GateQ, TanhIsCloseToTheRealOneForEveryPoint) {
  for (int bits = 0; bits <= 6; ++bits)
    for (int x = -32768; x < 32768; x += 101) {
      const double real = std::tanh(x * std::ldexp(1.0, bits - 15));
      EXPECT_NEAR(tanh_q(static_cast<int16_t>(x), bits) / 32768.0, real, 2e-3) << bits << " bits, " << x;
    }
}

TEST(GateQ, ZeroHasItsOwnAnswer) {
  EXPECT_EQ(sigmoid_q12(0), 1 << 14);
  EXPECT_EQ(tanh_q(0, 3), 0);
}

}  // namespace
}  // namespace hone
