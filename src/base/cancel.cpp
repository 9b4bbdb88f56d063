#include "base/cancel.h"

#include <atomic>

#include "base/error.h"
#include "base/file.h"

namespace hone {

namespace {
constinit std::atomic<bool> is_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);
}  // namespace

void request_cancel() noexcept { is_requested.store(true, std::memory_order_relaxed); }
void withdraw_cancel() noexcept { is_requested.store(false, std::memory_order_relaxed); }
bool is_cancel_requested() noexcept { return is_requested.load(std::memory_order_relaxed); }

void check_interrupted() {
  if (is_cancel_requested()) throw cancelled("interrupted");
  MappedFile::check_all();
}

}  // namespace hone
