#include "cli/transcript.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "support/test_data.h"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = std::string(HONE_SOURCE_DIR) + "/tests/cli";

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasOwnAllocator = false;
#else
constexpr bool kHasOwnAllocator = true;
#endif

struct TempFolder {
  std::string path;
  TempFolder() {
    char name[] = "/tmp/hone-cli-XXXXXX";
    path = mkdtemp(name);
  }
  ~TempFolder() { fs::remove_all(path); }
};

void run(const Exchange& e, const std::string& folder) {
  const std::string shell = folder + "/.command";
  write_file(shell, cat("cd '", folder, "' || exit 99\n", e.command, "\n"));
  const int status = std::system(cat("sh '", shell, "' >'", folder, "/.out' 2>'", folder, "/.err' </dev/null").c_str());
  const std::string out = read_file(folder + "/.out"), err = read_file(folder + "/.err");
  const std::string all = cat("line ", e.line, ": $ ", e.command, "\n--- output\n", out, "--- errors\n", err);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, e.code) << all;
  EXPECT_EQ(mismatch(out, e.out), "") << all;
  EXPECT_EQ(mismatch(err, e.err), "") << all;
}

void set_environment() {
  const std::string folder = fs::path(HONE_PROGRAM).parent_path().string();
  const char* path = std::getenv("PATH");
  setenv("PATH", cat(folder, ":", path ? path : "/usr/bin:/bin").c_str(), 1);
  setenv("COLUMNS", "100", 1);
  setenv("SOURCE", HONE_SOURCE_DIR, 1);
}

class TranscriptTest : public ::testing::TestWithParam<std::string> {};

TEST_P(TranscriptTest, PrintsWhatItSays) {
  set_environment();
  const Transcript transcript = parse_transcript(read_file(cat(kFolder, "/", GetParam(), ".transcript")));
  if (transcript.needs_data) {
    const auto data = test_data_dir();
    if (!data) GTEST_SKIP() << "needs the test data: set HONE_TEST_DATA";
    setenv("DATA", data->c_str(), 1);
  }
  if (transcript.needs_own_allocator && !kHasOwnAllocator) GTEST_SKIP() << "a sanitizer brings another allocator";
  const TempFolder folder;
  for (const auto& [name, text] : transcript.files) write_file(cat(folder.path, "/", name), text);
  for (const Exchange& exchange : transcript.exchanges) run(exchange, folder.path);
}

std::vector<std::string> transcripts() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().extension() == ".transcript") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cli, TranscriptTest, ::testing::ValuesIn(transcripts()),
                         [](const auto& info) { return info.param; });

TEST(Transcript, MatchesStarsAndSkippedLines) {
  EXPECT_TRUE(matches("median 12 us, p95 14 us", "median * us, p95 * us"));
  EXPECT_FALSE(matches("median 12", "median 1"));
  EXPECT_EQ(mismatch("a\nb\nc\n", {"a", "...", "c"}), "");
  EXPECT_NE(mismatch("a\nb\n", {"a"}), "");
  EXPECT_NE(mismatch("a\n", {"a", "b"}), "");
}

}  // namespace
}  // namespace hone::testing
