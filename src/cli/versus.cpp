#include "cli/versus.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "cli/table.h"
#include "compress/file_forms.h"
#include "formats/formats.h"
#include "measure/disturbance.h"
#include "measure/speed.h"
#include "peers/peer.h"
#include "runtime/program.h"

namespace hone {

namespace {

/// A model with who runs it.
struct Contender {
  std::string model, runtime;
  Infer run;  ///< on its own inputs, whatever it is given
};

Infer on(Infer run, std::vector<Tensor> inputs) {
  return [run = std::move(run), inputs = std::move(inputs)](std::span<const Tensor>) { return run(inputs); };
}

Contender in_hone(const VersusArgs& o, const ModelArgs& model) {
  const auto program = Program::prepared(model.load(), o.engine.engine());
  const std::vector<Tensor> inputs = o.inputs.load_or_generate(program->graph());
  std::vector<Dims> shapes;
  for (const Tensor& t : inputs) shapes.push_back(t.dims());
  const auto plan = program->plan_for(shapes);
  return {model.path, cat("hone (", o.engine.provider, ", ", counted(plan->threads(), "thread"), ")"),
          on(infer_of(program)(), inputs)};
}

bool has_extension_of(const std::string& path, std::string_view format) {
  return lower(std::filesystem::path(path).extension().string()) == cat(".", format);
}

/// The same model in another runtime: its own file where that runtime reads it, else what hone writes of it.
Contender in_peer(const VersusArgs& o, const Peer& peer, const std::string& folder) {
  const Graph graph = o.model.load();
  std::string path = o.model.path, shown = path;
  if (!has_extension_of(path, peer.format) || !o.model.shapes.empty()) {
    path = (std::filesystem::path(folder) / cat("model.", peer.format)).string();
    write_model(graph, path);
    shown = cat(o.model.path, ", written as ", peer.format);
  }
  const int threads = o.engine.engine().plan.threads;
  const std::string remark = peer.remark ? peer.remark(path) : "";
  return {shown,
          cat(peer.title, " (", threads == 0 ? "its own number of threads" : counted(threads, "thread"),
              remark.empty() ? "" : ", ", remark, ")"),
          on(peer.load(path, threads), o.inputs.load_or_generate(graph))};
}

bool is_peer(const std::string& name) {
  const auto peers = all_peers();
  return std::any_of(peers.begin(), peers.end(), [&](const PeerRow* row) { return row->name == name; });
}

/// Rounds that fit into about `seconds` each, but at least twelve: fewer tell too little.
int64_t rounds_for(const std::vector<Infer>& both, double seconds) {
  double once = 0;
  for (const Infer& run : both) {
    run({});
    const auto start = std::chrono::steady_clock::now();
    run({});
    once = std::max(once, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return std::clamp<int64_t>(static_cast<int64_t>(seconds / std::max(once, 1e-9)), 12, 50);
}

std::string latency_text(const Contender& c, const Latency& l) {
  return cat(c.model, " in ", c.runtime, ": median ", human_us(l.runs.median), ", 95 % below ", human_us(l.runs.p95),
             ", ", grouped(l.runs.count), " runs");
}

Json to_json(const Contender& c, const Latency& l) {
  Json json;
  json["model"] = c.model;
  json["runtime"] = c.runtime;
  json["latency_us"] = to_json(l.runs);
  return json;
}

}  // namespace

int bench_versus(const VersusArgs& o, Console& console) {
  const TemporaryFolder folder;
  o.inputs.preprocess.note_unused(o.inputs.files, console);
  const Contender a = in_hone(o, o.model);
  ModelArgs other = o.model;
  other.path = o.against;
  const Contender b = is_peer(o.against) ? in_peer(o, open_peer(o.against), folder.path()) : in_hone(o, other);
  const std::vector<Infer> both{a.run, b.run};
  const int64_t rounds = rounds_for(both, o.seconds);
  const Disturbances before = count_disturbances();
  const std::vector<Latency> found = paired_latency(
      both, {}, {.seconds_each = o.seconds, .rounds = rounds, .progress = console.progress("measuring in turns")});
  console.end_progress();
  const std::vector<std::string> noticed = disturbances_between(before, count_disturbances());
  const Speed speed = speed_of(found[0], found[1]);
  if (o.is_json) {
    Json json;
    json["a"] = to_json(a, found[0]);
    json["b"] = to_json(b, found[1]);
    json["speed"]["value"] = speed.ratio;
    json["speed"]["low"] = speed.interval.low;
    json["speed"]["high"] = speed.interval.high;
    json["rounds"] = speed.rounds;
    json["verdict"] = verdict_text(speed);
    json["noticed"] = Json::list(noticed);
    console.out(cat(json.dump(2), "\n"));
    return 0;
  }
  Facts facts;
  facts.add("A", latency_text(a, found[0]));
  facts.add("B", latency_text(b, found[1]));
  facts.add("verdict", cat(verdict_text(speed), " (95 %, ", speed.rounds, " rounds in turns)"));
  for (const std::string& what : noticed) facts.add("noticed", what);
  console.out(facts.render(console.width()));
  return 0;
}

}  // namespace hone
