#include "measure/judge.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "measure/metric_rows.h"
#include "measure/outputs_folder.h"

namespace hone {

namespace {

constexpr size_t kFactSamples = 16;
constexpr size_t kCacheBytes = size_t{256} << 20;

std::vector<Numbers> numbers_of(std::span<const Tensor> tensors) {
  std::vector<Numbers> out;
  for (const Tensor& t : tensors) out.push_back({t.dims(), to_doubles(t)});
  return out;
}

size_t bytes_of(std::span<const Numbers> numbers) {
  size_t bytes = 0;
  for (const Numbers& n : numbers) bytes += n.values.size() * sizeof(double);
  return bytes;
}

/// Whether the sums of groups of `length` numbers, `stride` apart, are all one.
bool sums_to_one(const std::vector<double>& values, int64_t length, int64_t stride) {
  const int64_t total = static_cast<int64_t>(values.size());
  if (length < 2 || total % (length * stride) != 0) return false;
  for (int64_t outer = 0; outer < total; outer += length * stride)
    for (int64_t inner = 0; inner < stride; ++inner) {
      double sum = 0;
      for (int64_t k = 0; k < length; ++k) sum += values[static_cast<size_t>(outer + k * stride + inner)];
      if (!(std::abs(sum - 1) < 0.02)) return false;
    }
  return true;
}

void learn(OutputFacts& facts, const Numbers& n) {
  if (facts.dims.empty()) facts.dims = n.dims;
  for (const double v : n.values) {
    facts.low = std::min(facts.low, v);
    facts.high = std::max(facts.high, v);
  }
  int64_t stride = 1, after_second = 1;
  size_t last = n.dims.size();
  while (last > 0 && n.dims[last - 1] == 1) --last;
  for (size_t i = 2; i < n.dims.size(); ++i) after_second *= n.dims[i];
  facts.sums_to_one_last &= last > 0 && sums_to_one(n.values, n.dims[last - 1], stride);
  facts.sums_to_one_second &= n.dims.size() > 1 && sums_to_one(n.values, n.dims[1], after_second);
}

bool is_broken(double actual, double expected) { return !std::isfinite(actual) && !(actual == expected); }

bool has_nan(std::span<const Numbers> outputs) {
  for (const Numbers& n : outputs)
    if (std::any_of(n.values.begin(), n.values.end(), [](double v) { return std::isnan(v); })) return true;
  return false;
}

/// NaN or infinite where the model taken as right gives a finite number (or another infinity).
bool is_newly_broken(std::span<const Numbers> actual, std::span<const Numbers> expected) {
  for (size_t o = 0; o < actual.size(); ++o)
    for (size_t i = 0; i < actual[o].values.size(); ++i) {
      const bool is_there = i < expected[o].values.size();
      if (is_there && std::isnan(expected[o].values[i])) continue;
      if (is_broken(actual[o].values[i], is_there ? expected[o].values[i] : 0)) return true;
    }
  return false;
}

}  // namespace

struct Judge::State {
  InferMaker reference;
  SampleSource samples;
  std::vector<std::vector<Annotation>> boxes;  ///< by sample; empty without annotations
  std::vector<std::string> masks;              ///< files by sample; empty without any
  JudgeOptions options;
  Metric metric;
  std::vector<std::vector<Numbers>> expected;  ///< by sample; empty where not kept
  Score score_of_reference;
  std::string undefined;

  /// What one worker needs.
  struct Worker {
    Infer model, reference;
  };

  const std::vector<Numbers>& expected_of(size_t i, Worker& worker, std::vector<Numbers>& scratch) const {
    if (!expected[i].empty()) return expected[i];
    if (!worker.reference) worker.reference = reference();
    scratch = numbers_of(worker.reference(samples.inputs(i)));
    return scratch;
  }

  Task task_of(const Graph& g, const Labels& labels) {
    Task task{.labels = labels.of_samples,
              .named_classes = static_cast<int64_t>(labels.classes.size()),
              .samples = static_cast<int64_t>(samples.count),
              .has_masks = !masks.empty(),
              .output = options.output};
    for (const auto& list : boxes)
      for (const Annotation& a : list) task.box_classes = std::max(task.box_classes, a.label + 1);
    if (options.output >= g.outputs().size())
      throw invalid_argument(cat("output ", options.output, " does not exist, the model has ", g.outputs().size()));
    if (samples.count == 0) throw invalid_argument("no samples to judge by", "--data names a folder without any");
    for (const ValueId id : g.outputs()) {
      const TensorType& type = g.type(id);
      task.outputs.push_back({.name = g.value(id).name, .is_integer_type = is_integer(type.dtype) && !type.quant});
    }
    const Infer run = reference();
    const size_t count = std::min(samples.count, kFactSamples);
    for (size_t k = 0; k < count; ++k) {
      const size_t i = k * samples.count / count;
      const std::vector<Tensor> inputs = samples.inputs(i);
      if (k == 0)
        for (const Tensor& t : inputs) task.inputs.push_back(t.dims());
      expected[i] = numbers_of(run(inputs));
      for (size_t o = 0; o < task.outputs.size(); ++o) learn(task.outputs[o], expected[i][o]);
    }
    return task;
  }

  /// Runs the reference on all samples and keeps what fits.
  void run_reference() {
    size_t kept = 0;
    for (const auto& outputs : expected) kept += bytes_of(outputs);
    const size_t each = kept / std::min(samples.count, kFactSamples) + 1;
    const int jobs = resolve_jobs(options.jobs, static_cast<int64_t>(samples.count));
    std::vector<Worker> workers(static_cast<size_t>(jobs));
    const bool fits = each * samples.count <= kCacheBytes;
    if (!fits) return;
    parallel_samples(static_cast<int64_t>(samples.count), jobs, options.progress, [&](int64_t i, int worker) {
      const size_t at = static_cast<size_t>(i);
      std::vector<Numbers> scratch;
      const std::vector<Numbers>& found = expected_of(at, workers[static_cast<size_t>(worker)], scratch);
      if (expected[at].empty()) expected[at] = found;
    });
  }

  std::vector<size_t> others(const Metric& m) const {
    std::vector<size_t> out;
    const std::vector<size_t> own = m.row->judges(m, m.task);
    for (size_t o = 0; o < m.task.outputs.size(); ++o)
      if (std::find(own.begin(), own.end(), o) == own.end()) out.push_back(o);
    return out;
  }

  /// Null `model`: the reference itself.
  Score run(const Metric& m, const InferMaker* model, const SampleSource& source, const Progress& progress) const {
    const size_t count = samples.count;
    const int jobs = resolve_jobs(options.jobs, static_cast<int64_t>(count));
    std::vector<Worker> workers(static_cast<size_t>(jobs));
    std::vector<std::vector<double>> tallies(count), guards(count);
    std::vector<char> broken(count);
    std::optional<OutputsFolder> folder;
    if (!m.command.empty()) folder.emplace(m.task, std::filesystem::temp_directory_path().string());
    parallel_samples(static_cast<int64_t>(count), jobs, progress, [&](int64_t index, int worker_index) {
      const size_t i = static_cast<size_t>(index);
      Worker& worker = workers[static_cast<size_t>(worker_index)];
      std::vector<Numbers> scratch, own, inputs;
      const std::vector<Numbers>& right = expected_of(i, worker, scratch);
      if (model != nullptr || m.row->sees_inputs) {
        const std::vector<Tensor> tensors = source.inputs(i);
        if (m.row->sees_inputs) inputs = numbers_of(tensors);
        if (model != nullptr) {
          if (!worker.model) worker.model = (*model)();
          own = numbers_of(worker.model(tensors));
        }
      }
      const std::vector<Numbers>& actual = model != nullptr ? own : right;
      if (actual.size() != right.size())
        throw invalid_argument(cat("the models have ", right.size(), " and ", actual.size(), " outputs"));
      for (size_t o = 0; o < right.size(); ++o)
        if (right[o].values.size() != actual[o].values.size())
          throw invalid_argument(cat("output '", m.task.outputs[o].name, "' has ", right[o].values.size(),
                                     " numbers in one model and ", actual[o].values.size(), " in the other"));
      broken[i] = model != nullptr ? is_newly_broken(actual, right) : has_nan(right);
      const bool has_mask = m.row->needs_masks && !masks[i].empty();
      const Mask mask = has_mask ? read_mask(masks[i]) : Mask{};
      const Exhibit exhibit{inputs,
                            right,
                            actual,
                            m.task.has_labels() ? m.task.labels[i] : -1,
                            boxes.empty() ? std::span<const Annotation>() : boxes[i],
                            has_mask ? &mask : nullptr};
      tallies[i] = m.row->tally(m, exhibit);
      if (model != nullptr) guards[i] = kSqnrMetric.tally(m, exhibit);
      if (folder) folder->add(i, actual);
    });
    Score score;
    if (folder) {
      const std::vector<double> numbers = folder->score(m.command);
      score.tallies = {1, numbers.size() == 1 ? std::vector<double>(1, numbers[0]) : numbers};
    } else {
      for (const std::vector<double>& t : tallies) {
        score.tallies.width = t.size();
        score.tallies.numbers.insert(score.tallies.numbers.end(), t.begin(), t.end());
      }
    }
    score.value = m.value(score.tallies);
    score.interval = m.interval(score.tallies);
    score.non_finite = std::count(broken.begin(), broken.end(), 1);
    if (model != nullptr && m.command.empty()) guard(m, guards, score);
    return score;
  }

  /// SQNR of the outputs that the metric does not judge.
  void guard(const Metric& m, const std::vector<std::vector<double>>& guards, Score& score) const {
    const size_t width = guards.empty() ? 0 : guards[0].size() / std::max<size_t>(m.task.outputs.size(), 1);
    for (const size_t o : others(m)) {
      Tallies one{.width = width, .numbers = {}};
      for (const std::vector<double>& g : guards)
        one.numbers.insert(one.numbers.end(), g.begin() + static_cast<int64_t>(o * width),
                           g.begin() + static_cast<int64_t>((o + 1) * width));
      std::vector<uint32_t> which;
      for (uint32_t i = 0; i < one.samples(); ++i) which.push_back(i);
      const double db = kSqnrMetric.value(m, one, which);
      if (db >= score.other_db) continue;
      score.other_db = db;
      score.other_output = m.task.outputs[o].name;
    }
  }

  void choose(const Task& task) {
    std::vector<Metric> metrics;
    if (!options.command.empty())
      metrics.push_back(command_metric(options.command, task));
    else if (!options.metric.empty())
      metrics.push_back(find_metric(options.metric, task));
    else
      metrics = default_metrics(task);
    std::string first;
    for (Metric& candidate : metrics) {
      const std::string unfit = candidate.row->applies(candidate, task);
      if (!unfit.empty()) {
        if (first.empty()) first = cat("the metric ", candidate.name, " is undefined here: ", unfit);
        if (candidate.row->needs_truth()) break;
        continue;
      }
      score_of_reference = run(candidate, nullptr, samples, {});
      const std::string reason = options.budget.undefined(candidate, score_of_reference);
      metric = candidate;
      undefined = reason.empty() ? "" : cat("the metric ", candidate.name, " is undefined on this data: ", reason);
      if (reason.empty()) return;
      if (first.empty()) first = undefined;
      // Labels are there to be used: what they say nothing about, nothing else here does.
      if (candidate.row->needs_truth()) break;
    }
    if (options.is_strict || metric.row == nullptr)
      throw invalid_argument(first, "choose another with --metric, or bring more and different samples");
  }
};

Judge::Judge(const Graph& graph, InferMaker reference, SampleSource samples, const Labels& labels, JudgeOptions options)
    : state_(new State{.reference = std::move(reference),
                       .samples = std::move(samples),
                       .boxes = labels.boxes,
                       .masks = labels.masks,
                       .options = std::move(options),
                       .metric = {},
                       .expected = {},
                       .score_of_reference = {},
                       .undefined = {}}) {
  state_->expected.resize(state_->samples.count);
  const Task task = state_->task_of(graph, labels);
  state_->run_reference();
  state_->choose(task);
}

Judge::~Judge() = default;
Judge::Judge(Judge&&) noexcept = default;

const Metric& Judge::metric() const { return state_->metric; }
const Budget& Judge::budget() const { return state_->options.budget; }
const Score& Judge::reference() const { return state_->score_of_reference; }
const std::string& Judge::undefined() const { return state_->undefined; }

Score Judge::score(const InferMaker& model, const SampleSource& samples, const Progress& progress) const {
  return state_->run(state_->metric, &model, samples, progress);
}

Score Judge::score(const InferMaker& model, const Progress& progress) const {
  return score(model, state_->samples, progress);
}

}  // namespace hone
