#include "measure/speed.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <random>

#include "base/file.h"
#include "base/text.h"
#include "measure/disturbance.h"

namespace hone {
namespace {

Latency rounds_of(std::vector<double> rounds) {
  Latency l;
  l.rounds = std::move(rounds);
  return l;
}

/// Rounds of a model that takes `us`, with noise that both share and noise of its own.
std::pair<Latency, Latency> noisy_pair(double a, double b, double own, uint64_t seed) {
  std::mt19937_64 engine(seed);
  const auto noise = [&](double size) { return 1 + size * (static_cast<double>(engine() % 2001) / 1000 - 1); };
  std::vector<double> x, y;
  for (int i = 0; i < 30; ++i) {
    const double shared = noise(0.4);
    x.push_back(a * shared * noise(own));
    y.push_back(b * shared * noise(own));
  }
  return {rounds_of(x), rounds_of(y)};
}

TEST(Speed, SeesThroughWhatDisturbsBothAlike) {
  const auto [a, b] = noisy_pair(108.1, 100, 0.01, 7);
  const Speed speed = speed_of(a, b);
  EXPECT_TRUE(speed.is_told());
  EXPECT_NEAR(speed.ratio, 1.081, 0.006);
  EXPECT_LT(speed.interval.low, speed.ratio);
  EXPECT_GT(speed.interval.high, speed.ratio);
  EXPECT_TRUE(verdict_text(speed).starts_with("B is ")) << verdict_text(speed);
  EXPECT_TRUE(verdict_text(speed).ends_with(" faster")) << verdict_text(speed);
}

TEST(Speed, EqualModelsAreSeldomToldApart) {
  int told = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto [a, b] = noisy_pair(100, 100, 0.05, seed);
    told += speed_of(a, b).is_told();
  }
  EXPECT_LE(told, 10) << "of 100 at 95 %";
}

TEST(Speed, IsPutIntoWords) {
  const auto words = [](double ratio, double low, double high) {
    return verdict_text({.ratio = ratio, .interval = {low, high}, .rounds = 30});
  };
  EXPECT_EQ(words(1.081, 1.075, 1.087), "B is 8.1 % ± 0.6 faster");
  EXPECT_EQ(words(0.97, 0.968, 0.972), "B is 3.0 % ± 0.2 slower");
  EXPECT_EQ(words(2.41, 2.38, 2.44), "B is 2.41 ± 0.03 times as fast");
  EXPECT_EQ(words(0.4, 0.39, 0.41), "A is 2.50 ± 0.06 times as fast as B");
  EXPECT_EQ(words(1.002, 0.995, 1.009), "A and B are equally fast, within 1 %");
  EXPECT_EQ(words(1.0, 0.988, 1.02), "cannot tell: B is between 1.2 % slower and 2.0 % faster");
  EXPECT_EQ(verdict_text(speed_of(rounds_of({1}), rounds_of({1}))), "cannot tell: too few rounds");
}

/// A machine made of files.
class DisturbedMachine : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/hone-machine-XXXXXX";
    root_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    write_file(root_ + path, text);
  }
  std::string root_;
};

TEST_F(DisturbedMachine, SaysWhatCameBetween) {
  const auto put_all = [&](int64_t steal, int64_t wait, int64_t khz, int64_t hot, int64_t stopped) {
    put("/proc/stat", cat("cpu  100 0 100 ", 800 - steal, " 0 0 0 ", steal, " 0 0\ncpu0 1\n"));
    put("/proc/self/task/7/schedstat", cat("500 ", wait, " 3\n"));
    put("/proc/self/cgroup", "0::/box\n");
    put("/sys/fs/cgroup/box/cpu.stat", cat("usage_usec 5\nnr_throttled ", stopped, "\n"));
    put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", cat(khz, "\n"));
    put("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", cat(hot, "\n"));
  };
  put_all(0, 0, 2400000, 1, 4);
  Disturbances before = count_disturbances(root_);
  put_all(0, 0, 2400000, 1, 4);
  EXPECT_TRUE(disturbances_between(before, count_disturbances(root_)).empty());
  put_all(0, 120, 1800000, 3, 6);
  put("/proc/stat", "cpu  600 0 100 700 0 0 0 100 0 0\n");
  Disturbances after = count_disturbances(root_);
  before.ns = 0;
  after.ns = 1000;
  EXPECT_EQ(disturbances_between(before, after),
            (std::vector<std::string>{"threads waited 12.0 % of the time for a CPU: others use the cores",
                                      "the hypervisor took 20.0 % of the CPUs' time (steal)",
                                      "the processor's frequency changed between 1800 and 2400 MHz",
                                      "heat slowed the processor 2 times",
                                      "the control group's quota stopped the process 2 times"}));
}

TEST_F(DisturbedMachine, WithoutCountersSaysNothing) {
  EXPECT_TRUE(disturbances_between(count_disturbances(root_), count_disturbances(root_)).empty());
}

}  // namespace
}  // namespace hone
