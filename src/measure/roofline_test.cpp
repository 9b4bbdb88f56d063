#include "measure/roofline.h"

#include <gtest/gtest.h>

namespace hone {
namespace {

TEST(Roofline, SharesAreTheLongerOfArithmeticAndMemoryByTheTimeTaken) {
  const Roof roof{.f32_gmacs = 100, .int8_gmacs = 400, .cache_gigabytes = 50, .memory_gigabytes = 10};
  const std::vector<StepTime> steps = {
      {.us = 20, .macs = 1'000'000},                                                      // 10 µs of arithmetic
      {.us = 20, .macs = 1'000'000, .is_int8 = true},                                     // 2.5 µs
      {.us = 20, .macs = 100'000, .activation_bytes = 250'000},                           // 5 µs of activations
      {.us = 20, .macs = 100'000, .activation_bytes = 250'000, .weight_bytes = 100'000},  // and 10 µs of weights
      {.us = 20},
      {.us = 0, .macs = 5},
  };
  const std::vector<double> expected = {0.5, 0.125, 0.25, 0.75, 0, 0};
  const std::vector<double> shares = shares_of_roof(steps, roof);
  ASSERT_EQ(shares.size(), expected.size());
  for (size_t i = 0; i < shares.size(); ++i) EXPECT_NEAR(shares[i], expected[i], 1e-12) << i;
}

TEST(Roofline, IsMeasuredOnTheEngineThatItIsAskedFor) {
  const Roof roof = measure_roof({.providers = {&reference_provider()}, .plan = {}}, 0);
  for (const double value : {roof.f32_gmacs, roof.int8_gmacs, roof.cache_gigabytes, roof.memory_gigabytes})
    EXPECT_TRUE(value > 0.001 && value < 1e5) << value;
}

}  // namespace
}  // namespace hone
