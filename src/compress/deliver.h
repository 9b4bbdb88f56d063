#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compress/optimize.h"

namespace hone {

/// A file that the main job wrote, and what reading it back showed.
struct DeliveredFile {
  std::string path;
  int64_t bytes = 0;
  std::string sha256;
  bool is_verified = false;    ///< read back, run on the test data, and still inside the budget
  double score = 0;            ///< accuracy (or agreement) of the file as read back, 0…1
  int64_t same_decisions = 0;  ///< of `samples`, against the candidate in memory
  int64_t samples = 0;
  std::string problem;  ///< why it was not written, or not verified; empty when all is well
};

struct DeliverOptions {
  std::string directory;  ///< made when missing
  std::string stem;       ///< "model" → model.onnx, model.tflite
  double max_drop_points = 1;
  size_t output = 0;
  Engine engine;
  Progress progress;
};

/// Writes `best` as .onnx and .tflite, reads each file back and measures it on the test data again. A format that
/// cannot express the graph yields an entry with `problem` and no file. Throws Error(unsupported) when no format can.
std::vector<DeliveredFile> deliver(const Candidate& best, const Candidate& baseline, const DataSplit& data,
                                   const std::vector<InputSpec>& inputs, const DeliverOptions& options);

}  // namespace hone
