#include "cli/command_profile.h"

#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/foreign.h"
#include "cli/table.h"
#include "container/json.h"
#include "measure/command_counters.h"

namespace hone {

namespace {

double count_of(const CommandCounts& counts, std::string_view name) {
  for (const EventCount& event : counts.events)
    if (event.name == name) return event.count;
  return -1;
}

std::string event_text(const EventCount& event, const CommandCounts& counts) {
  if (!event.reason.empty()) return cat("not counted: ", event.reason);
  const bool is_clock = event.name.ends_with("-clock");
  std::string text = is_clock ? human_us(event.count / 1e3) : grouped(static_cast<int64_t>(event.count + 0.5));
  const double cycles = count_of(counts, "cpu-cycles");
  if (is_clock && counts.seconds > 0) text += cat(", ", fixed(event.count / 1e9 / counts.seconds, 2), " CPUs");
  if (event.name == "instructions" && cycles > 0) text += cat(", ", fixed(event.count / cycles, 2), " a cycle");
  if (event.is_user_only) text += ", user mode alone";
  if (event.counted < 0.995) text += cat(", scaled: counted ", percent(event.counted, 0), " of the time");
  return text;
}

Json to_json(const CommandCounts& counts) {
  Json json = Json::object();
  Json& events = json["events"] = Json::array();
  for (const EventCount& event : counts.events) {
    Json item;
    item["event"] = event.name;
    item["count"] = event.reason.empty() ? Json(event.count) : Json();
    item["counted"] = event.counted;
    item["user_only"] = event.is_user_only;
    item["reason"] = event.reason;
    events.push_back(std::move(item));
  }
  json["wall_us"] = counts.seconds * 1e6;
  json["user_us"] = counts.user_seconds * 1e6;
  json["system_us"] = counts.system_seconds * 1e6;
  json["peak_rss_bytes"] = counts.peak_rss_bytes;
  json["exit_code"] = static_cast<int64_t>(counts.exit_code);
  return json;
}

/// The flags of perf-stat(1).
constexpr ForeignFlag kPerfStat[] = {
    {"-e,--event", "EVENT[,EVENT]", "", "what to count"},
    {"-r,--repeat", "N", kNothing, "the command runs once"},
    {"-d,--detailed", "", kNothing, "-e names what else is to be counted"},
    {"-B,--big-num", "", kNothing, "numbers are grouped always"},
    {"-v,--verbose", "", kNothing, "there is no more to tell"},
    {"-x,--field-separator", "TEXT", kNothing, "hone profile --json -- COMMAND is for programs"},
    {"-o,--output", "FILE", kNothing, "the report goes to standard error"},
    {"-i,--no-inherit", "", kNothing, "what the command starts is counted too"},
};

CommandBody setup_perf(Args& args) {
  struct Given {
    std::string what;
    std::vector<std::string> command;
    ForeignLine line;
  };
  const auto given = std::make_shared<Given>();
  args.positional("stat", given->what, "perf's own command: stat");
  args.command("COMMAND", given->command, "what is run and counted", true);
  given->line.declare(args, kPerfStat);
  return [given](Console& console) {
    if (given->what != "stat")
      throw unsupported(cat("perf ", given->what, ": hone takes perf stat alone"),
                        "hone profile MODEL says where a model's time goes");
    if (given->command.empty()) throw invalid_argument("perf stat: COMMAND is missing", "hone help perf");
    given->line.words(console);
    return profile_command(given->line.values("-e"), given->command, false, console);
  };
}

}  // namespace

int profile_command(const std::vector<std::string>& events, const std::vector<std::string>& command, bool is_json,
                    Console& console) {
  const CommandCounts counts = count_command(events.empty() ? usual_events() : split(join(events, ","), ','), command);
  if (is_json) {
    console.out(cat(to_json(counts).dump(2), "\n"));
    return counts.exit_code;
  }
  Facts facts;
  for (const EventCount& event : counts.events) facts.add(event.name, event_text(event, counts));
  facts.add("time", cat(human_us(counts.seconds * 1e6), ", user ", human_us(counts.user_seconds * 1e6), ", system ",
                        human_us(counts.system_seconds * 1e6)));
  facts.add("memory", cat("peak ", human_bytes(static_cast<uint64_t>(counts.peak_rss_bytes)), " resident"));
  const std::string text = facts.render(console.width());
  console.note(text.substr(0, text.find_last_not_of('\n') + 1));
  return counts.exit_code;
}

const Command kPerfCommand{"perf",
                           "Linux's counters: the lines of perf stat, counted as by hone profile",
                           "hone perf stat -e cpu-cycles,instructions hone run model.onnx",
                           "",
                           setup_perf,
                           "perf"};

}  // namespace hone
