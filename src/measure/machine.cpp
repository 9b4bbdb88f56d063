#include "measure/machine.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "base/thread_pool.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

/// Files of /proc and /sys have no size to ask for; missing ones are empty.
std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  char buffer[4096];
  while (text.size() < (1 << 20) && (file.read(buffer, sizeof buffer), file.gcount() > 0))
    text.append(buffer, static_cast<size_t>(file.gcount()));
  return std::string(trim(text));
}

/// "48K" → 49152.
int64_t parse_size(std::string text) {
  int64_t unit = 1;
  if (!text.empty() && (text.back() == 'K' || text.back() == 'M' || text.back() == 'G')) {
    unit = text.back() == 'K' ? 1 << 10 : text.back() == 'M' ? 1 << 20 : 1 << 30;
    text.pop_back();
  }
  const auto value = parse_int(text);
  return value ? *value * unit : -1;
}

/// How many CPUs a list like "0-3,8" names.
int64_t count_list(const std::string& text) {
  int64_t count = 0;
  for (const std::string& part : split(text, ',')) {
    const auto ends = split(part, '-');
    const auto first = parse_int(ends.front()), last = parse_int(ends.back());
    if (first && last) count += *last - *first + 1;
  }
  return count;
}

constexpr std::string_view kFeatures[] = {
    // x86-64
    "sse4_2", "avx", "fma", "f16c", "avx2", "avx_vnni", "avx512f", "avx512bw", "avx512vl", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
    // ARM
    "neon", "asimd", "asimdhp", "asimddp", "fphp", "i8mm", "bf16", "sve", "sve2", "sme",
    // RISC-V
    "rv64imafdcv", "zvl128b", "zvfh"};

void read_cpuinfo(const std::string& root, Machine& out) {
  std::set<std::string> found;
  for (const std::string& line : split(read_text(root + "/proc/cpuinfo"), '\n')) {
    const size_t at = line.find(':');
    if (at == std::string::npos) continue;
    const std::string key(trim(line.substr(0, at))), value(trim(line.substr(at + 1)));
    if (key == "processor") ++out.cpus;
    if ((key == "model name" || key == "Model" || key == "uarch") && out.cpu.empty()) out.cpu = value;
    if (key == "flags" || key == "Features" || key == "isa")
      for (const std::string& flag : split(value, ' ')) found.insert(flag);
  }
  for (const std::string_view feature : kFeatures)
    if (found.count(std::string(feature))) out.features.emplace_back(feature);
  // ARM boards name themselves in the device tree rather than in cpuinfo.
  if (out.cpu.empty()) {
    out.cpu = read_text(root + "/proc/device-tree/model");
    while (!out.cpu.empty() && out.cpu.back() == '\0') out.cpu.pop_back();
  }
}

void read_caches(const std::string& root, Machine& out) {
  const std::string folder = root + "/sys/devices/system/cpu/cpu0/cache/index";
  for (int i = 0; i < 16; ++i) {
    const std::string index = folder + std::to_string(i);
    const std::string level = read_text(index + "/level");
    if (level.empty()) break;
    CpuCache cache;
    cache.level = static_cast<int>(parse_int(level).value_or(0));
    cache.kind = lower(read_text(index + "/type"));
    cache.bytes = parse_size(read_text(index + "/size"));
    cache.shared_by = std::max<int64_t>(1, count_list(read_text(index + "/shared_cpu_list")));
    out.caches.push_back(std::move(cache));
  }
}

void read_memory(const std::string& root, Machine& out) {
  for (const std::string& line : split(read_text(root + "/proc/meminfo"), '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() != 2) continue;
    const std::string value = split(std::string(trim(fields[1])), ' ').front();
    const int64_t bytes = parse_int(value).value_or(0) * 1024;
    if (fields[0] == "MemTotal") out.memory_bytes = bytes;
    if (fields[0] == "MemAvailable") out.available_bytes = bytes;
  }
}

}  // namespace

Machine read_machine(const std::string& root) {
  Machine out;
  utsname name{};
  if (::uname(&name) == 0) {
    out.system = cat(name.sysname, " ", name.release);
    out.architecture = name.machine;
  }
  read_cpuinfo(root, out);
  read_caches(root, out);
  read_memory(root, out);
  const GroupLimits limits = read_group_limits(root);
  out.cpu_limit = limits.cpus;
  out.memory_limit = limits.memory;
  out.usable = usable_cpus();
  const std::string frequency = root + "/sys/devices/system/cpu/cpu0/cpufreq/";
  const int64_t khz = parse_int(read_text(frequency + "cpuinfo_max_freq")).value_or(-1);
  out.max_mhz = khz > 0 ? khz / 1000 : -1;
  out.governor = read_text(frequency + "scaling_governor");
  return out;
}

Json to_json(const Machine& m) {
  const auto known = [](int64_t value) { return value < 0 ? Json() : Json(value); };
  Json json;
  json["system"] = m.system;
  json["architecture"] = m.architecture;
  json["cpu"] = m.cpu;
  json["cpus"] = m.cpus;
  json["usable_cpus"] = m.usable;
  json["features"] = Json::list(m.features);
  Json& caches = json["caches"] = Json::array();
  for (const CpuCache& c : m.caches) {
    Json cache;
    cache["level"] = c.level;
    cache["kind"] = c.kind;
    cache["bytes"] = known(c.bytes);
    cache["shared_by"] = c.shared_by;
    caches.push_back(std::move(cache));
  }
  json["max_mhz"] = known(m.max_mhz);
  json["governor"] = m.governor;
  json["memory_bytes"] = known(m.memory_bytes);
  json["available_bytes"] = known(m.available_bytes);
  json["memory_limit_bytes"] = known(m.memory_limit);
  json["cpu_limit"] = m.cpu_limit < 0 ? Json() : Json(m.cpu_limit);
  return json;
}

}  // namespace hone
