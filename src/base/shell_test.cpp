#include "base/shell.h"

#include <gtest/gtest.h>

#include <chrono>

namespace hone {
namespace {

TEST(Shell, GivesTheExitCodeOrTheSignalAsShellsDo) {
  EXPECT_EQ(run_shell("exit 3", 10), 3);
  EXPECT_EQ(run_shell("kill -SEGV $$", 10), 128 + 11);
  EXPECT_EQ(run_shell("no-such-program-here", 10), 127);
}

TEST(Shell, EndsWhatTakesTooLongWithAllThatItStarted) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run_shell("sleep 60 & wait", 0.1), 124);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace
}  // namespace hone
