#include "compress/optimize.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "compress/agreement.h"
#include "compress/dequantize.h"
#include "compress/file_size.h"
#include "measure/paired_latency.h"

namespace hone {

std::string_view to_string(Objective objective) {
  return objective == Objective::kLatency ? "latency" : objective == Objective::kSize ? "size" : "memory";
}

Objective parse_objective(std::string_view text) {
  for (const Objective o : {Objective::kLatency, Objective::kSize, Objective::kMemory})
    if (to_string(o) == text) return o;
  throw invalid_argument(cat("unknown objective '", text, "', expected latency, size or memory"));
}

DataSplit split_data(const std::string& path, const DatasetOptions& options, size_t calibration, uint64_t seed) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path root(path);
  if (fs::is_directory(root / "calibration", ignored) && fs::is_directory(root / "test", ignored))
    return {Dataset::open((root / "calibration").string(), options), Dataset::open((root / "test").string(), options),
            0, true};
  const Dataset all = Dataset::open(path, options);
  if (all.size() < 2)
    throw invalid_argument(cat("'", path, "' has ", all.size(), " sample, expected at least 2"),
                           "calibration and test data must not share samples");
  const size_t count = calibration > 0 ? calibration : std::clamp<size_t>(all.size() / 5, 1, 500);
  if (count >= all.size())
    throw invalid_argument(cat(count, " calibration samples leave none of ", all.size(), " for the test"),
                           "lower --calibration-samples");
  auto [first, rest] = all.split(count, seed);
  return {std::move(first), std::move(rest), seed, false};
}

namespace {

/// What a plan executes: candidates that differ in numbers alone take the same time, whatever a measurement says.
std::string steps_of(const Plan& plan) {
  std::string text;
  for (const PlannedStep& step : plan.steps())
    text += cat(step.op, " ", step.provider, " ", step.step->kernel, " ", step.macs, " ", step.output_bytes, "\n");
  return text;
}

class Search {
 public:
  Search(const Graph& graph, const DataSplit& data, const std::vector<InputSpec>& inputs,
         const OptimizeOptions& options)
      : given_(graph),
        is_float_(!has_integer_weights(graph)),
        graph_(with_float_weights(graph)),
        data_(data),
        inputs_(inputs),
        options_(options) {}

  OptimizeResult run() {
    result_.metric = data_.test.has_labels() ? "top1" : "agreement";
    result_.baseline = is_float_ ? Candidate{.id = "float", .label = "float", .kind = "float", .graph = given_}
                                 : Candidate{.id = "given", .label = "as given", .kind = "given", .graph = given_};
    evaluate(result_.baseline, true);
    result_.baseline.is_kept = true;
    if (!is_float_) add({.id = "float", .label = "float weights", .kind = "float", .graph = graph_});
    calibrate();
    try_simple();
    try_calibrators();
    if (options_.mixed) try_mixed();
    measure_costs();
    choose();
    return std::move(result_);
  }

 private:
  void tell(std::string_view stage, int64_t done, int64_t total) const {
    if (options_.progress) options_.progress(stage, done, total);
  }
  Progress progress(std::string stage) const {
    return [this, stage](int64_t done, int64_t total) { tell(stage, done, total); };
  }

  SampleSource calibration_source() const {
    return {data_.calibration.size(), [this](size_t i) { return data_.calibration.load(i, inputs_); }};
  }

  void calibrate() {
    statistics_ = collect_statistics(graph_, calibration_source(), options_.engine, progress("calibrating"));
  }

  void evaluate(Candidate& c, bool is_baseline = false) {
    const std::string stage = cat("evaluating ", c.label);
    if (data_.test.has_labels()) {
      AccuracyOptions accuracy_options{.output = options_.output, .progress = progress(stage)};
      const Accuracy a = measure_accuracy(c.graph, options_.engine, data_.test, inputs_, accuracy_options);
      if (is_baseline) decisions_ = a.decisions;
      for (const Decision& d : a.decisions) c.right.push_back(d.is_top1 ? 1.0f : 0.0f);
      c.samples = a.samples;
      c.score = a.top1;
      c.interval = a.top1_interval;
      c.change = paired_difference(decisions_, a.decisions);
      return;
    }
    const Engine& engine = options_.engine;
    const Agreement a =
        is_baseline ? reference_.learn(c.graph, engine, options_.output, data_.test, inputs_, progress(stage))
                    : reference_.compare(c.graph, engine, options_.output, data_.test, inputs_, progress(stage));
    c.samples = a.decisions;
    c.right = a.right;
    c.score = a.share;
    c.interval = a.interval;
    c.change.difference = a.share - 1;
    c.change.interval = {a.interval.low - 1, a.interval.high - 1};
    c.change.agree = a.agreeing;
  }

  /// Evaluates `c` and rejects it when it loses more than the budget against the baseline, or against the float model
  /// that stands first among the candidates when the baseline is none.
  void add(Candidate c) {
    evaluate(c);
    const auto judge = [&](double drop, std::string_view than) {
      if (drop <= options_.max_drop_points + 1e-9) return;
      char text[96];
      std::snprintf(text, sizeof text, "loses %.2f points%s, the budget is %.2f", drop, than.data(),
                    options_.max_drop_points);
      c.is_kept = false;
      c.reason = text;
    };
    c.is_kept = true;
    if (!is_float_ && !result_.candidates.empty())
      judge(100 * (result_.candidates[0].score - c.score), " against float weights");
    judge(c.drop_points(), "");
    result_.candidates.push_back(std::move(c));
  }

  void try_simple() {
    add({.id = "float16", .label = "float16 weights", .kind = "float16", .graph = to_float16(graph_)});
    add({.id = "dynamic", .label = "dynamic range", .kind = "dynamic", .graph = quantize_dynamic_range(graph_)});
  }

  void try_calibrators() {
    for (const Calibrator& calibrator : all_calibrators()) {
      const auto& wanted = options_.calibrators;
      if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), calibrator.name) == wanted.end()) continue;
      const Ranges ranges = to_ranges(statistics_, calibrator);
      add({.id = cat("int8-", calibrator.name),
           .label = cat("int8 (", calibrator.name, ")"),
           .kind = "int8",
           .graph = quantize_static(graph_, ranges)});
      const Candidate& c = result_.candidates.back();
      if (best_int8_ < 0 || c.score > result_.candidates[static_cast<size_t>(best_int8_)].score) {
        best_int8_ = static_cast<int>(result_.candidates.size()) - 1;
        best_ranges_ = ranges;
      }
    }
  }

  /// int8 with the k most sensitive layers in float, k doubling: two steps to show the trade, more while the budget
  /// is broken, at most half of the layers.
  void try_mixed() {
    if (best_int8_ < 0) return;
    const Candidate& best = result_.candidates[static_cast<size_t>(best_int8_)];
    const std::string base = best.id.substr(5);
    bool is_inside = best.is_kept;
    SensitivityOptions sensitivity_options{.progress = progress("measuring the sensitivity of layers")};
    result_.sensitivity =
        layer_sensitivity(graph_, best_ranges_, calibration_source(), options_.engine, sensitivity_options);
    const size_t layers = result_.sensitivity.size();
    for (size_t k = 1; k <= std::max<size_t>(layers / 2, 1) && k < layers; k *= 2) {
      if (k > 2 && is_inside) break;
      QuantizeOptions quantize_options;
      for (size_t i = 0; i < k; ++i) quantize_options.keep_float.insert(result_.sensitivity[i].layer);
      add({.id = cat("mixed-", k),
           .label = cat("int8 (", base, "), ", k, k == 1 ? " layer" : " layers", " in float"),
           .kind = "mixed",
           .graph = quantize_static(graph_, best_ranges_, quantize_options)});
      is_inside |= result_.candidates.back().is_kept;
    }
  }

  void measure_costs() {
    std::vector<Candidate*> all = {&result_.baseline};
    for (Candidate& c : result_.candidates) all.push_back(&c);
    std::vector<Session> sessions;
    sessions.reserve(all.size());
    std::vector<Session*> pointers;
    std::vector<std::vector<Tensor>> inputs;
    const std::vector<Tensor> sample = data_.test.load(0, inputs_);
    for (Candidate* c : all) {
      Graph fixed = c->graph;
      for (size_t i = 0; i < sample.size(); ++i)
        if (!fixed.type(fixed.inputs()[i]).shape.is_static())
          fixed.set_input_shape(fixed.inputs()[i], Shape(sample[i].dims()));
      sessions.emplace_back(Plan::compile(fixed, options_.engine.providers, options_.engine.plan));
      pointers.push_back(&sessions.back());
      inputs.push_back(sample);
      const Plan& plan = sessions.back().plan();
      c->memory_bytes = plan.arena_bytes() + plan.scratch_bytes() + plan.weight_bytes();
      c->size_bytes = smallest_file_size(c->graph);
    }
    PairedLatencyOptions latency_options{.seconds_each = options_.latency_seconds,
                                         .progress = progress("measuring latency")};
    const std::vector<Distribution> latency = paired_latency(pointers, inputs, latency_options);
    std::map<std::string, std::vector<Candidate*>> alike;
    for (size_t i = 0; i < all.size(); ++i) {
      all[i]->latency_us = latency[i];
      alike[steps_of(sessions[i].plan())].push_back(all[i]);
    }
    for (const auto& [steps, members] : alike) {
      double sum = 0;
      for (const Candidate* c : members) sum += c->latency_us.median;
      for (Candidate* c : members) c->typical_us = sum / static_cast<double>(members.size());
    }
  }

  double cost(const Candidate& c) const {
    switch (options_.objective) {
      case Objective::kLatency:
        return c.typical_us;
      case Objective::kSize:
        return static_cast<double>(c.size_bytes);
      case Objective::kMemory:
        return static_cast<double>(c.memory_bytes);
    }
    return 0;
  }

  void choose() {
    std::vector<Contender> contenders;
    std::vector<double> accuracy;
    const auto enter = [&](const Candidate& c) {
      contenders.push_back({c.right, cost(c), c.size_bytes});
      accuracy.push_back(c.score);
    };
    enter(result_.baseline);
    for (const Candidate& c : result_.candidates) enter(c);
    SelectionRule rule{.max_drop_points = options_.max_drop_points};
    if (!is_float_) rule.references.push_back(1);
    result_.chosen = static_cast<int>(rule.choose(contenders, accuracy)) - 1;
    result_.unseen = unseen_drop(contenders, rule);
    const std::string& id = result_.best().id;
    if (id.rfind("mixed-", 0) != 0) return;
    const auto count = parse_int(std::string_view(id).substr(6)).value_or(0);
    for (int64_t i = 0; i < count; ++i)
      result_.float_layers.push_back(result_.sensitivity[static_cast<size_t>(i)].layer);
  }

  const Graph& given_;
  const bool is_float_;
  const Graph graph_;  ///< with float weights: what every candidate is made of
  const DataSplit& data_;
  const std::vector<InputSpec>& inputs_;
  const OptimizeOptions& options_;
  OptimizeResult result_;
  Statistics statistics_;
  Ranges best_ranges_;
  int best_int8_ = -1;
  std::vector<Decision> decisions_;
  AgreementReference reference_;
};

}  // namespace

OptimizeResult optimize(const Graph& graph, const DataSplit& data, const std::vector<InputSpec>& inputs,
                        const OptimizeOptions& options) {
  return Search(graph, data, inputs, options).run();
}

}  // namespace hone
