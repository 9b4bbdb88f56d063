#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <thread>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

namespace fs = std::filesystem;

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/hone-file-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(std::string_view name) const { return cat(path, "/", name); }
  size_t entries() const { return static_cast<size_t>(std::distance(fs::directory_iterator(path), {})); }
};

ErrorCode code_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "expected an error";
  return ErrorCode::kInternal;
}

mode_t mode_of(const std::string& path) {
  struct stat info {};
  ::stat(path.c_str(), &info);
  return info.st_mode & 07777;
}

TEST(File, PipesDevicesAndFoldersAreNeverRead) {
  const Folder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  for (const std::string& path : {folder / "pipe", std::string("/dev/zero"), folder.path}) {
    EXPECT_EQ(code_of([&] { MappedFile::open(path); }), ErrorCode::kIo) << path;
    EXPECT_EQ(code_of([&] { read_file(path); }), ErrorCode::kIo) << path;
  }
  EXPECT_EQ(code_of([&] { read_file(folder / "nothing"); }), ErrorCode::kNotFound);
}

TEST(File, AFileThatLosesItsBytesReadsAsZerosAndIsAnError) {
  const Folder folder;
  write_file(folder / "x", std::string(100'000, 'a'));
  {
    const auto file = MappedFile::open(folder / "x");
    check_interrupted();
    ASSERT_EQ(::truncate((folder / "x").c_str(), 10), 0);
    size_t letters = 0;
    for (const std::byte b : file->bytes()) letters += b == std::byte{'a'};
    EXPECT_LT(letters, 100u);
    EXPECT_EQ(code_of(check_interrupted), ErrorCode::kIo);
    EXPECT_EQ(code_of(check_interrupted), ErrorCode::kIo);
  }
  // What was made of its bytes may live on: whoever asks next hears of it, once.
  EXPECT_EQ(code_of(check_interrupted), ErrorCode::kIo);
  check_interrupted();
}

TEST(File, OfVeryManyFilesAtOnceThoseThatCannotBeWatchedAreCopied) {
  const Folder folder;
  const std::string text(10'000, 'a');
  write_file(folder / "x", text);
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (int i = 0; i < 1100; ++i) files.push_back(MappedFile::open(folder / "x"));
  files.back()->release(files.back()->bytes());
  ASSERT_EQ(::truncate((folder / "x").c_str(), 0), 0);
  const std::span<const std::byte> bytes = files.back()->bytes();
  EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), text);
  check_interrupted();
  EXPECT_EQ(files.front()->bytes().back(), std::byte{0});
  EXPECT_EQ(code_of(check_interrupted), ErrorCode::kIo);
  files.clear();
  EXPECT_EQ(code_of(check_interrupted), ErrorCode::kIo);
  check_interrupted();
}

TEST(File, WritingKeepsTheModeOfWhatItReplaces) {
  const Folder folder;
  write_file(folder / "x", "old");
  ASSERT_EQ(::chmod((folder / "x").c_str(), 0640), 0);
  write_file(folder / "x", "new");
  EXPECT_EQ(mode_of(folder / "x"), 0640u);
  EXPECT_EQ(read_file(folder / "x"), "new");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(File, AReadOnlyFileIsNotReplaced) {
  const Folder folder;
  write_file(folder / "x", "old");
  ASSERT_EQ(::chmod((folder / "x").c_str(), 0444), 0);
  EXPECT_EQ(code_of([&] { write_file(folder / "x", "new"); }), ErrorCode::kIo);
  EXPECT_EQ(read_file(folder / "x"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(File, ALinkStaysAndItsTargetIsReplaced) {
  const Folder folder;
  write_file(folder / "target", "old");
  fs::create_symlink("target", folder / "link");
  write_file(folder / "link", "new");
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(read_file(folder / "target"), "new");
  fs::create_symlink("nothing", folder / "dangling");
  EXPECT_EQ(code_of([&] { write_file(folder / "dangling", "new"); }), ErrorCode::kIo);
}

TEST(File, WhatIsNoFileIsWrittenToAndStays) {
  const Folder folder;
  write_file("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  std::string got;
  std::thread reader([&] {
    const int fd = ::open((folder / "pipe").c_str(), O_RDONLY);
    char buffer[64];
    for (ssize_t n = 0; (n = ::read(fd, buffer, sizeof buffer)) > 0;) got.append(buffer, static_cast<size_t>(n));
    ::close(fd);
  });
  write_file(folder / "pipe", "through");
  reader.join();
  EXPECT_EQ(got, "through");
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
}

TEST(File, AFailedWriteLeavesTheOldFileAndNothingElse) {
  const Folder folder;
  write_file(folder / "x", "old");
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const ErrorCode code = code_of([&] { write_file(folder / "x", std::string(100'000, 'b')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(code, ErrorCode::kIo);
  EXPECT_EQ(read_file(folder / "x"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

TEST(File, ACancelledWriteLeavesTheOldFile) {
  const Folder folder;
  write_file(folder / "x", "old");
  request_cancel();
  EXPECT_EQ(code_of([&] { write_file(folder / "x", "new"); }), ErrorCode::kCancelled);
  withdraw_cancel();
  EXPECT_EQ(read_file(folder / "x"), "old");
  EXPECT_EQ(folder.entries(), 1u);
}

}  // namespace
}  // namespace hone
