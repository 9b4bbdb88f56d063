#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hone {

/// How often an event happened while a command ran, in it and everything it started.
struct EventCount {
  std::string name;           ///< as perf calls it: "cpu-cycles"
  double count = -1;          ///< −1: not counted; of clocks ns
  double counted = 1;         ///< part of the time that the counter had the hardware; the count is scaled to all of it
  bool is_user_only = false;  ///< the kernel's part is not permitted to be seen
  std::string reason;         ///< why nothing was counted
};

struct CommandCounts {
  std::vector<EventCount> events;
  double seconds = 0, user_seconds = 0, system_seconds = 0;
  int64_t peak_rss_bytes = 0;  ///< of the largest process
  int exit_code = 0;           ///< 128 + n after signal n, as shells say
};

/// Events by perf's names, "cpu-cycles" first; underscores are dashes, perf's other names are taken too, "name:u"
/// counts user mode alone, "r1a8" is a raw event. Throws Error(not_found) with the nearest for an unknown one.
CommandCounts count_command(std::span<const std::string> events, std::span<const std::string> command);

/// What is counted when nobody says: the processor's events, then the system's.
std::vector<std::string> usual_events();

}  // namespace hone
