#include "base/limits.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace hone {
namespace {

/// Made-up files of /proc and /sys below a folder.
struct FakeRoot {
  std::string path;
  FakeRoot() {
    char name[] = "/tmp/hone-limits-XXXXXX";
    path = mkdtemp(name);
  }
  ~FakeRoot() { std::filesystem::remove_all(path); }
  void write(const std::string& file, std::string_view text) const {
    make_directory(std::filesystem::path(path + file).parent_path().string());
    write_file(path + file, text);
  }
};

TEST(Limits, TheTightestOfNestedGroupsCounts) {
  const FakeRoot root;
  root.write("/proc/self/cgroup", "0::/user/job\n");
  root.write("/sys/fs/cgroup/user/memory.max", "1000000000\n");
  root.write("/sys/fs/cgroup/user/memory.current", "900000000\n");
  root.write("/sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 300000000\nactive_file 100000000\n");
  root.write("/sys/fs/cgroup/user/job/memory.max", "800000000\n");
  root.write("/sys/fs/cgroup/user/job/memory.current", "100000000\n");
  root.write("/sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  root.write("/sys/fs/cgroup/user/cpu.max", "250000 100000\n");
  const GroupLimits limits = read_group_limits(root.path);
  EXPECT_EQ(limits.cpus, 2.5);
  EXPECT_EQ(limits.memory, 800'000'000);
  EXPECT_EQ(limits.memory_free, 500'000'000);
  EXPECT_EQ(free_memory(root.path), 500'000'000);
}

TEST(Limits, VersionOneHasAHierarchyForEachController) {
  const FakeRoot root;
  root.write("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/b\n1:cpuset:/c\n");
  root.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  root.write("/sys/fs/cgroup/memory/docker/b/memory.limit_in_bytes", "536870912\n");
  root.write("/sys/fs/cgroup/memory/docker/b/memory.usage_in_bytes", "36870912\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "50000\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  const GroupLimits limits = read_group_limits(root.path);
  EXPECT_EQ(limits.cpus, 0.5);
  EXPECT_EQ(limits.memory, 536'870'912);
  EXPECT_EQ(limits.memory_free, 500'000'000);
}

TEST(Limits, AContainerThatShowsOnlyItsOwnGroupIsReadAtTheMount) {
  const FakeRoot root;
  root.write("/proc/self/cgroup", "0::/../../far/away\n");
  root.write("/sys/fs/cgroup/memory.max", "1000000\n");
  EXPECT_EQ(read_group_limits(root.path).memory, 1'000'000);
}

TEST(Limits, NothingKnownIsNoLimit) {
  const FakeRoot root;
  const GroupLimits limits = read_group_limits(root.path);
  EXPECT_EQ(limits.cpus, -1);
  EXPECT_EQ(limits.memory_free, -1);
  EXPECT_GT(free_memory(root.path), int64_t{1} << 60);
}

TEST(Limits, ACeilingCountsWhatTheProcessHolds) {
  set_memory_ceiling(100'000);  // less than any process holds
  EXPECT_EQ(free_memory(), 0);
  EXPECT_TRUE(has_memory_for(1000)) << "small amounts are summed up before the system is asked";
  EXPECT_FALSE(has_memory_for(100'000'000));
  try {
    require_memory(100'000'000, [] { return "tensor 'x'"; });
    FAIL() << "expected an error";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kResource);
    EXPECT_EQ(e.message(), "tensor 'x' needs 100 MB, 0 B are free");
    EXPECT_EQ(e.hint(), "raise --max-memory");
  }
  set_memory_ceiling(0);
  EXPECT_TRUE(has_memory_for(17'000'000));
}

}  // namespace
}  // namespace hone
