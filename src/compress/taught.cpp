#include "compress/taught.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "train/trainer.h"

namespace hone {
namespace {

constexpr uint64_t kSeed = 0;
constexpr size_t kLeast = 10;

TrainingData part_of(const SampleSource& samples, std::vector<size_t> which) {
  const size_t count = which.size();
  return {.samples = {count, [&samples, which = std::move(which)](size_t i) { return samples.inputs(which[i]); }},
          .labels = {}};
}

/// The softened scores of what ends in a softmax, else all outputs.
Objective objective_for(const Graph& teacher) {
  return {.labels = 0, .teacher = 1, .temperature = 2, .is_classifier = logits_of(teacher) != teacher.outputs().at(0)};
}

}  // namespace

void require_trainable(const Graph& graph, size_t samples) {
  if (samples < kLeast)
    throw invalid_argument(cat("there are ", static_cast<int64_t>(samples), " samples, training needs ",
                               static_cast<int64_t>(kLeast), " or more"));
  const Optimizer optimizer;
  make_training_graph(graph, 4, objective_for(graph), &optimizer);
}

Graph taught(const Graph& student, const Graph& teacher, const Evidence& evidence, int64_t epochs) {
  const SampleSource& samples = evidence.samples();
  require_trainable(student, samples.count);
  const std::vector<size_t> order = shuffled(samples.count, Random(kSeed));
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(samples.count / 10);
  const TrainingData held_out = part_of(samples, {order.begin(), cut}), data = part_of(samples, {cut, order.end()});
  TrainOptions options;
  options.objective = objective_for(teacher);
  options.learning_rate = 0.001;
  options.epochs = epochs;
  // Few samples still make some steps.
  const auto count = static_cast<int64_t>(data.samples.count);
  options.batch = std::min(std::clamp<int64_t>(count / 32, 4, 32), count);
  options.seed = kSeed;
  const Trained trained =
      train(student, &teacher, data, held_out, options, evidence.engine(), {.progress = evidence.progress()});
  if (trained.was_interrupted) throw cancelled("interrupted");
  return trained.model;
}

}  // namespace hone
