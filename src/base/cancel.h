#pragma once

namespace hone {

/// Asks everything that runs in this process to end. Loops look at the request between tiles, iterations, nodes and
/// samples. Safe in a signal handler and from any thread.
void request_cancel() noexcept;
/// Takes the request back.
void withdraw_cancel() noexcept;
bool is_cancel_requested() noexcept;

/// What long work calls between its parts: throws Error(cancelled) after request_cancel, and Error(io) when a file that
/// is mapped was shortened (file.h) so that numbers in use are no longer its own. Costs two loads.
void check_interrupted();

}  // namespace hone
