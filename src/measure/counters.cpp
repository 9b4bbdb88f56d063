#include "measure/counters.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace hone {

namespace {

constexpr std::array<uint64_t, 4> kEvents{PERF_COUNT_HW_CPU_CYCLES, PERF_COUNT_HW_INSTRUCTIONS,
                                          PERF_COUNT_HW_CACHE_MISSES, PERF_COUNT_HW_BRANCH_MISSES};

int open_counter(uint64_t event, int leader) {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_HARDWARE;
  attributes.size = sizeof attributes;
  attributes.config = event;
  attributes.read_format = PERF_FORMAT_GROUP | PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  attributes.disabled = leader < 0;  // members follow their leader, which starts when all are there
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, 0, -1, leader, PERF_FLAG_FD_CLOEXEC));
}

}  // namespace

std::string why_no_counter(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return "hardware counters are not permitted (kernel.perf_event_paranoid, or a container without CAP_PERFMON)";
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
      return "this machine has no hardware counters (common in virtual machines)";
    case ENOSYS:
      return "this kernel has no perf_event_open";
    default:
      return cat("hardware counters cannot be opened: ", std::strerror(error));
  }
}

CounterGroup::CounterGroup() {
  fds_[0] = open_counter(kEvents[0], -1);
  if (fds_[0] < 0) {
    reason_ = why_no_counter(errno);
    return;
  }
  int members = 0;
  places_[0] = members++;
  for (size_t i = 1; i < fds_.size(); ++i) {
    fds_[i] = open_counter(kEvents[i], fds_[0]);
    if (fds_[i] >= 0) places_[i] = members++;
  }
  ::ioctl(fds_[0], PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP);
}

CounterGroup::~CounterGroup() {
  for (int fd : fds_)
    if (fd >= 0) ::close(fd);
}

Counters CounterGroup::read() const {
  std::array<uint64_t, 3 + kEvents.size()> raw{};
  const ssize_t got = ::read(fds_[0], raw.data(), sizeof raw);
  return counters_of_group(std::span(raw.data(), got > 0 ? static_cast<size_t>(got) / sizeof raw[0] : 0), places_);
}

Counters counters_of_group(std::span<const uint64_t> raw, const std::array<int, 4>& places) {
  Counters out{-1, -1, -1, -1};
  if (raw.size() < 3 || raw[2] == 0) return out;
  const double scale = static_cast<double>(raw[1]) / static_cast<double>(raw[2]);
  for (size_t i = 0; i < out.size(); ++i) {
    if (places[i] < 0) continue;
    const size_t at = static_cast<size_t>(places[i]);
    if (at < raw[0] && 3 + at < raw.size()) out[i] = static_cast<double>(raw[3 + at]) * scale;
  }
  return out;
}

}  // namespace hone
