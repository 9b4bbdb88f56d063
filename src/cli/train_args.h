#pragma once

#include <string>

#include "cli/model_args.h"
#include "train/trainer.h"

namespace hone {

/// What `finetune` and `distill` share: data, how to train, where the result goes.
struct TrainArgs {
  EngineArgs engine;
  DataArgs data;
  PreprocessArgs preprocess;
  std::string output, held_out, optimizer = "lamb", schedule = "cosine", augment, checkpoint;
  int64_t epochs = 10, batch = 32, patience = 0, seed = 0;
  double learning_rate = 0, weight_decay = 1e-4, clip = 1, warm_up = 0.05, average = 0;
  bool is_json = false, is_forced = false, resume = false, keep_zeros = false;

  void declare(Args& args);
  /// Throws Error(invalid_argument) for what makes no sense. The objective is the caller's.
  TrainOptions options() const;
};

/// A model that is trained, and who teaches it.
struct TrainJob {
  std::string path;  ///< of `model`
  Graph model;       ///< as it was read
  const Graph* teacher = nullptr;
  std::vector<std::string> matches = {};  ///< "TEACHER:STUDENT", see find_matches
  Objective objective;
};

/// Trains, writes the result and reports. With a teacher and without labels in the data the teacher alone counts.
int run_training(const TrainArgs& args, TrainJob job, Console& console);

}  // namespace hone
