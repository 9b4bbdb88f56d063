#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "container/json.h"

namespace hone {

struct CpuCache {
  int level = 0;
  std::string kind;  ///< "data", "instruction", "unified"
  int64_t bytes = 0;
  int64_t shared_by = 1;  ///< CPUs that share one
};

/// What the operating system tells of this machine. Sizes in bytes; −1 where nothing is told or nothing is limited.
struct Machine {
  std::string system;                 ///< "Linux 6.1.0"
  std::string architecture;           ///< "x86_64", "aarch64"
  std::string cpu;                    ///< model name
  int64_t cpus = 0;                   ///< online
  int64_t usable = 0;                 ///< that this process may use: affinity and the cgroup's quota
  std::vector<std::string> features;  ///< those that matter for kernels, e.g. "avx2", "asimddp"
  std::vector<CpuCache> caches;       ///< of CPU 0
  int64_t max_mhz = -1;
  std::string governor;  ///< of CPU 0's frequency
  int64_t memory_bytes = -1;
  int64_t available_bytes = -1;
  int64_t memory_limit = -1;  ///< of the cgroup
  double cpu_limit = -1;      ///< CPUs that the cgroup's quota amounts to
};

/// `root` stands before /proc and /sys: "" for this machine, a folder in tests.
Machine read_machine(const std::string& root = "");

/// One accelerator or device node.
struct Device {
  std::string kind;        ///< "gpu", "npu"
  std::string name;        ///< "NVIDIA H100", "Intel (0x8086:0x46a6)"
  std::string driver;      ///< kernel driver, "" when not told
  std::string node;        ///< "/dev/dri/renderD128"
  bool is_usable = false;  ///< this process may open it
};

/// GPUs from /dev/dri, /dev/nvidia*, NPUs from /dev/accel and the nodes of vendors. Sorted by node.
std::vector<Device> find_devices(const std::string& root = "");

Json to_json(const Machine& machine);
Json to_json(const Device& device);

}  // namespace hone
