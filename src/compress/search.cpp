#include "compress/search.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "compress/dequantize.h"
#include "compress/file_forms.h"
#include "compress/taught.h"

namespace hone {

namespace {

class Search {
 public:
  Search(const Job& job, const Engine& engine, const Judge& judge, const Sink& sink, Outcome& outcome)
      : job_(job),
        engine_(engine),
        runtime_(engine, job.peer ? &*job.peer : nullptr),
        judge_(judge),
        sink_(sink),
        out_(outcome),
        is_float_(!has_integer_weights(job.source.graph)),
        graph_(with_float_weights(job.source.graph)) {}

  void run() {
    out_.baseline = {.id = is_float_ ? "float" : "given", .label = is_float_ ? "float" : "as given"};
    out_.baseline.graph = job_.source.graph;
    out_.baseline.score = judge_.reference();
    out_.baseline.verdict = judge_.allows(out_.baseline.score);
    out_.baseline.is_kept = true;
    if (!is_float_) add(Recipe::of(FloatWeights{}));
    const Engine& calibrating = job_.calibration_engine.providers.empty() ? engine_ : job_.calibration_engine;
    evidence_ = Evidence(job_.calibration, calibrating, progress("calibrating"));
    if (job_.recover_seconds > 0) require_trainable(graph_, job_.calibration.count);
    if (job_.recipe)
      add_given();
    else
      add_proposed();
    measure_files();
    if (job_.recipe)
      out_.chosen = job_.recipe->steps.empty() ? -1 : static_cast<int>(out_.candidates.size()) - 1;
    else
      choose();
  }

 private:
  void add_given() {
    if (!job_.recipe->steps.empty()) add(*job_.recipe);
  }

  void add_proposed() {
    for (const TransformRow& row : all_transforms())
      while (row.next != nullptr) {
        const std::optional<Recipe> recipe = row.next(ground());
        if (!recipe) break;
        add(*recipe);
      }
  }

  Progress progress(std::string stage) const {
    return [this, stage](int64_t done, int64_t total) {
      if (sink_.progress) sink_.progress(stage, done, total);
    };
  }

  SearchGround ground() {
    SearchGround g{.attempts = attempts_,
                   .calibrators = job_.calibrators,
                   .is_higher_better = judge_.metric().row->is_higher_better,
                   .mixed = job_.mixed,
                   .is_size_wanted = job_.objective == Objective::kSize,
                   .prune = job_.prune,
                   .recover_seconds = job_.recover_seconds};
    if (g.calibrators.empty())
      for (const Calibrator& c : all_calibrators()) g.calibrators.emplace_back(c.name);
    g.sensitive_layers = [this](const std::string& calibrator) { return sensitive_layers(calibrator); };
    return g;
  }

  std::span<const std::string> sensitive_layers(const std::string& calibrator) {
    if (sensitive_under_ == calibrator) return sensitive_;
    const Statistics& statistics = evidence_.statistics({}, graph_);
    const Ranges ranges = to_ranges(statistics, find_calibrator(calibrator));
    out_.sensitivity = layer_sensitivity(graph_, statistics, ranges, job_.calibration, engine_,
                                         {.progress = progress("measuring the sensitivity of layers")});
    sensitive_under_ = calibrator;
    sensitive_.clear();
    for (const LayerSensitivity& s : out_.sensitivity) sensitive_.push_back(s.layer);
    return sensitive_;
  }

  /// Judges what `recipe` makes against the baseline, and against the float model that stands first among the
  /// candidates when the baseline is none.
  void add(const Recipe& recipe) {
    Candidate c{.recipe = recipe, .id = recipe.id(), .label = recipe.label()};
    const auto start = std::chrono::steady_clock::now();
    c.graph = apply(recipe, graph_, evidence_);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    judge(c);
    if (!is_float_ && !out_.candidates.empty() && c.is_kept) {
      const Verdict against_float = job_.budget.allows(judge_.metric(), c.score, out_.candidates[0].score);
      c.is_kept = against_float.is_allowed;
      if (!c.is_kept) c.reason = cat(against_float.reason, ", against float weights");
    }
    const bool is_loss = judge_.metric().is_better(out_.baseline.score.value, c.score.value);
    attempts_.push_back({recipe, c.score.value, c.is_kept, is_loss, took.count()});
    out_.candidates.push_back(std::move(c));
  }

  void judge(Candidate& c) const {
    const TemporaryFolder folder;
    try {
      c.score = judge_.score(inference(c, folder.path()), progress(cat("evaluating ", c.label)));
    } catch (const Error& e) {
      if (!runtime_.peer() || e.code() != ErrorCode::kUnsupported) throw;
      c.reason = e.message();
      return;
    }
    c.verdict = judge_.allows(c.score);
    c.is_kept = c.verdict.is_allowed;
    c.reason = c.verdict.reason;
  }

  /// In hone from memory, which is what its files say; a peer sees nothing but files.
  InferMaker inference(const Candidate& c, const std::string& directory) const {
    if (!runtime_.peer()) return infer_of(c.graph, engine_);
    FileForm form = write_form(c.graph, std::string(runtime_.peer()->format), directory, "model");
    if (form.bytes == 0) throw unsupported(form.problem);
    return runtime_.open(form, c.graph, job_.test.inputs(0));
  }

  FileForm written(const Candidate& c, const std::string& format, const std::string& directory) const {
    try {
      if (&c == &out_.baseline) return source_form(job_.source, runtime_.peer(), format, directory);
      return write_form(c.graph, format, directory, "model");
    } catch (Error& e) {
      if (e.code() == ErrorCode::kIo)
        e.set_hint("candidates are written to measure their size: set TMPDIR to a roomy folder");
      throw;
    }
  }

  void write_and_plan(Candidate& c, FileTimer& timer) const {
    for (const std::string& format : job_.formats) {
      const TemporaryFolder folder;
      FileForm form = written(c, format, folder.path());
      try {
        if (form.bytes > 0) timer.add(form, runtime_.open(form, c.graph, timer.sample()));
      } catch (const Error& e) {
        if (!runtime_.peer() || e.code() != ErrorCode::kUnsupported) throw;
        form.bytes = 0;
        form.problem = e.message();
      }
      form.path.clear();
      c.files.push_back(std::move(form));
    }
  }

  void measure_files() {
    FileTimer timer(job_.test.inputs(0));
    std::vector<Candidate*> all = {&out_.baseline};
    for (Candidate& c : out_.candidates) all.push_back(&c);
    const Progress writing = progress("writing each as its files");
    for (size_t i = 0; i < all.size(); ++i) {
      write_and_plan(*all[i], timer);
      writing(static_cast<int64_t>(i) + 1, static_cast<int64_t>(all.size()));
    }
    timer.measure(job_.latency_seconds, progress("measuring latency"));
    for (Candidate* c : all) {
      for (FileForm& form : c->files) form.latency = timer.latency_of(form);
      summarize_files(*c);
      if (c->size_bytes > 0 || c == all[0]) continue;
      if (!c->is_kept) continue;
      c->is_kept = false;
      c->reason = cat("no file can hold it: ", c->files.empty() ? "no format was asked for" : c->files[0].problem);
    }
  }

  Contender contender(const Candidate& c) const {
    Contender out{.tallies = c.score.tallies, .size_bytes = c.size_bytes};
    const auto exact = [&](int64_t cost) {
      out.cost = out.cost_interval.low = out.cost_interval.high = static_cast<double>(cost);
    };
    if (job_.objective == Objective::kSize) exact(c.size_bytes);
    if (job_.objective == Objective::kMemory) exact(c.memory_bytes);
    if (job_.objective == Objective::kLatency) {
      out.cost = c.latency.runs.median;
      out.cost_interval = c.latency.median;
    }
    return out;
  }

  /// Guards beside the metric (other outputs, numbers that are not finite, no file) keep a candidate out of the choice.
  void choose() {
    std::vector<Contender> contenders = {contender(out_.baseline)};
    std::vector<double> values = {out_.baseline.score.value};
    std::vector<int> index = {-1};
    SelectionRule rule{.metric = judge_.metric(), .budget = job_.budget};
    for (size_t i = 0; i < out_.candidates.size(); ++i) {
      const Candidate& c = out_.candidates[i];
      const bool is_reference = !is_float_ && i == 0;
      if (!c.is_kept && !is_reference) continue;
      if (is_reference) rule.references.push_back(contenders.size());
      contenders.push_back(contender(c));
      values.push_back(c.score.value);
      index.push_back(static_cast<int>(i));
    }
    out_.chosen = index[rule.choose(contenders, values)];
    out_.unseen = unseen_drop(contenders, rule);
    explain_losers();
  }

  void explain_losers() {
    if (job_.objective != Objective::kLatency) return;
    for (size_t i = 0; i < out_.candidates.size(); ++i) {
      Candidate& c = out_.candidates[i];
      if (c.is_kept && static_cast<int>(i) != out_.chosen)
        c.reason = why_not_taken(c, out_.best(), judge_.metric(), out_.chosen < 0);
    }
  }

  const Job& job_;
  const Engine& engine_;
  const FileRuntime runtime_;
  const Judge& judge_;
  const Sink& sink_;
  Outcome& out_;
  const bool is_float_;
  const Graph graph_;  ///< with float weights: what every candidate is made of
  Evidence evidence_;
  std::vector<Attempt> attempts_;
  std::string sensitive_under_;
  std::vector<std::string> sensitive_;
};

}  // namespace

std::string why_not_taken(const Candidate& candidate, const Candidate& best, const Metric& metric, bool is_given) {
  const std::string_view other = is_given ? "the model as given" : "the chosen one";
  const bool is_less_accurate = metric.is_better(best.score.value, candidate.score.value);
  if (candidate.latency.runs.median < best.latency.runs.median)
    return cat("not measurably faster than ", other, is_less_accurate ? ", which is more accurate" : ", and larger");
  if (candidate.latency.median.low > best.latency.median.high) return cat("slower than ", other);
  return is_less_accurate ? cat("no faster than ", other, ", which is more accurate") : cat("no better than ", other);
}

void search(const Job& job, const Engine& engine, const Judge& judge, const Sink& sink, Outcome& outcome) {
  Search(job, engine, judge, sink, outcome).run();
}

}  // namespace hone
