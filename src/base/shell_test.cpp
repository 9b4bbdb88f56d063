#include "base/shell.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

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

TEST(Shell, EndsWhatWasLeftInTheBackgroundToo) {
  const auto file = std::filesystem::path(::testing::TempDir()) / ("hone_shell_" + std::to_string(::getpid()));
  EXPECT_EQ(run_shell("sleep 60 & echo $! > " + file.string() + "; exit 3", 10), 3);
  int pid = 0;
  std::ifstream(file) >> pid;
  std::filesystem::remove(file);
  ASSERT_GT(pid, 0);
  // Gone, or waiting for its new parent to look.
  const auto is_running = [&] {
    std::string stat;
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/stat"), stat);
    return !stat.empty() && stat.find(") Z") == std::string::npos;
  };
  for (int i = 0; i < 500 && is_running(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_FALSE(is_running());
}

}  // namespace
}  // namespace hone
