#pragma once

#include <string>

namespace hone {

/// Tells the service manager, as systemd's sd_notify(3) does: "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…".
/// Nothing happens where there is none (NOTIFY_SOCKET is not set).
void notify_manager(const std::string& state);

/// Seconds within which the manager wants to hear WATCHDOG=1; 0: it does not.
double watchdog_seconds();

}  // namespace hone
