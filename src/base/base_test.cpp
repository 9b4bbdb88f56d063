#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <limits>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"
#include "base/printable.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace hone {
namespace {

TEST(Error, PrintsFramesAndHintInOrder) {
  Error e = invalid_model("conv: weight has 3 input channels, input x has 4", "hone inspect model.onnx");
  e.add_frame("in node 'conv_17'").add_frame("while importing 'model.onnx'");
  EXPECT_STREQ(e.what(),
               "conv: weight has 3 input channels, input x has 4\n  in node 'conv_17'\n  while importing "
               "'model.onnx'\n  hint: hone inspect model.onnx");
}

TEST(Checked, RefusesProductsThatOverflow) {
  EXPECT_EQ(checked_mul(1 << 20, 1 << 20), int64_t(1) << 40);
  EXPECT_THROW(checked_mul(int64_t(1) << 40, int64_t(1) << 40), Error);
  EXPECT_THROW(checked_product(std::vector<int64_t>{1 << 30, 1 << 30, 1 << 30}), Error);
  EXPECT_EQ(checked_product(std::vector<int64_t>{int64_t(1) << 62, int64_t(1) << 62, 0}), 0);
}

TEST(ThreadPool, CoversEveryIndexOnceAtAnyThreadCount) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    for (const int64_t count : {0, 1, 7, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<size_t>(count));
      for (int round = 0; round < 20; ++round)
        pool.for_each(count, 3, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
        });
      for (const auto& h : hits) EXPECT_EQ(h.load(), 20);
    }
  }
}

TEST(ThreadPool, PoolsShareTheirWorkersAndALoopThatFindsThemBusyRunsAlone) {
  ThreadPool small(2), large(4);
  std::atomic<int> inner{0};
  std::vector<int> hits(64);
  large.for_each(64, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
    small.for_each(8, 1, [&](int64_t from, int64_t to) { inner += static_cast<int>(to - from); });
  });
  EXPECT_EQ(std::count(hits.begin(), hits.end(), 1), 64);
  EXPECT_EQ(inner % 8, 0);
  EXPECT_GT(inner, 0);
}

TEST(ThreadPool, ServesLoopsOfManyThreadsAtOnce) {
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> users;
  for (int u = 0; u < 4; ++u)
    users.emplace_back([&, u] {
      ThreadPool pool(2 + u % 2);
      for (int k = 0; k < 200; ++k) pool.for_each(10, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
    });
  for (std::thread& user : users) user.join();
  EXPECT_EQ(sum, 4 * 200 * 10);
}

TEST(ThreadPool, RethrowsWhatABodyThrewAndStaysUsable) {
  ThreadPool pool(3);
  EXPECT_THROW(pool.for_each(100, 1,
                             [](int64_t begin, int64_t) {
                               if (begin > 10) throw resource_error("full");
                             }),
               Error);
  std::atomic<int64_t> sum{0};
  pool.for_each(100, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum.load(), 100);
}

TEST(File, ReplacesTheOldContentOrLeavesItAlone) {
  const std::string path = testing::TempDir() + "hone_file_test";
  write_file(path, "old");
  write_file(path, "new content");
  EXPECT_EQ(read_file(path), "new content");
  EXPECT_EQ(MappedFile::open(path)->bytes().size(), 11u);
  EXPECT_THROW(write_file("/nowhere/at/all", "x"), Error);
  EXPECT_THROW(read_file(path + ".missing"), Error);
  std::remove(path.c_str());
}

// Bytes of files in this process's memory.
int64_t resident_file_bytes() {
  long long total = 0, resident = 0, of_files = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  const int read = std::fscanf(file, "%lld %lld %lld", &total, &resident, &of_files);
  std::fclose(file);
  return read == 3 ? of_files * ::sysconf(_SC_PAGESIZE) : -1;
}

TEST(File, ReleasedPagesLeaveMemoryAndComeBackWhenRead) {
  const std::string path = testing::TempDir() + "hone_base_release.bin";
  constexpr size_t kSize = 8 << 20;
  constexpr int64_t kSlack = 1 << 20;  // the system counts in batches
  std::string content(kSize, 'x');
  for (size_t i = 0; i < kSize; i += 1000) content[i] = static_cast<char>('a' + i % 23);
  write_file(path, content);
  const std::shared_ptr<const void> owner = MappedFile::open(path);
  const MappedFile* file = MappedFile::find(std::shared_ptr<const void>(owner, "a view of it"));
  ASSERT_NE(file, nullptr);
  const auto text = [&] {
    return std::string_view(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  };
  EXPECT_TRUE(text() == content);
  const int64_t before = resident_file_bytes();
  file->release(file->bytes().subspan(100, kSize / 2));
  EXPECT_LE(resident_file_bytes(), before - static_cast<int64_t>(kSize / 2) + kSlack);
  file->release(file->bytes());
  EXPECT_LE(resident_file_bytes(), before - static_cast<int64_t>(kSize) + kSlack);
  EXPECT_TRUE(text() == content);
  std::remove(path.c_str());
}

TEST(File, OtherBytesAreNoMappedFile) {
  EXPECT_EQ(MappedFile::find(std::make_shared<const int>(1)), nullptr);
  EXPECT_EQ(MappedFile::find(nullptr), nullptr);
}

/// In a process that may not grow further: threads need stacks.
[[noreturn]] void work_without_threads() {
  const rlimit none{.rlim_cur = 1, .rlim_max = 1};
  ::setrlimit(RLIMIT_AS, &none);
  ThreadPool pool(64);
  std::atomic<int64_t> sum{0};
  pool.for_each(1000, 1, [&](int64_t begin, int64_t end) { sum += end - begin; });
  ::_exit(sum == 1000 && pool.threads() < 64 ? 0 : 1);
}

TEST(ThreadPool, WhatTheSystemDoesNotGiveIsDoneByFewerThreads) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer itself ends where threads get no stacks";
#endif
  EXPECT_EXIT(work_without_threads(), ::testing::ExitedWithCode(0), "");
}

TEST(ThreadPool, ACancelledLoopEndsBetweenItsRanges) {
  ThreadPool pool(2);
  std::atomic<int64_t> done{0};
  const auto body = [&](int64_t begin, int64_t end) {
    done += end - begin;
    request_cancel();
  };
  EXPECT_THROW(pool.for_each(1'000'000, 1, body), Error);
  withdraw_cancel();
  EXPECT_LT(done.load(), 1'000'000);
  pool.for_each(10, 1, [&](int64_t, int64_t) {});
}

TEST(Printable, ShowsTextAndWritesOutOrders) {
  EXPECT_EQ(printable("conv_1/ä→µ"), "conv_1/ä→µ");
  EXPECT_EQ(printable("a\x1b[2Jb\x07\x7f"), "a\\x1b[2Jb\\x07\\x7f");
  EXPECT_EQ(printable("a\nb\tc"), "a\nb\tc");
  EXPECT_EQ(printable_line("a\nb\r"), "a\\nb\\x0d");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m \xe2\x80\xae"),
            "\\u009b31m \\u202e");
  EXPECT_EQ(printable("\xff\xc3(\xed\xa0\x80"), "\\xff\\xc3(\\xed\\xa0\\x80");
}

TEST(Text, FloatsReadBackAsTheSameValue) {
  for (const float f : {0.1f, 1e-30f, 3.4028235e38f, -0.0f, 16777217.0f})
    EXPECT_EQ(static_cast<float>(*parse_double(to_text(f))), f);
  EXPECT_EQ(to_text(std::numeric_limits<float>::infinity()), "inf");
}

TEST(Text, SuggestsOnlyNearWords) {
  const std::vector<std::string> words = {"inspect", "optimize", "bench"};
  EXPECT_EQ(nearest("inspct", words), "inspect");
  EXPECT_EQ(nearest("banana", words), "");
}

}  // namespace
}  // namespace hone
