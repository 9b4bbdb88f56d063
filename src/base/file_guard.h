#pragma once

#include <cstddef>

namespace hone {

/// Mapped files lose pages when another program shortens them; reading those would end the process by SIGBUS. A watched
/// range reads as zeros from there on instead and is marked as lost. The first watch installs a handler of SIGBUS;
/// faults outside of watched ranges go to the handler that was there before.
namespace file_guard {

/// Watches a range of whole pages; −1 when too many are watched.
int watch(const void* data, size_t size);
/// Ends a watch, before the range is unmapped. A range that was lost stays in is_any_lost() until it was asked for.
void forget(int watched);
/// Whether any watched range is lost, or was lost and forgotten since the last question; one load when none is.
bool is_any_lost();

}  // namespace file_guard

}  // namespace hone
