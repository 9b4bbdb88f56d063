#include "measure/disturbance.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

std::string read_text(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code unknown;
  std::vector<fs::path> out;
  for (auto it = fs::directory_iterator(folder, unknown); !unknown && it != fs::end(it); it.increment(unknown))
    out.push_back(it->path());
  return out;
}

/// The second number of each thread's schedstat: nanoseconds on a run queue.
int64_t waited_ns(const std::string& root) {
  int64_t sum = -1;
  for (const fs::path& task : entries(root + "/proc/self/task")) {
    std::istringstream fields(read_text(task / "schedstat"));
    int64_t ran = 0, waited = 0;
    if (fields >> ran >> waited) sum = std::max<int64_t>(sum, 0) + waited;
  }
  return sum;
}

/// cpu user nice system idle iowait irq softirq steal …
void read_stat(const std::string& root, Disturbances& out) {
  std::istringstream fields(read_text(root + "/proc/stat"));
  std::string name;
  int64_t value = 0, sum = 0;
  if (!(fields >> name) || name != "cpu") return;
  for (int i = 0; i < 8; ++i) {
    if (!(fields >> value)) return;
    sum += value;
  }
  out.stolen = value;
  out.ticks = sum;
}

void read_cpus(const std::string& root, Disturbances& out) {
  for (const fs::path& cpu : entries(root + "/sys/devices/system/cpu")) {
    const std::string name = cpu.filename().string();
    const auto number = name.starts_with("cpu") ? parse_int(name.substr(3)) : std::nullopt;
    if (!number) continue;
    if (const auto khz = parse_int(trim(read_text(cpu / "cpufreq/scaling_cur_freq")))) out.khz[*number] = *khz;
    for (const char* count : {"core_throttle_count", "package_throttle_count"})
      if (const auto n = parse_int(trim(read_text(cpu / "thermal_throttle" / count))))
        out.throttled = std::max<int64_t>(out.throttled, 0) + *n;
  }
}

/// nr_throttled of this process's control group, version 2.
int64_t periods_without_quota(const std::string& root) {
  std::istringstream groups(read_text(root + "/proc/self/cgroup"));
  std::string line, path;
  while (std::getline(groups, line))
    if (line.starts_with("0::")) path = line.substr(3);
  std::istringstream stat(read_text(cat(root, "/sys/fs/cgroup", path, "/cpu.stat")));
  std::string key;
  int64_t value = 0;
  while (stat >> key >> value)
    if (key == "nr_throttled") return value;
  return -1;
}

std::string percent(double part) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", part * 100);
  return text;
}

}  // namespace

Disturbances count_disturbances(const std::string& root) {
  Disturbances out;
  out.ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
  out.waited_ns = waited_ns(root);
  read_stat(root, out);
  read_cpus(root, out);
  out.periods_without_quota = periods_without_quota(root);
  return out;
}

std::vector<std::string> disturbances_between(const Disturbances& before, const Disturbances& after) {
  constexpr double kFelt = 0.01, kOtherFrequency = 0.05;
  std::vector<std::string> out;
  const auto grown = [](int64_t from, int64_t to) { return from < 0 || to < 0 ? 0.0 : static_cast<double>(to - from); };
  const double ns = static_cast<double>(after.ns - before.ns);
  if (const double waited = ns > 0 ? grown(before.waited_ns, after.waited_ns) / ns : 0; waited > kFelt)
    out.push_back(cat("threads waited ", percent(waited), " of the time for a CPU: others use the cores"));
  const double ticks = grown(before.ticks, after.ticks);
  if (const double stolen = ticks > 0 ? grown(before.stolen, after.stolen) / ticks : 0; stolen > kFelt)
    out.push_back(cat("the hypervisor took ", percent(stolen), " of the CPUs' time (steal)"));
  int64_t slowest = 0, fastest = 0;
  for (const auto& [cpu, khz] : before.khz) {
    const auto found = after.khz.find(cpu);
    if (found == after.khz.end() || khz <= 0) continue;
    if (std::abs(static_cast<double>(found->second - khz)) <= kOtherFrequency * static_cast<double>(khz)) continue;
    slowest = slowest == 0 ? std::min(khz, found->second) : std::min({slowest, khz, found->second});
    fastest = std::max({fastest, khz, found->second});
  }
  if (fastest > 0)
    out.push_back(cat("the processor's frequency changed between ", slowest / 1000, " and ", fastest / 1000, " MHz"));
  if (const double n = grown(before.throttled, after.throttled); n > 0)
    out.push_back(cat("heat slowed the processor ", static_cast<int64_t>(n), " times"));
  if (const double n = grown(before.periods_without_quota, after.periods_without_quota); n > 0)
    out.push_back(cat("the control group's quota stopped the process ", static_cast<int64_t>(n), " times"));
  return out;
}

}  // namespace hone
