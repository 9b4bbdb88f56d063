#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "measure/engine.h"
#include "measure/samples.h"
#include "train/augment.h"
#include "train/results.h"
#include "train/schedule.h"
#include "train/training_graph.h"

namespace hone {

/// Samples with what is known of them.
struct TrainingData {
  SampleSource samples;
  std::vector<int64_t> labels;  ///< empty: none
};

struct TrainOptions {
  Objective objective;
  Optimizer optimizer;
  double learning_rate = 0.002;                         ///< the largest, reached after warming up
  double warm_up = 0.05;                                ///< share of the steps
  const Schedule* schedule = &all_schedules().front();  ///< how it falls then
  int64_t epochs = 10;
  int64_t batch = 32;
  int64_t patience = 0;  ///< epochs without a better result after which it stops; 0: never
  uint64_t seed = 0;
  std::vector<Augment> augments;
  bool has_planes = false;      ///< images come as [1, C, H, W]
  std::string checkpoint = {};  ///< file that is written after each epoch; "": none
  bool resume = false;          ///< begins where that file stands
};

struct Trained {
  Graph model;                       ///< with the best weights
  std::vector<EpochResult> results;  ///< before training, then of each epoch
  size_t best = 0;                   ///< of `results`
  bool was_interrupted = false;
  std::string stopped;  ///< why it ended before its time with a better model all the same; "": it did not
};

struct TrainHooks {
  Progress progress;                               ///< of steps
  std::function<void(const EpochResult&)> result;  ///< after each epoch and before the first
};

/// Trains a copy of `model`, a float graph that takes one sample (or an open number of them), and returns it with the
/// weights that were best on `held_out`; those it came with where nothing was better. `teacher`, where the objective
/// gives it weight, takes the same inputs and has the same outputs. The same seed gives the same weights, at any number
/// of threads, in one run or resumed. When interrupted it returns the best so far, and so it does when the loss is no
/// finite number after an epoch that was better than the model as it came. Throws Error(invalid_argument) for data or
/// labels that do not fit, for a loss that is not finite with the first node behind which a value is not, and what
/// read_checkpoint and write_checkpoint throw.
Trained train(const Graph& model, const Graph* teacher, const TrainingData& data, const TrainingData& held_out,
              const TrainOptions& options, const Engine& engine, const TrainHooks& hooks = {});

}  // namespace hone
