// hone in control groups, on full disks and killed at any point. What this machine does not permit is skipped, visibly.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/text.h"

namespace hone::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

struct Folder {
  std::string path;
  Folder() {
    char name[] = "/tmp/hone-limits-XXXXXX";
    path = mkdtemp(name);
  }
  ~Folder() { fs::remove_all(path); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

constexpr const char* kTiny = R"(graph "tiny" {
  input %x: f32[1,8,8,3]
  const %w: f32[4,3,3,3] = random(1)
  %c: f32[1,8,8,4] = Conv(%x, %w) {auto_pad=same_upper}
  output %c
}
)";
/// Two values of a gigabyte each; who computes the second in the place of the first needs one.
constexpr const char* kLarge = R"(graph "large" {
  input %x: f32[1]
  const %s: i64[2] = {16384, 16384}
  %huge: f32[16384,16384] = Expand(%x, %s)
  %y: f32[16384,16384] = Relu(%huge)
  output %y
}
)";

struct Ended {
  int code = -1, signal = 0;
  std::string err;
};

/// Runs hone in `folder`; `prepare` runs in the child before. After `kill_after`, if given, it gets SIGKILL; what has
/// not ended after a minute is a failure.
Ended run_hone(const Folder& folder, std::vector<std::string> words, const std::function<void()>& prepare = {},
               std::optional<milliseconds> kill_after = {}) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(folder.path.c_str()) != 0) ::_exit(99);
    if (!std::freopen("out.txt", "w", stdout) || !std::freopen("err.txt", "w", stderr)) ::_exit(99);
    if (prepare) prepare();
    words.insert(words.begin(), "hone");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(HONE_PROGRAM, arguments.data());
    ::_exit(99);
  }
  if (kill_after) {
    std::this_thread::sleep_for(*kill_after);
    ::kill(child, SIGKILL);
  }
  int status = 0;
  for (int i = 0; ::waitpid(child, &status, WNOHANG) == 0; ++i) {
    if (i == 6000) {
      ADD_FAILURE() << "hone " << join(words, " ") << " does not end";
      ::kill(child, SIGKILL);
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, WIFSIGNALED(status) ? WTERMSIG(status) : 0,
          read_file(folder / "err.txt")};
}

/// A memory group below this process's own, of version 2 or 1; none where that is not permitted.
class MemoryGroup {
 public:
  explicit MemoryGroup(int64_t bytes) {
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
      const bool is_v1 = line.find(":memory:") != std::string::npos, is_v2 = line.starts_with("0::");
      if (!is_v1 && !is_v2) continue;
      const std::string group = line.substr(line.rfind(':') + 1);
      const std::string path =
          cat("/sys/fs/cgroup", is_v1 ? "/memory" : "", group == "/" ? "" : group, "/hone-test-", ::getpid());
      std::error_code error;
      if (!fs::create_directory(path, error)) continue;
      path_ = path;
      std::ofstream(path + (is_v1 ? "/memory.limit_in_bytes" : "/memory.max")) << bytes << std::flush;
      std::ifstream check(path + (is_v1 ? "/memory.limit_in_bytes" : "/memory.max"));
      int64_t limit = 0;
      if (check >> limit && limit > 0 && limit <= bytes) return;
      ::rmdir(path.c_str());
      path_.clear();
    }
  }
  ~MemoryGroup() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  bool exists() const { return !path_.empty(); }
  void join() const { std::ofstream(path_ + "/cgroup.procs") << ::getpid() << std::flush; }

 private:
  std::string path_;
};

TEST(Limits, AModelLargerThanItsControlGroupIsAnErrorAndNoKill) {
  const MemoryGroup group(256 << 20);
  if (!group.exists()) GTEST_SKIP() << "may not make a memory control group";
  const Folder folder;
  write_file(folder / "large.hone", kLarge);
  for (const auto& [provider, need] : {std::pair{"cpu", "needs 1.1 GB"}, {"reference", "needs 2.1 GB"}}) {
    const Ended ended = run_hone(folder, {"run", "large.hone", "--provider", provider}, [&] { group.join(); });
    EXPECT_EQ(ended.code, 7) << provider << ended.err;
    EXPECT_NE(ended.err.find("'huge' of f32[16384,16384]"), std::string::npos) << ended.err;
    EXPECT_NE(ended.err.find(need), std::string::npos) << ended.err;
  }
  write_file(folder / "tiny.hone", kTiny);
  EXPECT_EQ(run_hone(folder, {"run", "tiny.hone"}, [&] { group.join(); }).code, 0);
}

TEST(Limits, FewProcessesMeanFewerThreads) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become a user without other processes";
  const Folder folder;
  write_file(folder / "tiny.hone", kTiny);
  fs::permissions(folder.path, fs::perms::all);
  const Ended ended = run_hone(folder, {"run", "tiny.hone", "--threads", "16"}, [] {
    const rlimit few{2, 2};
    ::setrlimit(RLIMIT_NPROC, &few);
    if (::setgid(60123) != 0 || ::setuid(60123) != 0) ::_exit(98);
  });
  if (ended.code == 98 || ended.code == 99) GTEST_SKIP() << "may not become another user";
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST(Limits, AServerHasAllItsThreadsWhereThereAreFew) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become a user without other processes";
  const Folder folder;
  write_file(folder / "tiny.hone", kTiny);
  fs::permissions(folder.path, fs::perms::all);
  const Ended ended = run_hone(
      folder, {"serve", "tiny.hone", "--http-port", "0", "--grpc-port", "0", "--workers", "16"},
      [] {
        const rlimit few{6, 6};
        ::setrlimit(RLIMIT_NPROC, &few);
        if (::setgid(60123) != 0 || ::setuid(60123) != 0) ::_exit(98);
      },
      milliseconds(2000));
  if (ended.code == 98 || ended.code == 99) GTEST_SKIP() << "may not become another user";
  EXPECT_EQ(ended.signal, SIGKILL) << ended.err;
  EXPECT_NE(ended.err.find("listening on http"), std::string::npos) << ended.err;
}

TEST(Limits, FewOpenFilesAreEnough) {
  const Folder folder;
  write_file(folder / "tiny.hone", kTiny);
  const Ended ended = run_hone(folder, {"convert", "tiny.hone", "out.onnx"}, [] {
    const rlimit few{8, 8};
    ::setrlimit(RLIMIT_NOFILE, &few);
  });
  EXPECT_EQ(ended.code, 0) << ended.err;
}

TEST(Limits, AFullDiskLeavesTheOldFile) {
  const Folder folder;
  if (::mount("hone-test", folder.path.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "may not mount a small disk";
  write_file(folder / "tiny.hone", kTiny);
  write_file(folder / "wide.hone", R"(graph "wide" {
  input %x: f32[1,512]
  const %w: f32[512,512] = random(1)
  %y: f32[1,512] = MatMul(%x, %w)
  output %y
}
)");
  EXPECT_EQ(run_hone(folder, {"convert", "tiny.hone", "out.onnx"}).code, 0);
  const std::string before = read_file(folder / "out.onnx");
  const Ended ended = run_hone(folder, {"convert", "wide.hone", "out.onnx"});
  EXPECT_EQ(ended.code, 6) << ended.err;
  EXPECT_NE(ended.err.find("out.onnx': No space left"), std::string::npos) << ended.err;
  EXPECT_EQ(read_file(folder / "out.onnx"), before);
  size_t entries = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder.path)) ++entries;
  EXPECT_EQ(entries, 5u) << "something was left behind";  // two models, the result, out.txt and err.txt
  ::umount(folder.path.c_str());
}

TEST(Limits, AKillAtAnyPointLeavesTheOldFileOrTheNewOne) {
  const Folder folder;
  write_file(folder / "tiny.hone", kTiny);
  ASSERT_EQ(run_hone(folder, {"convert", "tiny.hone", "new.onnx"}).code, 0);
  const std::string fresh = read_file(folder / "new.onnx");
  for (int i = 0; i < 40; ++i) {
    write_file(folder / "out.onnx", "old");
    run_hone(folder, {"convert", "tiny.hone", "out.onnx"}, {}, milliseconds(1 + i));
    const std::string found = read_file(folder / "out.onnx");
    EXPECT_TRUE(found == "old" || found == fresh) << "after " << i << " ms";
  }
  ASSERT_EQ(run_hone(folder, {"convert", "tiny.hone", "out.onnx"}).code, 0);
  for (const auto& entry : fs::directory_iterator(folder.path))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".hone-")) << entry.path() << " was left by the killed";
}

}  // namespace
}  // namespace hone::testing
