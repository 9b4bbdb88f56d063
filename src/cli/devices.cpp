#include <memory>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"
#include "measure/machine.h"

namespace hone {

namespace {

std::string cache_text(const CpuCache& c) {
  return cat("L", c.level, " ", c.kind, " ", c.bytes < 0 ? "?" : human_bytes(static_cast<uint64_t>(c.bytes)),
             c.shared_by > 1 ? cat(" for ", c.shared_by, " CPUs") : "");
}

void print(const Machine& m, const std::vector<Device>& devices, Console& console) {
  const int width = console.width();
  const auto bytes = [](int64_t value) { return human_bytes(static_cast<uint64_t>(value)); };
  Facts facts;
  facts.add("system", cat(m.system, ", ", m.architecture));
  facts.add("cpu", cat(m.cpu.empty() ? "unknown" : m.cpu, m.max_mhz > 0 ? cat(", up to ", m.max_mhz, " MHz") : "",
                       m.governor.empty() ? "" : cat(", governor ", m.governor)));
  facts.add("cpus", cat(m.cpus, " online, ", m.usable, " usable here",
                        m.cpu_limit > 0 ? cat(" (quota ", fixed(m.cpu_limit, 2), ")") : ""));
  facts.add("features", m.features.empty() ? "none known" : join(m.features, " "));
  std::vector<std::string> caches;
  for (const CpuCache& cache : m.caches) caches.push_back(cache_text(cache));
  facts.add("caches", caches.empty() ? "unknown" : join(caches, ", "));
  if (m.memory_bytes > 0)
    facts.add("memory", cat(bytes(m.memory_bytes), ", ", bytes(m.available_bytes), " available",
                            m.memory_limit > 0 ? cat(", limited to ", bytes(m.memory_limit)) : ""));
  std::vector<std::string> providers;
  for (const Provider* p : all_providers()) providers.push_back(cat(p->name, " (", p->description, ")"));
  facts.add("providers", join(providers, ", "));
  console.out(facts.render(width));
  Table table({{"kind"}, {"device"}, {"driver"}, {"node"}, {"access"}});
  for (const Device& d : devices) table.add({d.kind, d.name, d.driver, d.node, d.is_usable ? "yes" : "no permission"});
  console.out(devices.empty() ? "\nno GPU and no NPU found\n" : cat("\n", table.render(width)));
}

CommandBody setup(Args& args) {
  const auto is_json = std::make_shared<bool>(false);
  args.flag("--json", *is_json, "print JSON");
  return [is_json](Console& console) {
    const Machine machine = read_machine();
    const std::vector<Device> devices = find_devices();
    if (!*is_json) {
      print(machine, devices, console);
      return 0;
    }
    Json json = to_json(machine);
    Json& list = json["devices"] = Json::array();
    for (const Device& device : devices) list.push_back(to_json(device));
    console.out(cat(json.dump(2), "\n"));
    return 0;
  };
}

}  // namespace

const Command kDevicesCommand{"devices", "what this machine offers: CPU features, caches, memory, GPUs, NPUs",
                              "hone devices --json", "", setup};

}  // namespace hone
