// The table of docs/performance.md: known networks with random weights in hone and in the runtimes of others that are
// installed (HONE_ORT_LIB, HONE_TFLITE_LIB), in turns, and how many times as fast hone is as the best of them:
//   hone_table_bench [--threads N] [--seconds S] [--json] [NETWORK…]
// HONE_CPU_ISA forces a weaker level on hone; the others take what they find. On bytes ONNX Runtime runs the file with
// unsigned activations, which it runs faster, TensorFlow Lite the one with signed ones.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "container/json.h"
#include "formats/formats.h"
#include "measure/speed.h"
#include "networks.h"
#include "peers/peer.h"
#include "providers/cpu/provider.h"
#include "runtime/program.h"

namespace {

using namespace hone;
using bench::Stored;

struct Options {
  int threads = 1;
  double seconds = 0.5;
  bool is_json = false;
  std::vector<std::string> networks;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--json") {
      o.is_json = true;
    } else if (a == "--threads" && i + 1 < argc) {
      o.threads = std::atoi(argv[++i]);
    } else if (a == "--seconds" && i + 1 < argc) {
      o.seconds = std::atof(argv[++i]);
    } else {
      o.networks.emplace_back(a);
    }
  }
  if (o.networks.empty()) o.networks.assign(bench::network_names().begin(), bench::network_names().end());
  return o;
}

Tensor random_input(const TensorType& type) {
  Tensor t = Tensor::empty(type.dtype, type.shape.dims(), type.quant);
  std::mt19937 random(3);
  if (type.dtype == DType::kF32) {
    for (float& v : t.mutable_data<float>()) v = std::uniform_real_distribution<float>(-1, 1)(random);
  } else {
    auto* bytes = static_cast<uint8_t*>(t.mutable_raw());
    for (int64_t i = 0; i < t.elements(); ++i) bytes[i] = static_cast<uint8_t>(random());
  }
  return t;
}

Infer on(Infer run, Tensor input) {
  return [run = std::move(run), input = std::move(input)](std::span<const Tensor>) { return run({&input, 1}); };
}

Infer in_hone(const Graph& graph, int threads) {
  const Engine engine{.providers = {&cpu_provider()}, .plan = {.threads = threads}};
  return on(infer_of(Program::prepared(graph, engine))(), random_input(graph.type(graph.inputs()[0])));
}

class Table {
 public:
  explicit Table(const Options& options) : options_(options) {
    for (const PeerRow* row : all_peers()) {
      try {
        peers_.push_back(open_peer(row->name));
      } catch (const Error& e) {
        std::fprintf(stderr, "without %s: %s\n", std::string(row->title).c_str(), e.what());
      }
    }
    folder_ = std::filesystem::temp_directory_path() / cat("hone-table-", std::to_string(::getpid()));
    std::filesystem::create_directory(folder_);
  }
  ~Table() { std::filesystem::remove_all(folder_); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void run() {
    if (!options_.is_json) std::printf("%-20s %-5s %10s %s\n", "network", "", "hone ms", "others");
    for (const std::string& name : options_.networks) {
      measure(name, Stored::kF32, "f32");
      measure(name, Stored::kU8, "u8");
      measure(name, Stored::kI8, "s8");
    }
    finish();
  }

 private:
  Infer in_peer(const Peer& peer, const std::string& name, Stored stored) {
    const bool is_onnx = peer.format == "onnx";
    if (stored != Stored::kF32) stored = is_onnx ? Stored::kU8 : Stored::kI8;
    const Graph graph = bench::network(name, stored, is_onnx);
    const std::string path = (folder_ / cat("model.", peer.format)).string();
    // Signed weights are what ONNX Runtime multiplies fastest, everywhere.
    write_model(graph, {.path = path, .target = is_onnx ? "ort-vnni" : ""});
    return on(peer.load(path, options_.threads), random_input(graph.type(graph.inputs()[0])));
  }

  void measure(const std::string& name, Stored stored, const char* kind) {
    // As ONNX has it, but for signed bytes, which are TensorFlow Lite's.
    std::vector<Infer> runs{in_hone(bench::network(name, stored, stored != Stored::kI8), options_.threads)};
    for (const Peer& peer : peers_) runs.push_back(in_peer(peer, name, stored));
    const std::vector<Latency> found =
        paired_latency(runs, {}, {.seconds_each = options_.seconds, .rounds = 15, .progress = {}});
    Json row = Json::object();
    row["network"] = name;
    row["stored"] = kind;
    row["hone_ms"] = found[0].runs.median / 1000;
    std::string text;
    Speed best{.ratio = INFINITY, .interval = {}, .rounds = 0};
    for (size_t i = 0; i < peers_.size(); ++i) {
      const Latency& peer = found[i + 1];
      row[cat(peers_[i].name, "_ms")] = peer.runs.median / 1000;
      text += cat("  ", peers_[i].name, " ", fixed(peer.runs.median / 1000));
      if (const Speed s = speed_of(peer, found[0]); s.ratio < best.ratio) best = s;
    }
    if (std::isfinite(best.ratio)) {
      row["ratio"] = best.ratio;
      row["ratio_low"] = best.interval.low;
      row["ratio_high"] = best.interval.high;
      text += cat("  x", fixed(best.ratio), " (", fixed(best.interval.low), " to ", fixed(best.interval.high), ")");
      ratios_[kind].push_back(best.ratio);
    }
    if (stored == Stored::kF32) {
      f32_ms_ = found[0].runs.median / 1000;
    } else {
      const double gain = f32_ms_ / (found[0].runs.median / 1000);
      row["against_own_f32"] = gain;
      text += cat("  own f32 x", fixed(gain));
      ratios_[cat(kind, " against own f32")].push_back(gain);
    }
    if (!options_.is_json) {
      std::printf("%-20s %-5s %10s%s\n", name.c_str(), kind, fixed(found[0].runs.median / 1000).c_str(), text.c_str());
      std::fflush(stdout);
    }
    rows_.push_back(std::move(row));
  }

  static std::string fixed(double x) {
    char text[32];
    std::snprintf(text, sizeof text, x < 10 ? "%.3f" : "%.1f", x);
    return text;
  }

  void finish() {
    Json means = Json::object();
    for (const auto& [kind, ratios] : ratios_) {
      double logs = 0;
      for (double r : ratios) logs += std::log(r);
      const double mean = std::exp(logs / static_cast<double>(ratios.size()));
      const double least = *std::min_element(ratios.begin(), ratios.end());
      means[kind]["geometric_mean"] = mean;
      means[kind]["least"] = least;
      if (!options_.is_json) {
        std::printf("%s: geometric mean x%s, least x%s\n", kind.c_str(), fixed(mean).c_str(), fixed(least).c_str());
      }
    }
    if (!options_.is_json) return;
    Json all = Json::object();
    all["threads"] = options_.threads;
    all["rows"] = std::move(rows_);
    all["ratios"] = std::move(means);
    std::printf("%s\n", all.dump(2).c_str());
  }

  const Options& options_;
  std::vector<Peer> peers_;
  std::filesystem::path folder_;
  Json rows_ = Json::array();
  std::map<std::string, std::vector<double>> ratios_;
  double f32_ms_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = parse(argc, argv);
    Table(options).run();
  } catch (const Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
