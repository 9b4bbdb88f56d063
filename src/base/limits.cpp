#include "base/limits.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr int64_t kUnknown = std::numeric_limits<int64_t>::max();
constexpr int64_t kMargin = 8'000'000;  ///< for stacks, code and small things
constexpr int64_t kGrain = 16'000'000;

constinit std::atomic<int64_t> ceiling{0};
constinit std::atomic<int64_t> unasked{0};  ///< bytes granted since the system was asked last

/// Start of a small file of /proc or /sys; empty when it is not there. Allocates less than what has_memory_for sums up.
std::string read_small(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  char buffer[8192];
  const ssize_t got = ::read(fd, buffer, sizeof buffer);
  ::close(fd);
  return std::string(trim(std::string_view(buffer, got > 0 ? static_cast<size_t>(got) : 0)));
}

/// The number in a file that holds one; none for "max" and for version 1's way to say so, a number near 2^63.
std::optional<int64_t> read_limit(const std::string& path) {
  const auto number = parse_int(read_small(path));
  return number && *number >= 0 && *number < (int64_t{1} << 60) ? number : std::nullopt;
}

/// The number after `key` in lines like "key 123" or "key: 123 kB"; none without such a line.
std::optional<int64_t> number_after(const std::string& text, std::string_view key) {
  for (size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) {
    const bool is_line_start = at == 0 || text[at - 1] == '\n';
    size_t from = at + key.size();
    if (!is_line_start || from >= text.size() || (text[from] != ' ' && text[from] != ':' && text[from] != '\t'))
      continue;
    while (from < text.size() && (text[from] == ' ' || text[from] == ':' || text[from] == '\t')) ++from;
    size_t to = from;
    while (to < text.size() && text[to] >= '0' && text[to] <= '9') ++to;
    return parse_int(std::string_view(text).substr(from, to - from));
  }
  return std::nullopt;
}

/// Path of this process in the hierarchy of `controller` ("": version 2); "/" when unknown.
std::string group_of(const std::string& groups, std::string_view controller) {
  for (const std::string& line : split(groups, '\n')) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string names = line.substr(first + 1, second - first - 1);
    const std::vector<std::string> list = split(names, ',');
    if (controller.empty() ? names.empty() : std::find(list.begin(), list.end(), controller) != list.end())
      return line.substr(second + 1);
  }
  return "/";
}

/// Calls `visit` with the folder of the group and of every group above it. Folders that a container does not show are
/// simply without files.
template <class Visit>
void for_each_level(const std::string& mount, std::string group, const Visit& visit) {
  for (;;) {
    while (!group.empty() && group.back() == '/') group.pop_back();
    visit(mount + group + "/");
    if (group.empty()) return;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

void take_least(double& least, double value) { least = least < 0 ? value : std::min(least, value); }
void take_least(int64_t& least, int64_t value) { least = least < 0 ? value : std::min(least, value); }

struct MemoryFiles {
  const char *limit, *usage, *file_lru[2];
};
constexpr MemoryFiles kVersion2{"memory.max", "memory.current", {"inactive_file", "active_file"}};
constexpr MemoryFiles kVersion1{
    "memory.limit_in_bytes", "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}};

void read_memory(const std::string& folder, const MemoryFiles& files, GroupLimits& out) {
  const auto limit = read_limit(folder + files.limit);
  if (!limit) return;
  take_least(out.memory, *limit);
  int64_t used = read_limit(folder + files.usage).value_or(0);
  const std::string stat = read_small(folder + "memory.stat");
  for (const char* key : files.file_lru) used -= number_after(stat, key).value_or(0);
  take_least(out.memory_free, std::max<int64_t>(*limit - std::max<int64_t>(used, 0), 0));
}

void take_quota(std::optional<int64_t> quota, std::optional<int64_t> period, GroupLimits& out) {
  if (quota && period && *quota > 0 && *period > 0)
    take_least(out.cpus, static_cast<double>(*quota) / static_cast<double>(*period));
}

int64_t least_of_rlimits(const std::string& status) {
  int64_t least = kUnknown;
  const auto take = [&](int resource, std::string_view key) {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
    const int64_t used = number_after(status, key).value_or(0) * 1024;
    least = std::min(least, std::max<int64_t>(static_cast<int64_t>(limit.rlim_cur) - used, 0));
  };
  take(RLIMIT_AS, "VmSize");
  take(RLIMIT_DATA, "VmData");
  return least;
}

}  // namespace

GroupLimits read_group_limits(const std::string& root) {
  GroupLimits out;
  const std::string groups = read_small(root + "/proc/self/cgroup");
  for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
    for_each_level(root + mount, group_of(groups, ""), [&](const std::string& folder) {
      const std::vector<std::string> quota = split(read_small(folder + "cpu.max"), ' ');
      if (quota.size() == 2) take_quota(parse_int(quota[0]), parse_int(quota[1]), out);
      read_memory(folder, kVersion2, out);
    });
  for (const char* mount : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"})
    for_each_level(root + mount, group_of(groups, "cpu"), [&](const std::string& folder) {
      take_quota(parse_int(read_small(folder + "cpu.cfs_quota_us")),
                 parse_int(read_small(folder + "cpu.cfs_period_us")), out);
    });
  for_each_level(root + "/sys/fs/cgroup/memory", group_of(groups, "memory"),
                 [&](const std::string& folder) { read_memory(folder, kVersion1, out); });
  return out;
}

void set_memory_ceiling(int64_t bytes) { ceiling = bytes; }

int64_t free_memory(const std::string& root) {
  int64_t least = kUnknown;
  const auto take = [&](int64_t bytes) { least = std::min(least, std::max<int64_t>(bytes, 0)); };
  if (const auto available = number_after(read_small(root + "/proc/meminfo"), "MemAvailable")) take(*available * 1024);
  if (const GroupLimits group = read_group_limits(root); group.memory_free >= 0) take(group.memory_free);
  const std::string status = read_small(root + "/proc/self/status");
  take(least_of_rlimits(status));
  if (const int64_t most = ceiling; most > 0) take(most - number_after(status, "RssAnon").value_or(0) * 1024);
  return least;
}

bool has_memory_for(int64_t bytes) noexcept {
  const int64_t sum = unasked.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (sum < kGrain) return true;
  unasked.store(0, std::memory_order_relaxed);
  try {
    return free_memory() - kMargin >= sum;
  } catch (...) {
    return false;
  }
}

Error memory_error(int64_t bytes, const std::string& what) {
  return resource_error(cat(what, " needs ", human_bytes(static_cast<uint64_t>(bytes)), ", ",
                            human_bytes(static_cast<uint64_t>(free_memory())), " are free"),
                        ceiling > 0 ? "raise --max-memory" : "");
}

}  // namespace hone
