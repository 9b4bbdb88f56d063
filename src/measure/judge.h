#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "measure/budget.h"
#include "measure/engine.h"
#include "measure/samples.h"

namespace hone {

struct JudgeOptions {
  std::string metric;   ///< "": by the task
  std::string command;  ///< a shell command that scores a folder of outputs, named {outputs}; replaces `metric`
  Budget budget;
  size_t output = 0;  ///< output that holds the scores
  int jobs = 0;       ///< samples in parallel, each on its own inference; 0: all CPUs
  /// Throw when the metric cannot tell a good model from a broken one on this data.
  bool is_strict = true;
  Progress progress;
};

/// Judges models against one that is taken as right, all by the same metric on the same samples.
class Judge {
 public:
  /// Runs `reference`, a model with the outputs of `graph`, on all samples and chooses the metric. Throws
  /// Error(invalid_argument) when the metric is undefined for this model or on this data, saying why.
  Judge(const Graph& graph, InferMaker reference, SampleSource samples, const Labels& labels, JudgeOptions options);
  /// `graph` itself, run by `engine`.
  Judge(const Graph& graph, const Engine& engine, SampleSource samples, const Labels& labels, JudgeOptions options)
      : Judge(graph, infer_of(graph, engine), std::move(samples), labels, std::move(options)) {}
  ~Judge();
  Judge(Judge&&) noexcept;

  const Metric& metric() const;
  const Budget& budget() const;
  /// What the model taken as right gets itself.
  const Score& reference() const;
  /// Why the metric says nothing here; "" when it does. Only without is_strict can there be a reason.
  const std::string& undefined() const;

  /// The score of `model` on `samples` (the same samples, as this model takes them). Throws Error(invalid_argument)
  /// when its outputs are others in number.
  Score score(const InferMaker& model, const SampleSource& samples, const Progress& progress = {}) const;
  /// On the samples of the reference.
  Score score(const InferMaker& model, const Progress& progress = {}) const;
  Verdict allows(const Score& score) const { return budget().allows(metric(), score, reference()); }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hone
