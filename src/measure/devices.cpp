#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "measure/machine.h"

namespace hone {

namespace fs = std::filesystem;

namespace {

/// A vendor's device node: names under /dev that begin with `prefix`.
struct VendorNode {
  std::string_view prefix;
  std::string_view kind;
  std::string_view name;
};

constexpr VendorNode kVendorNodes[] = {
    {"apex_", "npu", "Google Coral Edge TPU"},
    {"dxg", "gpu", "DirectX (WSL)"},
    {"ethosu", "npu", "Arm Ethos-U"},
    {"galcore", "npu", "VeriSilicon Vivante"},
    {"hailo", "npu", "Hailo"},
    {"hisi_hdc", "npu", "Huawei Ascend"},
    {"kfd", "gpu", "AMD ROCm compute"},
    {"kgsl-3d", "gpu", "Qualcomm Adreno"},
    {"mali", "gpu", "Arm Mali"},
    {"memx", "npu", "MemryX"},
    {"mtk_apu", "npu", "MediaTek APU"},
    {"nvhost-nvdla", "npu", "NVIDIA Deep Learning Accelerator"},
    {"nvhost-gpu", "gpu", "NVIDIA Tegra"},
    {"rknpu", "npu", "Rockchip NPU"},
    {"vha", "npu", "Imagination NPU"},
    {"vipcore", "npu", "VeriSilicon VIP"},
    {"xdna", "npu", "AMD XDNA"},
};

struct Vendor {
  std::string_view id, name;
};
constexpr Vendor kVendors[] = {{"0x1002", "AMD"},    {"0x1022", "AMD"},    {"0x10de", "NVIDIA"},
                               {"0x8086", "Intel"},  {"0x1e60", "Hailo"},  {"0x1ac1", "Google Coral"},
                               {"0x1d0f", "Amazon"}, {"0x1af4", "Virtio"}, {"0x1234", "QEMU"},
                               {"0x1a03", "ASPEED"}, {"0x15ad", "VMware"}};

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return std::string(trim(line));
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

bool can_open(const std::string& path) { return ::access(path.c_str(), R_OK | W_OK) == 0; }

/// Vendor, ids and driver of a device from its sysfs folder.
void describe_sysfs(const fs::path& folder, Device& device) {
  const std::string vendor = first_line(folder / "vendor"), id = first_line(folder / "device");
  std::error_code error;
  const fs::path driver = fs::read_symlink(folder / "driver", error);
  if (!error) device.driver = driver.filename().string();
  for (const Vendor& v : kVendors)
    if (v.id == vendor) device.name = std::string(v.name);
  if (!vendor.empty()) device.name += cat(device.name.empty() ? "" : " ", "(", vendor, ":", id, ")");
  // Devices of a system on a chip have no PCI ids but a name in the device tree.
  if (device.name.empty()) {
    for (const std::string& line : {first_line(folder / "uevent"), first_line(folder / "of_node/compatible")})
      if (device.name.empty()) device.name = line.substr(0, line.find('\0'));
  }
}

void find_class(const std::string& root, const std::string& dev, const std::string& sys_class,
                const std::string& prefix, const std::string& kind, std::vector<Device>& out) {
  for (const std::string& name : names_in(root + dev)) {
    if (!name.starts_with(prefix)) continue;
    Device device{.kind = kind, .name = "", .driver = "", .node = cat(dev, "/", name), .is_usable = false};
    device.is_usable = can_open(root + device.node);
    describe_sysfs(fs::path(root + sys_class) / name / "device", device);
    out.push_back(std::move(device));
  }
}

void find_nvidia(const std::string& root, std::vector<Device>& out) {
  const std::string folder = root + "/proc/driver/nvidia/gpus";
  std::vector<std::string> models, minors;
  for (const std::string& name : names_in(folder)) {
    std::ifstream file(fs::path(folder) / name / "information");
    std::string model, minor;
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Model:")) model = std::string(trim(std::string_view(line).substr(6)));
      if (line.starts_with("Device Minor:")) minor = std::string(trim(std::string_view(line).substr(13)));
    }
    models.push_back(model);
    minors.push_back(minor);
  }
  for (const std::string& name : names_in(root + "/dev")) {
    if (!name.starts_with("nvidia") || !parse_int(name.substr(6))) continue;
    Device device{.kind = "gpu", .name = "NVIDIA", .driver = "nvidia", .node = "/dev/" + name, .is_usable = false};
    for (size_t i = 0; i < models.size(); ++i)
      if (minors[i] == name.substr(6) && !models[i].empty()) device.name = models[i];
    device.is_usable = can_open(root + device.node);
    out.push_back(std::move(device));
  }
}

}  // namespace

std::vector<Device> find_devices(const std::string& root) {
  std::vector<Device> out;
  find_class(root, "/dev/dri", "/sys/class/drm", "renderD", "gpu", out);
  find_class(root, "/dev/accel", "/sys/class/accel", "accel", "npu", out);
  find_nvidia(root, out);
  for (const std::string& name : names_in(root + "/dev"))
    for (const VendorNode& vendor : kVendorNodes) {
      if (!name.starts_with(vendor.prefix)) continue;
      const std::string node = "/dev/" + name;
      out.push_back({std::string(vendor.kind), std::string(vendor.name), "", node, can_open(root + node)});
    }
  std::stable_sort(out.begin(), out.end(), [](const Device& a, const Device& b) { return a.node < b.node; });
  return out;
}

Json to_json(const Device& d) {
  Json json;
  json["kind"] = d.kind;
  json["name"] = d.name;
  json["driver"] = d.driver;
  json["node"] = d.node;
  json["usable"] = d.is_usable;
  return json;
}

}  // namespace hone
