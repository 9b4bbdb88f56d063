#include "measure/command_counters.h"

#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "measure/counters.h"

namespace hone {

namespace {

struct Event {
  std::string_view name, other;  ///< perf's names
  uint32_t type;
  uint64_t config;
};

constexpr uint64_t cache(uint64_t id, uint64_t operation, uint64_t result) {
  return id | operation << 8 | result << 16;
}

constexpr Event kEvents[] = {
    {"cpu-cycles", "cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"instructions", "", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cache-references", "", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
    {"cache-misses", "", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {"branch-instructions", "branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch-misses", "", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    {"bus-cycles", "", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
    {"stalled-cycles-frontend", "idle-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
    {"stalled-cycles-backend", "idle-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
    {"ref-cycles", "", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES},
    {"L1-dcache-loads", "", PERF_TYPE_HW_CACHE,
     cache(PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_ACCESS)},
    {"L1-dcache-load-misses", "", PERF_TYPE_HW_CACHE,
     cache(PERF_COUNT_HW_CACHE_L1D, PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_MISS)},
    {"LLC-loads", "", PERF_TYPE_HW_CACHE,
     cache(PERF_COUNT_HW_CACHE_LL, PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_ACCESS)},
    {"LLC-load-misses", "", PERF_TYPE_HW_CACHE,
     cache(PERF_COUNT_HW_CACHE_LL, PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_MISS)},
    {"dTLB-load-misses", "", PERF_TYPE_HW_CACHE,
     cache(PERF_COUNT_HW_CACHE_DTLB, PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_MISS)},
    {"cpu-clock", "", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
    {"task-clock", "", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
    {"page-faults", "faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {"minor-faults", "", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
    {"major-faults", "", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
    {"context-switches", "cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
    {"cpu-migrations", "migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
};

/// An event that the caller asked for.
struct Wanted {
  std::string name;
  uint32_t type;
  uint64_t config;
  bool is_user_only = false;
};

Wanted find_event(const std::string& text) {
  std::string name = text;
  std::replace(name.begin(), name.end(), '_', '-');
  bool is_user_only = false;
  if (name.ends_with(":u")) {
    is_user_only = true;
    name.resize(name.size() - 2);
  }
  std::vector<std::string> names;
  for (const Event& event : kEvents) {
    if (lower(name) == lower(event.name) || name == event.other)
      return {std::string(event.name), event.type, event.config, is_user_only};
    names.emplace_back(event.name);
    if (!event.other.empty()) names.emplace_back(event.other);
  }
  uint64_t raw = 0;
  const char* end = name.data() + name.size();
  if (name.size() > 1 && name[0] == 'r' && std::from_chars(name.data() + 1, end, raw, 16).ptr == end)
    return {name, PERF_TYPE_RAW, raw, is_user_only};
  const std::string near = nearest(name, names);
  throw not_found(cat("no event is called '", text, "'"),
                  near.empty() ? cat("there are ", join(names, ", ")) : cat("did you mean ", near, "?"));
}

/// A descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

/// Counts `event` in process `pid` and its children from its next exec on.
Descriptor open_event(const Wanted& event, pid_t pid, EventCount& out) {
  perf_event_attr attributes{};
  attributes.type = event.type;
  attributes.size = sizeof attributes;
  attributes.config = event.config;
  attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  attributes.disabled = attributes.inherit = attributes.enable_on_exec = 1;
  attributes.exclude_kernel = attributes.exclude_hv = event.is_user_only;
  const auto open = [&] {
    return static_cast<int>(::syscall(SYS_perf_event_open, &attributes, pid, -1, -1, PERF_FLAG_FD_CLOEXEC));
  };
  int fd = open();
  if (fd < 0 && (errno == EACCES || errno == EPERM) && !event.is_user_only) {
    attributes.exclude_kernel = attributes.exclude_hv = 1;
    fd = open();
  }
  out.is_user_only = attributes.exclude_kernel;
  if (fd < 0) out.reason = why_no_counter(errno);
  return Descriptor(fd);
}

void read_event(const Descriptor& event, EventCount& out) {
  std::array<uint64_t, 3> raw{};  // the value, ns enabled, ns running
  if (event.fd() < 0) return;
  if (::read(event.fd(), raw.data(), sizeof raw) != sizeof raw || raw[2] == 0) {
    out.reason = "the counter never had the hardware: others use it";
    if (raw[1] == 0) out.count = 0, out.reason.clear();  // nothing ran
    return;
  }
  out.counted = static_cast<double>(raw[2]) / static_cast<double>(raw[1]);
  out.count = static_cast<double>(raw[0]) / out.counted;
}

/// In the new process: waits until it is watched, then becomes the command; tells `failure` the errno when it cannot.
[[noreturn]] void become(std::span<const std::string> command, int ready, int failure) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  char go = 0;
  if (::read(ready, &go, 1) != 1) ::_exit(127);
  for (const int signal : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  ::execvp(words[0], words.data());
  const int error = errno;
  if (::write(failure, &error, sizeof error) != sizeof error) ::_exit(127);
  ::_exit(127);
}

std::pair<Descriptor, Descriptor> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw io_error(cat("cannot make a pipe: ", std::strerror(errno)));
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Waits for the end; an interruption ends the command too.
rusage wait_for(pid_t pid, int& status) {
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0) {
    if (errno != EINTR) throw io_error(cat("cannot wait for the command: ", std::strerror(errno)));
    if (is_cancel_requested()) ::kill(pid, SIGTERM);
  }
  check_interrupted();
  return usage;
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

std::vector<std::string> usual_events() {
  return {"cpu-cycles", "instructions", "cache-misses",     "branch-misses",
          "task-clock", "page-faults",  "context-switches", "cpu-migrations"};
}

CommandCounts count_command(std::span<const std::string> events, std::span<const std::string> command) {
  std::vector<Wanted> wanted;
  for (const std::string& text : events) wanted.push_back(find_event(text));
  auto [ready, start] = make_pipe();
  auto [failed, failure] = make_pipe();
  const pid_t pid = ::fork();
  if (pid < 0) throw resource_error(cat("cannot start a process: ", std::strerror(errno)));
  if (pid == 0) become(command, ready.fd(), failure.fd());
  failure.close();
  CommandCounts out;
  std::vector<Descriptor> counters;
  for (const Wanted& event : wanted) {
    out.events.push_back({.name = event.name});
    counters.push_back(open_event(event, pid, out.events.back()));
  }
  const auto begin = std::chrono::steady_clock::now();
  if (::write(start.fd(), "x", 1) != 1) throw io_error("the command went away before it began");
  int error = 0, status = 0;
  const bool is_failure = ::read(failed.fd(), &error, sizeof error) == sizeof error;
  const rusage usage = wait_for(pid, status);
  out.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (is_failure) throw not_found(cat("cannot run '", command[0], "': ", std::strerror(error)));
  for (size_t i = 0; i < counters.size(); ++i) read_event(counters[i], out.events[i]);
  out.user_seconds = seconds_of(usage.ru_utime);
  out.system_seconds = seconds_of(usage.ru_stime);
  out.peak_rss_bytes = usage.ru_maxrss * 1024;
  out.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return out;
}

}  // namespace hone
