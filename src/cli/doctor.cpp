#include "compress/doctor.h"

#include <algorithm>
#include <memory>

#include "base/printable.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/model_args.h"
#include "cli/table.h"

namespace hone {

namespace {

struct Options {
  ModelArgs model;
  bool is_json = false;
};

/// The command with the model's name where MODEL stands.
std::string typed(std::string command, const std::string& path) {
  constexpr std::string_view kPlace = "MODEL";
  const size_t at = command.find(kPlace);
  return at == std::string::npos ? command : command.replace(at, kPlace.size(), shell_quoted(path));
}

std::string report_json(const Options& o, const Diagnosis& d) {
  Json json = Json::object();
  json["model"] = o.model.path;
  Json& findings = json["findings"] = Json::array();
  for (const Finding& f : d.findings) {
    Json entry = Json::object();
    entry["check"] = f.check;
    entry["gravity"] = to_string(f.gravity);
    entry["found"] = f.found;
    entry["nodes"] = Json::list(f.nodes);
    entry["advice"] = typed(f.advice, o.model.path);
    findings.push_back(std::move(entry));
  }
  if (d.wins.bytes > 0) {
    Json& wins = json["wins"] = Json::object();
    wins["bytes"] = d.wins.bytes;
    wins["float16_bytes"] = d.wins.float16_bytes;
    wins["int8_bytes"] = d.wins.int8_bytes;
    wins["integer_macs"] = d.wins.integer_macs < 0 ? Json() : Json(d.wins.integer_macs);
  }
  json["next"] = typed(d.next, o.model.path);
  return json.dump(2) + "\n";
}

std::string nodes_text(const std::vector<std::string>& nodes) {
  constexpr size_t kShown = 3;
  constexpr int kColumns = 60;
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(nodes.size(), kShown); ++i)
    shown.push_back(shortened(printable_line(nodes[i]), kColumns));
  return cat(join(shown, ", "), nodes.size() > kShown ? cat(" and ", nodes.size() - kShown, " more") : "");
}

/// Whether the sentence names the only node by itself.
bool names(const std::string& sentence, const std::vector<std::string>& nodes) {
  const std::string in = cat(" ", sentence, " ");
  return nodes.size() == 1 && (in.find(cat(" ", nodes[0], " ")) != std::string::npos ||
                               in.find(cat("'", nodes[0], "'")) != std::string::npos);
}

void print(const Options& o, const Diagnosis& d, Console& console) {
  const int width = console.width();
  if (d.findings.empty()) console.out("nothing was found\n");
  for (const Finding& f : d.findings) {
    console.out(wrapped(cat(to_string(f.gravity), "  ", f.check, ": ", printable_line(f.found), "\n"), width, 7));
    if (!f.nodes.empty() && !names(f.found, f.nodes))
      console.out(wrapped(cat("       in ", nodes_text(f.nodes), "\n"), width, 7));
    console.out(wrapped(cat("       ", printable_line(typed(f.advice, o.model.path)), "\n"), width, 7));
  }
  Facts facts;
  const auto bytes = [](int64_t n) { return human_bytes(static_cast<uint64_t>(n)); };
  if (d.wins.bytes > 0)
    facts.add("weights", cat(bytes(d.wins.bytes), "; as float16 ", bytes(d.wins.float16_bytes), ", as int8 ",
                             bytes(d.wins.int8_bytes)));
  if (d.wins.integer_macs >= 0)
    facts.add("int8", cat("takes operators with ", percent(d.wins.integer_macs, 1), " of the multiply-accumulates"));
  facts.add("next", typed(d.next, o.model.path));
  console.out(cat("\n", facts.render(width)));
}

int doctor_command(const Options& o, Console& console) {
  const Diagnosis found = examine(o.model.load());
  if (o.is_json)
    console.out(report_json(o, found));
  else
    print(o, found, console);
  const bool is_stopped = std::any_of(found.findings.begin(), found.findings.end(),
                                      [](const Finding& f) { return f.gravity == Gravity::stops; });
  return is_stopped ? kExitNo : 0;
}

CommandBody setup(Args& args) {
  const auto o = std::make_shared<Options>();
  o->model.declare(args);
  args.flag("--json", o->is_json, "print JSON");
  return [o](Console& console) { return doctor_command(*o, console); };
}

}  // namespace

const Command kDoctorCommand{
    "doctor", "what stands in a model's way, what could be won, and the command to type next; needs no data",
    "hone doctor model.onnx",
    "Looks for operators that hone does not know, formats that cannot hold the model, weights that are not finite, "
    "dead "
    "or unlike channels, joined outputs of different units, activations with long tails, operators that int8 leaves in "
    "float, numbers beyond float16, integer layers that overflow elsewhere, transposes and duplicates. The exit code "
    "is 1 when something stops the work.",
    setup};

}  // namespace hone
