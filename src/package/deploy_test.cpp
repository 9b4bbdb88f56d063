#include "package/deploy.h"

#include <gtest/gtest.h>

#include "base/base64.h"
#include "base/error.h"
#include "package/manifests.h"

namespace hone {
namespace {

DeployJob job() { return {.name = "m", .model = "m", .image = "localhost/m:1", .space = "m", .version = "0"}; }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Deploy, NumbersFollowFromWhatWasMeasured) {
  const Footprint f{.load_seconds = 4,
                    .latency_seconds = 0.02,
                    .weight_bytes = 100 << 20,
                    .arena_bytes = 50 << 20,
                    .input_elements = 1'000'000,
                    .input_bytes = 4 << 20};
  DeployJob wanted = job();
  wanted.cpus = 2;
  wanted.rate = 30;
  const std::string text = single_manifest(wanted, f);
  EXPECT_TRUE(has(text, "cpu: 600m  # 20 ms an inference here, 30 requests a second")) << text;
  EXPECT_TRUE(has(text, "memory: 405Mi")) << "(16 + 200 + 2 * 54) * 5 / 4: " << text;
  EXPECT_TRUE(has(text, "failureThreshold: 40  # 80 s")) << text;
  EXPECT_TRUE(has(text, "progressDeadlineSeconds: 140")) << text;
  EXPECT_TRUE(has(text, "--max-body=24000000")) << text;
}

TEST(Deploy, ACpuRequestIsNeverMoreThanTheLimit) {
  DeployJob wanted = job();
  wanted.rate = 1000;
  EXPECT_TRUE(has(single_manifest(wanted, {.latency_seconds = 1}), "cpu: 1000m"));
  wanted.rate = 0.001;
  EXPECT_TRUE(has(single_manifest(wanted, {.latency_seconds = 1}), "cpu: 50m"));
}

TEST(Deploy, RefusesNamesThatAClusterRefuses) {
  for (const char* name : {"", "A", "1a", "a-", "a_b", "a.b", "on", "null"}) {
    DeployJob wrong = job();
    wrong.name = name;
    EXPECT_THROW(check(wrong), Error) << name;
  }
  DeployJob wrong = job();
  wrong.device = "a/b\nc: d";
  EXPECT_THROW(check(wrong), Error);
}

TEST(Deploy, AModelsNameWritesNoYaml) {
  DeployJob wanted = job();
  wanted.model = "m: x\nkind: Secret";
  EXPECT_FALSE(has(single_manifest(wanted, {}), "\nkind: Secret"));
}

TEST(Deploy, TheMemoryLimitHasRoomForABodyOfNumbersThatTheModelDoesNotTake) {
  const std::string text = single_manifest(job(), {.input_elements = 10});
  EXPECT_TRUE(has(text, "memory: 394Mi")) << "(16 Mi * 5 / 4) + 17 * 8 MB + 64 * 4 MB: " << text;
}

TEST(Manifest, FillsEveryNameAndDropsLinesOfNothing) {
  EXPECT_EQ(fill("a: @x@\n  @y@\nb: @x@@x@\n", {{"x", "1"}, {"y", ""}}), "a: 1\nb: 11\n");
  EXPECT_THROW(fill("@z@\n", {}), Error);
}

}  // namespace
}  // namespace hone
