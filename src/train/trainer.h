#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "measure/engine.h"
#include "measure/samples.h"
#include "train/augment.h"
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
  double learning_rate = 0.002;  ///< the largest: reached after warming up, then falling to 0 by half a cosine
                                 ///< (Loshchilov and Hutter, SGDR, 2017)
  double warm_up = 0.05;         ///< share of the steps
  int64_t epochs = 10;
  int64_t batch = 32;
  int64_t patience = 0;  ///< epochs without a better result after which it stops; 0: never
  uint64_t seed = 0;
  std::vector<Augment> augments;
  bool has_planes = false;  ///< images come as [1, C, H, W]
};

/// How good the model is on the samples held out.
struct HeldOut {
  double loss = std::numeric_limits<double>::quiet_NaN();
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< share of right classes; NaN without labels

  /// By accuracy where there is one, else by loss.
  bool is_better_than(const HeldOut& other) const;
};

struct EpochResult {
  int64_t epoch = 0;  ///< 1, 2, …; 0: before training
  double loss = 0;    ///< mean over the epoch's steps
  HeldOut held_out;
};

struct Trained {
  Graph model;                       ///< with the best weights
  std::vector<EpochResult> results;  ///< before training, then of each epoch
  size_t best = 0;                   ///< of `results`
  bool was_interrupted = false;
};

struct TrainHooks {
  Progress progress;                               ///< of steps
  std::function<void(const EpochResult&)> result;  ///< after each epoch and before the first
};

/// Trains a copy of `model`, a float graph that takes one sample (or an open number of them), and returns it with the
/// weights that were best on `held_out`; those it came with where nothing was better. `teacher`, where the objective
/// gives it weight, takes the same inputs and has the same outputs. The same seed gives the same weights, at any number
/// of threads. When interrupted it returns the best so far. Throws Error(invalid_argument) for data or labels that do
/// not fit and when the loss is not finite.
Trained train(const Graph& model, const Graph* teacher, const TrainingData& data, const TrainingData& held_out,
              const TrainOptions& options, const Engine& engine, const TrainHooks& hooks = {});

}  // namespace hone
