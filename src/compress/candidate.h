#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/recipe.h"
#include "ir/graph.h"
#include "measure/budget.h"
#include "measure/paired_latency.h"

namespace hone {

/// A model as one file holds it: what was written, read back and prepared to run.
struct FileForm {
  std::string format;        ///< "onnx", "tflite"
  std::string runtime;       ///< who ran it for the numbers below: "hone", "ONNX Runtime 1.30.0"
  std::string path;          ///< empty for files that served to measure only
  std::string sha256;        ///< of delivered files
  int64_t bytes = 0;         ///< 0: the format cannot hold this model
  int64_t memory_bytes = 0;  ///< planned peak: weights, activations, scratch; 0: a peer does not tell
  std::string steps;         ///< what its plan executes: files with equal steps share one time; a peer's: its bytes
  Latency latency;
  std::string problem;  ///< why it was not written, or not verified
};

/// One way to make a model smaller or faster, with everything measured of it.
struct Candidate {
  Recipe recipe;
  std::string id, label;
  Graph graph;
  Score score;
  Verdict verdict;       ///< against the baseline
  bool is_kept = false;  ///< inside the budget against every reference
  std::string reason;    ///< why it was rejected, or lost to the chosen one
  std::vector<FileForm> files;
  Latency latency;           ///< of the slower of its files
  int64_t size_bytes = 0;    ///< of the smaller
  int64_t memory_bytes = 0;  ///< of the larger plan; 0: unknown
};

}  // namespace hone
