#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <optional>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "ops/movement.h"
#include "train/batch.h"

namespace hone {
namespace {

/// A batch as the model takes it, and what goes with it.
struct Batch {
  std::vector<Tensor> inputs;
  std::vector<int64_t> labels;
};

/// Loads samples side by side.
class Loader {
 public:
  /// `types`: of the model's inputs, a batch long.
  Loader(std::vector<TensorType> types, const TrainOptions& options, int threads)
      : options_(options), threads_(threads), types_(std::move(types)) {}

  /// Samples `which`, changed by the augments when `epoch` is one of training.
  Batch load(const TrainingData& data, std::span<const size_t> which, std::optional<uint64_t> epoch) const {
    Batch batch;
    for (const TensorType& type : types_) batch.inputs.push_back(Tensor::empty(type.dtype, type.shape.dims()));
    parallel_samples(static_cast<int64_t>(which.size()), threads_, {}, [&](int64_t k, int) {
      const size_t i = which[static_cast<size_t>(k)];
      std::vector<Tensor> sample = data.samples.inputs(i);
      if (epoch && !options_.augments.empty()) {
        Random random = Random::of(options_.seed, *epoch, i);
        for (Tensor& t : sample) {
          t = t.clone();
          augment(t, options_.has_planes, options_.augments, random);
        }
      }
      for (size_t j = 0; j < sample.size(); ++j) put(sample[j], batch.inputs[j], k);
    });
    for (const size_t i : which) batch.labels.push_back(data.labels.empty() ? -1 : data.labels[i]);
    return batch;
  }

 private:
  static void put(const Tensor& sample, Tensor& batch, int64_t k) {
    const int64_t bytes = batch.byte_size() / batch.dim(0);
    if (sample.dtype() != batch.dtype() || sample.byte_size() != bytes)
      throw invalid_argument(cat("a sample is ", to_text(sample.type()), ", the model takes ", to_text(batch.type()),
                                 " for ", batch.dim(0), " samples"));
    std::memcpy(static_cast<std::byte*>(batch.mutable_raw()) + k * bytes, sample.raw(), static_cast<size_t>(bytes));
  }

  const TrainOptions& options_;
  int threads_;
  std::vector<TensorType> types_;
};

/// A graph compiled as it is, with the weights in its first states.
struct Machine {
  TrainingGraph graph;
  Session session;

  Machine(TrainingGraph g, const Engine& engine)
      : graph(std::move(g)), session(Plan::compile(graph.graph, engine.providers, engine.plan)) {}

  std::vector<Tensor> weights() const {
    std::vector<Tensor> out;
    for (size_t i = 0; i < graph.weights; ++i) out.push_back(session.state(i).clone());
    return out;
  }
  void set_weights(const std::vector<Tensor>& weights) {
    for (size_t i = 0; i < weights.size(); ++i) session.set_state(i, weights[i]);
  }
};

/// What the teacher says of a batch: its scores, or its float outputs.
class Teacher {
 public:
  Teacher(const Graph& teacher, const std::vector<TensorType>& inputs, bool is_classifier, const Engine& engine) {
    for (size_t i = 0; i < std::max(teacher.inputs().size(), inputs.size()); ++i)
      require_equal("input", i, i < teacher.inputs().size() ? &teacher.type(teacher.inputs()[i]) : nullptr,
                    i < inputs.size() ? &inputs[i] : nullptr);
    Graph graph = teacher;
    std::vector<ValueId> outputs = teacher.outputs();
    if (is_classifier) outputs = {logits_of(teacher)};
    std::erase_if(outputs, [&](ValueId v) { return teacher.type(v).dtype != DType::kF32; });
    graph.set_outputs(outputs);
    session_.emplace(Program::prepared(std::move(graph), engine));
  }

  /// One for each of `wanted`, in its shape.
  std::vector<Tensor> say(std::span<const Tensor> inputs, std::span<const TensorType> wanted) {
    const std::vector<Tensor>& said = session_->run(inputs);
    std::vector<Tensor> out;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const Dims dims = wanted[i].shape.dims();
      if (i >= said.size() || said[i].elements() != wanted[i].shape.elements())
        throw invalid_argument(cat("output ", i, " of the teacher is ",
                                   i < said.size() ? to_text(said[i].type()) : "missing", ", the student's is ",
                                   to_text(wanted[i])));
      out.push_back(said[i].reshaped(dims));
    }
    return out;
  }

 private:
  static void require_equal(const char* what, size_t i, const TensorType* teacher, const TensorType* student) {
    if (teacher && student && teacher->dtype == student->dtype && compatible(teacher->shape, student->shape)) return;
    throw invalid_argument(cat(what, " ", i, " of the teacher is ", teacher ? to_text(*teacher) : "missing",
                               ", the student's is ", student ? to_text(*student) : "missing"));
  }

  std::optional<Session> session_;
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
      teacher_.emplace(with_batch(*teacher, options.batch), input_types(model.inputs().size()),
                       options.objective.is_classifier, engine);
    }
  }

  int64_t classes() const {
    const Graph& g = judge_.graph.graph;
    return options_.objective.is_classifier ? g.type(g.outputs()[1]).shape.dims()[1] : 0;
  }

  /// One step; returns the loss.
  double step(const TrainingData& data, std::span<const size_t> which, uint64_t epoch, double rate) {
    Batch batch = loader_.load(data, which, epoch);
    std::vector<Tensor> inputs = complete(learner_, std::move(batch), 1);
    inputs.push_back(Tensor::scalar<float>(static_cast<float>(rate)));
    return static_cast<double>(learner_.session.run(inputs)[0].data<float>()[0]);
  }

  /// A last batch that is not full is filled with its first samples; they count in its loss, not as samples.
  HeldOut measure(const TrainingData& data) {
    judge_.set_weights(learner_.weights());
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

  std::vector<Tensor> weights() const { return learner_.weights(); }

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
    const size_t own = inputs.size() + (options_.objective.is_classifier && options_.objective.labels > 0);
    if (teacher_) {
      std::vector<TensorType> wanted;
      for (size_t i = own; i + rest < g.inputs().size(); ++i) wanted.push_back(g.type(g.inputs()[i]));
      said = teacher_->say(inputs, wanted);
    }
    if (own > inputs.size()) inputs.push_back(targets_of(batch, classes()));
    inputs.insert(inputs.end(), said.begin(), said.end());
    return inputs;
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

double rate_at(const TrainOptions& o, int64_t step, int64_t steps) {
  const double warm = std::floor(o.warm_up * static_cast<double>(steps)), at = static_cast<double>(step);
  if (at < warm) return o.learning_rate * (at + 1) / (warm + 1);
  const double rest = std::max(static_cast<double>(steps) - warm, 1.0);
  return o.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * (at - warm) / rest));
}

void require_finite(double loss, int64_t step, double rate) {
  if (std::isfinite(loss)) return;
  throw invalid_argument(cat("the loss is ", loss, " at step ", step + 1, ", with a learning rate of ", rate),
                         "a smaller --learning-rate may help");
}

/// Runs what may be interrupted; false when it was.
template <class F>
bool uninterrupted(F&& body) {
  try {
    body();
    return true;
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kCancelled) throw;
    return false;
  }
}

}  // namespace

bool HeldOut::is_better_than(const HeldOut& other) const {
  if (!std::isnan(accuracy) && accuracy != other.accuracy) return accuracy > other.accuracy;
  return loss < other.loss;
}

Trained train(const Graph& model, const Graph* teacher, const TrainingData& data, const TrainingData& held_out,
              const TrainOptions& options, const Engine& engine, const TrainHooks& hooks) {
  Trainer trainer(model, teacher, options, engine);
  const bool needs_labels = options.objective.is_classifier && options.objective.labels > 0;
  check_data(data, "training", trainer.classes(), needs_labels);
  check_data(held_out, "held-out", trainer.classes(), needs_labels);
  const auto batch = static_cast<size_t>(options.batch);
  if (data.samples.count < batch)
    throw invalid_argument(
        cat("there are ", static_cast<int64_t>(data.samples.count), " training samples for batches of ", options.batch),
        "give more data or a smaller --batch");
  Trained out;
  std::vector<Tensor> best = trainer.weights();
  const auto note = [&](EpochResult result) {
    const bool is_better = out.results.empty() || result.held_out.is_better_than(out.results[out.best].held_out);
    out.results.push_back(result);
    if (is_better) {
      out.best = out.results.size() - 1;
      best = trainer.weights();
    }
    if (hooks.result) hooks.result(result);
  };
  const auto per_epoch = static_cast<int64_t>(data.samples.count / batch), steps = per_epoch * options.epochs;
  out.was_interrupted = !uninterrupted([&] {
    note({.held_out = trainer.measure(held_out)});
    for (int64_t epoch = 1; epoch <= options.epochs; ++epoch) {
      const std::vector<size_t> order =
          shuffled(data.samples.count, Random::of(options.seed, static_cast<uint64_t>(epoch), ~uint64_t(0)));
      double sum = 0;
      for (int64_t k = 0; k < per_epoch; ++k) {
        check_interrupted();
        const int64_t step = (epoch - 1) * per_epoch + k;
        const double rate = rate_at(options, step, steps);
        const auto which = std::span(order).subspan(static_cast<size_t>(k) * batch, batch);
        const double loss = trainer.step(data, which, static_cast<uint64_t>(epoch), rate);
        require_finite(loss, step, rate);
        sum += loss;
        if (hooks.progress) hooks.progress(step + 1, steps);
      }
      note({epoch, sum / static_cast<double>(per_epoch), trainer.measure(held_out)});
      if (options.patience > 0 && epoch - out.results[out.best].epoch >= options.patience) break;
    }
  });
  out.model = Trainer::with_weights(model, best);
  return out;
}

}  // namespace hone
