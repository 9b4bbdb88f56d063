#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "hone/model.h"
#include "hone/quantize.h"

namespace hone {

struct OptimizeOptions {
  double max_drop = 1;  ///< percentage points of accuracy that may be lost, for metrics that count right and wrong
  /// What other metrics must reach, in their own unit; NaN: their default (sqnr: 20 dB).
  double bound = std::numeric_limits<double>::quiet_NaN();
  std::string metric;                 ///< "": by the task; else top1, top5, sqnr, boxes, miou, auc, …
  std::string objective = "latency";  ///< latency, size or memory
  /// Who runs the files for the judge and the clock: "hone", or "ort" or "tflite" where ONNX Runtime's or TensorFlow
  /// Lite's shared library is installed (HONE_ORT_LIB, HONE_TFLITE_LIB name it); these take their own format alone.
  std::string runtime = "hone";
  std::vector<std::string> calibrators;                   ///< empty: all
  std::vector<std::string> formats = {"onnx", "tflite"};  ///< to measure as, and to write
  bool mixed = true;                                      ///< also try int8 with the most sensitive layers in float
  double latency_seconds = 0.5;                           ///< of measurement for each distinct plan
  size_t output = 0;                                      ///< output that holds the scores
  int threads = 1;                                        ///< of one inference; 0: all CPUs
  std::string directory;                                  ///< where files go; "": none are written
  std::string stem = "model";                             ///< their name without extension
  std::function<void(std::string_view stage, int64_t done, int64_t total)> progress;  ///< may throw to stop
};

/// A file that optimize wrote, read back and measured by itself.
struct OptimizedFile {
  std::string path, format;
  int64_t bytes = 0;  ///< 0: the format cannot hold the result, `problem` says why
  double latency_us = 0;
  double score = 0;
  bool is_verified = false;  ///< inside the budget as read back
  std::string problem;
};

struct Optimized {
  Model model;  ///< the winner; the model itself, simplified, when nothing beats it within the budget
  bool is_better = false;
  std::string recipe;                                  ///< what was done: "int8 {calibrator=\"mse\"}"
  std::string runtime;                                 ///< who was judged and timed: "ONNX Runtime 1.30.0"
  std::string metric;                                  ///< "top1"
  double score_before = 0, score_after = 0;            ///< shares in 0 … 1, dB, or the metric's own unit
  double drop = 0, drop_low = 0, drop_high = 0;        ///< lost, with its 95 % interval; shares in percentage points
  double latency_before_us = 0, latency_after_us = 0;  ///< medians
  int64_t bytes_before = 0, bytes_after = 0;           ///< of the smaller file
  std::vector<OptimizedFile> files;
};

/// The main job of hone, on samples from memory: makes the model small and fast within an accuracy budget and proves
/// it. `labels` are those of `test`, or empty: then the model as given is taken as right. Throws
/// Error(invalid_argument) when the metric cannot tell a good model from a broken one on this data, and what
/// quantize_int8 throws.
Optimized optimize(const Model& model, const Samples& calibration, const Samples& test,
                   const std::vector<int64_t>& labels = {}, const OptimizeOptions& options = {});

}  // namespace hone
