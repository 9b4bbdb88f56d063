#include "measure/machine.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace hone {
namespace {

/// A made-up machine below a folder.
struct FakeRoot {
  std::string path;
  FakeRoot() {
    char name[] = "/tmp/hone-machine-XXXXXX";
    path = mkdtemp(name);
  }
  ~FakeRoot() { std::filesystem::remove_all(path); }
  void write(const std::string& file, std::string_view text) const {
    make_directory(std::filesystem::path(path + file).parent_path().string());
    write_file(path + file, text);
  }
};

TEST(Machine, ReadsAnArmBoardFromItsFiles) {
  const FakeRoot root;
  root.write(
      "/proc/cpuinfo",
      "processor\t: 0\nFeatures\t: fp asimd asimddp crc32\n\nprocessor\t: 1\nFeatures\t: fp asimd asimddp crc32\n");
  root.write("/proc/device-tree/model", std::string_view("Raspberry Pi 5 Model B\0", 23));
  root.write("/proc/meminfo", "MemTotal:        4000000 kB\nMemAvailable:    1000000 kB\n");
  root.write("/sys/fs/cgroup/cpu.max", "150000 100000\n");
  root.write("/sys/fs/cgroup/memory.max", "1073741824\n");
  root.write("/sys/devices/system/cpu/cpu0/cache/index0/level", "1\n");
  root.write("/sys/devices/system/cpu/cpu0/cache/index0/type", "Data\n");
  root.write("/sys/devices/system/cpu/cpu0/cache/index0/size", "64K\n");
  root.write("/sys/devices/system/cpu/cpu0/cache/index0/shared_cpu_list", "0-1\n");
  const Machine m = read_machine(root.path);
  EXPECT_EQ(m.cpu, "Raspberry Pi 5 Model B");
  EXPECT_EQ(m.cpus, 2);
  EXPECT_EQ(m.features, (std::vector<std::string>{"asimd", "asimddp"}));
  EXPECT_EQ(m.memory_bytes, 4'000'000 * int64_t(1024));
  EXPECT_EQ(m.memory_limit, int64_t(1) << 30);
  EXPECT_EQ(m.cpu_limit, 1.5);
  ASSERT_EQ(m.caches.size(), 1u);
  EXPECT_EQ(m.caches[0].bytes, 65536);
  EXPECT_EQ(m.caches[0].shared_by, 2);
}

TEST(Machine, SaysNothingOfWhatIsNotThere) {
  const FakeRoot root;
  const Machine m = read_machine(root.path);
  EXPECT_EQ(m.memory_bytes, -1);
  EXPECT_EQ(m.cpu_limit, -1);
  EXPECT_TRUE(m.caches.empty());
  EXPECT_TRUE(to_json(m).find("memory_bytes")->is_null());
}

TEST(Devices, FindsGpusAndNpusByTheirNodes) {
  const FakeRoot root;
  root.write("/dev/dri/renderD128", "");
  root.write("/sys/class/drm/renderD128/device/vendor", "0x8086\n");
  root.write("/sys/class/drm/renderD128/device/device", "0x46a6\n");
  root.write("/dev/accel/accel0", "");
  root.write("/dev/apex_0", "");
  root.write("/dev/nvidia0", "");
  root.write("/dev/nvidiactl", "");
  root.write("/proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA H100\nDevice Minor: \t 0\n");
  const std::vector<Device> devices = find_devices(root.path);
  ASSERT_EQ(devices.size(), 4u);
  EXPECT_EQ(devices[0].node, "/dev/accel/accel0");
  EXPECT_EQ(devices[0].kind, "npu");
  EXPECT_EQ(devices[1].name, "Google Coral Edge TPU");
  EXPECT_EQ(devices[2].name, "Intel (0x8086:0x46a6)");
  EXPECT_EQ(devices[3].name, "NVIDIA H100");
}

}  // namespace
}  // namespace hone
