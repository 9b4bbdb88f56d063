#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "train/batch.h"
#include "train/checkpoint.h"
#include "train/first_bad.h"
#include "train/identity.h"
#include "train/loader.h"
#include "train/teacher.h"

namespace hone {
namespace {

/// A graph compiled as it is, with the weights in its first states.
struct Machine {
  TrainingGraph graph;
  Session session;

  Machine(TrainingGraph g, const Engine& engine)
      : graph(std::move(g)), session(Plan::compile(graph.graph, engine.providers, engine.plan)) {}

  /// The states from `first` on: views, valid until the next run but one.
  std::vector<Tensor> states(size_t first, size_t count) const {
    std::vector<Tensor> out;
    for (size_t i = 0; i < count; ++i) out.push_back(session.state(first + i));
    return out;
  }
  /// Of the first states.
  void set_states(const std::vector<Tensor>& values) {
    for (size_t i = 0; i < values.size(); ++i) session.set_state(i, values[i]);
  }
};

/// One row a sample: 1 at its class.
Tensor targets_of(const Batch& batch, int64_t classes) {
  Tensor t = Tensor::empty(DType::kF32, {static_cast<int64_t>(batch.labels.size()), classes});
  std::fill_n(t.mutable_data<float>().begin(), t.elements(), 0.0f);
  for (size_t i = 0; i < batch.labels.size(); ++i)
    t.mutable_data<float>()[i * static_cast<size_t>(classes) + static_cast<size_t>(batch.labels[i])] = 1;
  return t;
}

class Trainer {
 public:
  Trainer(const Graph& model, const Graph* teacher, const TrainOptions& options, const Engine& engine)
      : options_(options),
        learner_(make_training_graph(model, options.batch, options.objective, &options.optimizer), engine),
        judge_(make_training_graph(model, options.batch, options.objective, nullptr), engine),
        loader_(input_types(model.inputs().size()), options, engine.plan.threads) {
    if (options.objective.teacher > 0) {
      if (teacher == nullptr) throw internal_error("a teacher has weight, but there is none");
      teacher_.emplace(with_batch(*teacher, options.batch), input_types(model.inputs().size()), options.objective,
                       engine);
    }
  }

  int64_t classes() const {
    const Graph& g = judge_.graph.graph;
    return options_.objective.is_classifier ? g.type(g.outputs()[1]).shape.dims()[1] : 0;
  }

  /// One step; returns the loss. Throws Error(invalid_argument) when that is no finite number.
  double step(const TrainingData& data, std::span<const size_t> which, uint64_t epoch, double rate) {
    const std::vector<Tensor> before = learner_.states(0, learner_.graph.weights);
    std::vector<Tensor> inputs = complete(learner_, loader_.load(data, which, epoch), 1);
    inputs.push_back(Tensor::scalar<float>(static_cast<float>(rate)));
    const auto loss = static_cast<double>(learner_.session.run(inputs)[0].data<float>()[0]);
    if (std::isfinite(loss)) return loss;
    throw invalid_argument(cat("the loss is ", loss, " with a learning rate of ", rate, "; the first value that is no ",
                               "finite number is ", first_bad(before, loader_.load(data, which, epoch))),
                           "a smaller --learning-rate may help");
  }

  /// A last batch that is not full is filled with its first samples; they count in its loss, not as samples.
  HeldOut measure(const TrainingData& data) {
    judge_.set_states(weights());
    HeldOut out{.loss = 0};
    int64_t right = 0;
    const size_t size = static_cast<size_t>(options_.batch), count = data.samples.count;
    for (size_t at = 0; at < count; at += size) {
      check_interrupted();
      std::vector<size_t> which;
      for (size_t k = 0; k < size; ++k) which.push_back(at + k < count ? at + k : at + k % (count - at));
      Batch batch = loader_.load(data, which, std::nullopt);
      const std::vector<int64_t> labels = batch.labels;
      const std::vector<Tensor>& results = judge_.session.run(complete(judge_, std::move(batch), 0));
      const size_t real = std::min(size, count - at);
      out.loss += static_cast<double>(results[0].data<float>()[0]) * static_cast<double>(real);
      if (!data.labels.empty() && classes() > 0) right += count_right(results[1], labels, real);
    }
    out.loss /= static_cast<double>(count);
    if (!data.labels.empty() && classes() > 0) out.accuracy = static_cast<double>(right) / static_cast<double>(count);
    return out;
  }

  /// Those that are judged and kept; views until the next step but one.
  std::vector<Tensor> weights() const { return learner_.states(learner_.graph.judged, learner_.graph.weights); }
  std::vector<Tensor> states() const { return learner_.states(0, learner_.session.state_count()); }
  /// Throws Error(invalid_argument) for states of another graph.
  void set_states(const std::vector<Tensor>& states) {
    if (states.size() != learner_.session.state_count())
      throw invalid_argument(cat("found ", states.size(), " states, expected ", learner_.session.state_count()));
    learner_.set_states(states);
  }

  /// `model` with these weights in place of its own.
  static Graph with_weights(Graph model, const std::vector<Tensor>& weights) {
    const std::vector<ValueId> values = weights_of(model);
    for (size_t i = 0; i < values.size(); ++i) model.set_constant(values[i], weights[i]);
    return model;
  }

 private:
  /// The model's own come first among the learner's.
  std::vector<TensorType> input_types(size_t count) const {
    const Graph& g = learner_.graph.graph;
    std::vector<TensorType> types;
    for (size_t i = 0; i < count; ++i) types.push_back(g.type(g.inputs()[i]));
    return types;
  }

  /// What the graph takes beside the model's inputs; `rest` inputs at its end are the caller's.
  std::vector<Tensor> complete(const Machine& machine, Batch batch, size_t rest) {
    std::vector<Tensor> inputs = std::move(batch.inputs);
    const Graph& g = machine.graph.graph;
    std::vector<Tensor> said;
    const size_t own = inputs.size() + options_.objective.needs_labels();
    if (teacher_) {
      std::vector<TensorType> wanted;
      for (size_t i = own; i + rest < g.inputs().size(); ++i) wanted.push_back(g.type(g.inputs()[i]));
      said = teacher_->say(inputs, wanted);
    }
    if (own > inputs.size()) inputs.push_back(targets_of(batch, classes()));
    inputs.insert(inputs.end(), said.begin(), said.end());
    return inputs;
  }

  /// What makes the loss of a batch no finite number with these weights.
  std::string first_bad(const std::vector<Tensor>& weights, Batch batch) {
    const Graph& g = judge_.graph.graph;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (!has_bad_values(weights[i])) continue;
      const Value& state = g.value(g.states()[i].now);
      return cat("in the weights of node '", g.node(state.users.front()).name, "'");
    }
    for (const Tensor& t : batch.inputs)
      if (has_bad_values(t)) return "in the samples";
    judge_.set_states(weights);
    const std::string node = first_bad_node(judge_.session, complete(judge_, std::move(batch), 0));
    return node.empty() ? "in the gradients" : cat("made by node ", node);
  }

  int64_t count_right(const Tensor& scores, std::span<const int64_t> labels, size_t samples) const {
    const auto row = static_cast<size_t>(classes());
    int64_t right = 0;
    for (size_t i = 0; i < samples; ++i) {
      const auto s = scores.data<float>().subspan(i * row, row);
      right += std::max_element(s.begin(), s.end()) - s.begin() == labels[i];
    }
    return right;
  }

  const TrainOptions& options_;
  Machine learner_, judge_;
  Loader loader_;
  std::optional<Teacher> teacher_;
};

void check_data(const TrainingData& data, const char* what, int64_t classes, bool needs_labels) {
  if (data.samples.count == 0) throw invalid_argument(cat("there are no ", what, " samples"));
  if (needs_labels && data.labels.empty())
    throw invalid_argument(cat("the ", what, " samples have no labels"),
                           "labels are a folder per class, a labels csv, or arrays x and y; --teacher needs none");
  for (size_t i = 0; needs_labels && i < data.labels.size(); ++i)
    if (data.labels[i] < 0 || data.labels[i] >= classes)
      throw invalid_argument(
          cat("a ", what, " sample has label ", data.labels[i], ", the model tells ", classes, " classes apart"),
          "--labels gives the classes in the order of the model's outputs");
}

std::vector<Tensor> copies(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(t.clone());
  return out;
}

/// A training from epoch to epoch: results, the best weights, the checkpoint.
class Course {
 public:
  Course(Trainer& trainer, const TrainingData& data, const TrainingData& held_out, const TrainOptions& options,
         const TrainHooks& hooks, std::string identity)
      : trainer_(trainer),
        data_(data),
        held_out_(held_out),
        options_(options),
        hooks_(hooks),
        identity_(std::move(identity)) {
    best_weights_ = copies(trainer_.weights());
  }

  void resume() {
    const Checkpoint c = read_checkpoint(options_.checkpoint, identity_);
    const auto is_alike = [](const Tensor& a, const Tensor& b) { return a.type() == b.type(); };
    if (!std::equal(c.best.begin(), c.best.end(), best_weights_.begin(), best_weights_.end(), is_alike))
      throw invalid_argument(cat("'", options_.checkpoint, "' is no checkpoint of this model"));
    trainer_.set_states(c.states);
    results_ = c.results;
    best_weights_ = c.best;
    for (size_t i = 1; i < results_.size(); ++i)
      if (results_[i].held_out.is_better_than(results_[best_].held_out)) best_ = i;
  }

  void run() {
    if (results_.empty()) note({.held_out = trainer_.measure(held_out_)});
    while (results_.back().epoch < options_.epochs && !is_out_of_patience()) {
      const int64_t epoch = results_.back().epoch + 1;
      const double loss = run_epoch(epoch);
      note({epoch, loss, trainer_.measure(held_out_)});
    }
  }

  size_t best() const { return best_; }
  const std::vector<EpochResult>& results() const { return results_; }
  const std::vector<Tensor>& best_weights() const { return best_weights_; }

 private:
  bool is_out_of_patience() const {
    return options_.patience > 0 && results_.back().epoch - results_[best_].epoch >= options_.patience;
  }

  /// The mean loss.
  double run_epoch(int64_t epoch) {
    const auto batch = static_cast<size_t>(options_.batch);
    const auto steps = static_cast<int64_t>(data_.samples.count / batch);
    const std::vector<size_t> order =
        shuffled(data_.samples.count, Random::of(options_.seed, static_cast<uint64_t>(epoch), ~uint64_t(0)));
    double sum = 0;
    for (int64_t k = 0; k < steps; ++k) {
      check_interrupted();
      const int64_t step = (epoch - 1) * steps + k, all = steps * options_.epochs;
      const double rate = options_.learning_rate * rate_factor(*options_.schedule, options_.warm_up, step, all);
      sum += with_context([&] { return cat("at step ", k + 1, " of epoch ", epoch); },
                          [&] {
                            return trainer_.step(data_, std::span(order).subspan(static_cast<size_t>(k) * batch, batch),
                                                 static_cast<uint64_t>(epoch), rate);
                          });
      if (hooks_.progress) hooks_.progress(step + 1, all);
    }
    return sum / static_cast<double>(steps);
  }

  void note(const EpochResult& result) {
    const bool is_better = results_.empty() || result.held_out.is_better_than(results_[best_].held_out);
    results_.push_back(result);
    if (is_better) {
      best_ = results_.size() - 1;
      best_weights_ = copies(trainer_.weights());
    }
    if (!options_.checkpoint.empty())
      write_checkpoint(options_.checkpoint, identity_, {results_, trainer_.states(), best_weights_});
    if (hooks_.result) hooks_.result(result);
  }

  Trainer& trainer_;
  const TrainingData& data_;
  const TrainingData& held_out_;
  const TrainOptions& options_;
  const TrainHooks& hooks_;
  std::string identity_;
  std::vector<EpochResult> results_;
  size_t best_ = 0;  ///< of `results_`
  std::vector<Tensor> best_weights_;
};

}  // namespace

bool HeldOut::is_better_than(const HeldOut& other) const {
  if (!std::isnan(accuracy) && accuracy != other.accuracy) return accuracy > other.accuracy;
  return loss < other.loss;
}

Trained train(const Graph& model, const Graph* teacher, const TrainingData& data, const TrainingData& held_out,
              const TrainOptions& options, const Engine& engine, const TrainHooks& hooks) {
  Trainer trainer(model, teacher, options, engine);
  const bool needs_labels = options.objective.needs_labels();
  check_data(data, "training", trainer.classes(), needs_labels);
  check_data(held_out, "held-out", trainer.classes(), needs_labels);
  const auto batch = static_cast<size_t>(options.batch);
  if (data.samples.count < batch)
    throw invalid_argument(
        cat("there are ", static_cast<int64_t>(data.samples.count), " training samples for batches of ", options.batch),
        "give more data or a smaller --batch");
  if (!options.augments.empty())
    for (const Tensor& t : data.samples.inputs(0)) require_fits(t, options.has_planes, options.augments);
  Course course(trainer, data, held_out, options, hooks, identity_of(model, teacher, data, held_out, options));
  if (options.resume) course.resume();
  Trained out;
  try {
    course.run();
  } catch (const Error& e) {
    out.was_interrupted = e.code() == ErrorCode::kCancelled;
    if (!out.was_interrupted) {
      if (e.code() != ErrorCode::kInvalidArgument || course.best() == 0) throw;
      out.stopped = join(std::vector<std::string>{e.message(), join(e.frames(), ", ")}, ", ");
    }
  }
  out.model = Trainer::with_weights(model, course.best_weights());
  out.results = course.results();
  out.best = course.best();
  return out;
}

}  // namespace hone
