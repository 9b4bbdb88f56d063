#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/candidate.h"
#include "compress/selection.h"
#include "compress/sensitivity.h"
#include "compress/source_model.h"
#include "measure/engine.h"
#include "measure/judge.h"
#include "peers/peer.h"

namespace hone {

/// What "best" means among the candidates that keep the accuracy budget.
enum class Objective { kLatency, kSize, kMemory };
std::string_view to_string(Objective objective);
/// Throws Error(invalid_argument) naming the three.
Objective parse_objective(std::string_view text);

/// The main job as data: what to make smaller and faster, by which samples, within which budget.
struct Job {
  SourceModel source;
  SampleSource calibration, test;
  /// Runs the calibration; its floats should not depend on the instruction set, so that files do not. No providers: the
  /// job's engine.
  Engine calibration_engine;
  Labels labels;  ///< of the test samples
  Budget budget;
  std::string metric;          ///< "": by the task
  std::string metric_command;  ///< see JudgeOptions::command
  Objective objective = Objective::kLatency;
  /// Who runs the model as given, the candidates and the files for the judge and the clock: a peer, by its format
  /// alone; none: hone's engine.
  std::optional<Peer> peer;
  std::vector<std::string> calibrators;                   ///< empty: all of them
  std::vector<std::string> formats = {"onnx", "tflite"};  ///< that candidates are measured as, and delivered
  bool mixed = true;                                      ///< also try int8 with the most sensitive layers in float
  std::vector<double> prune = {};                         ///< shares of the multiply-accumulates to try, 0…1
  double recover_seconds = 0;                             ///< that training may take, about; 0: none is tried
  double latency_seconds = 0.5;                           ///< of measurement for each distinct plan
  size_t output = 0;                                      ///< output that holds the scores
  /// The only one to try, taken whatever it costs; none: the search.
  std::optional<Recipe> recipe = {};
  int64_t seed = -1;           ///< of the split that made the data; negative: the split was given
  int64_t limit = 0;           ///< how many samples of the data were split; 0: all. It and the next for the manifest
  std::string input_quant;     ///< "SCALE,ZERO" of integers in the data's files; "": none
  std::string directory;       ///< where the results go; made when missing. "": nothing is written
  std::string stem = "model";  ///< "model" → model.onnx, model.tflite
};

struct Outcome;

/// Where a job tells how far it is and what it found. May throw to stop it.
struct Sink {
  std::function<void(std::string_view stage, int64_t done, int64_t total)> progress;
  /// Called before the files take their places: what is written into `directory` takes its place with them.
  std::function<void(const Outcome& outcome, const std::string& directory)> report;
};

/// A file that the job wrote, and what reading it back showed.
struct Deliverable {
  FileForm file;
  Score score;               ///< by the job's metric, as its user will run it
  Verdict verdict;           ///< against the baseline
  int64_t same_samples = 0;  ///< samples with the answer that the candidate gave in memory
  bool is_verified = false;  ///< read back, run on the test data, and still inside the budget
};

/// All that a job found. Command line, libraries and report render it.
struct Outcome {
  Metric metric;
  Budget budget;
  Objective objective = Objective::kLatency;
  std::string source_path, source_sha256;
  int64_t source_bytes = 0, source_nodes = 0;
  std::string runtime;  ///< who was judged and timed: "hone", "ONNX Runtime 1.30.0"
  int64_t calibration_samples = 0, test_samples = 0, seed = -1;
  Labels labels;                      ///< of the test samples
  Candidate baseline;                 ///< the model as given: what every drop is measured against
  std::vector<Candidate> candidates;  ///< in the order tried
  int chosen = -1;                    ///< index into candidates; −1: none beats the baseline within the budget
  std::vector<LayerSensitivity> sensitivity;
  UnseenDrop unseen;  ///< of choosing: what to expect on samples that had no part in it
  std::vector<Deliverable> files;
  std::vector<StepTime> steps_before, steps_after;  ///< of the baseline and the chosen one, in memory

  const Candidate& best() const { return chosen < 0 ? baseline : candidates[static_cast<size_t>(chosen)]; }
  /// Every file that was written is verified.
  bool is_proven() const;
};

/// The main job: calibrate in one pass, try what the rows of all_transforms propose, judge each by one metric on the
/// held-out data, time, weigh and plan each as its files will run, reject what breaks the budget, keep the best by the
/// objective, write it, and prove what was written.
///
/// A model whose weights are stored as integers behind float arithmetic (dynamic range) is the baseline as it is; the
/// search starts from the real numbers that they stand for, which become a candidate too, and the budget holds against
/// both. Files take their place only after they were proven; what fails or is stopped leaves what was there before.
/// Deterministic but for the latencies. Throws Error(invalid_argument) for a graph that computes in integers, or when
/// the metric cannot tell a good model from a broken one on this data; Error(unsupported) when no format can hold the
/// result.
Outcome run_job(const Job& job, const Engine& engine, const Sink& sink = {});

}  // namespace hone
