#include "base/file_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace hone::file_guard {

namespace {

/// What the handler reads: atomics alone, since it may run between any two instructions.
struct Watch {
  std::atomic<bool> is_taken{false}, is_lost{false};
  std::atomic<uintptr_t> begin{0}, end{0};
};

constinit Watch watches[1024];
constinit std::atomic<int> lost{0};       ///< ranges, the forgotten ones included
constinit std::atomic<int> forgotten{0};  ///< of them, that nobody asked for since
constinit std::atomic<uintptr_t> page{0};
struct sigaction previous;

void on_fault(int number, siginfo_t* info, void* context) {
  const auto at = reinterpret_cast<uintptr_t>(info->si_addr);
  for (Watch& w : watches) {
    const uintptr_t begin = w.begin, end = w.end;
    if (at < begin || at >= end) continue;
    const uintptr_t start = at / page * page;
    void* zeros = ::mmap(reinterpret_cast<void*>(start), end - start, PROT_READ,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED) break;
    if (!w.is_lost.exchange(true)) ++lost;
    return;
  }
  if (previous.sa_flags & SA_SIGINFO && previous.sa_sigaction) return previous.sa_sigaction(number, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) return previous.sa_handler(number);
  ::signal(SIGBUS, SIG_DFL);  // the faulting instruction runs again and ends the process as it would have
}

void install() {
  page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigaction(SIGBUS, &action, &previous);
}

}  // namespace

int watch(const void* data, size_t size) {
  static std::once_flag once;
  std::call_once(once, install);
  for (int i = 0; i < static_cast<int>(std::size(watches)); ++i) {
    Watch& w = watches[i];
    if (w.is_taken.exchange(true)) continue;
    w.is_lost = false;
    w.begin = reinterpret_cast<uintptr_t>(data);
    w.end = (reinterpret_cast<uintptr_t>(data) + size + page - 1) / page * page;
    return i;
  }
  return -1;
}

void forget(int watched) {
  if (watched < 0) return;
  Watch& w = watches[watched];
  w.end = 0;  // first: a range from 0 to there would be everybody's
  w.begin = 0;
  if (w.is_lost.exchange(false)) ++forgotten;
  w.is_taken = false;
}

bool is_any_lost() {
  if (lost.load(std::memory_order_relaxed) == 0) return false;
  lost -= forgotten.exchange(0);
  return true;
}

}  // namespace hone::file_guard
