#pragma once

#include "measure/engine.h"
#include "passes/check.h"

namespace hone {

struct ProofOptions {
  double tolerance = 1e-4;  ///< of float outputs, relative; quantized ones may differ by a step
  int64_t inputs = -1;      ///< generated inputs; −1: two as far as `seconds` allow, at least one
  double seconds = 2;
  Progress progress;
};

/// What a written model gave next to its source.
struct Proof {
  int64_t inputs = 0;     ///< generated inputs that both ran on
  int64_t states = 0;     ///< what the source remembers: then all inputs were runs one after another
  Difference worst;       ///< under one arithmetic
  Difference arithmetic;  ///< when the formats' arithmetics differ: of the outputs, each under its own
  bool is_equal = true;
  bool is_finer = false;   ///< the source computes in f16, the written model does not: equal as far as f16 is exact
  bool is_judged = false;  ///< what the engine found different was run on the reference as well, which counts
};

/// Runs the source as read and the written model, read again, on the same inputs: both on `engine`, as they are,
/// without any pass. Where that finds them different, the reference is asked. A source with states runs six times or
/// more; what the written model takes as further inputs in their place (ONNX has no states) is handed on from run to
/// run.
///
/// Where the formats round quantized numbers by different rules, equality is judged in float: TFLite's fixed point has
/// rules of its own for some orders of axes (the mean over height and width), so it may move by a step what is only
/// laid out anew.
Proof prove(const Graph& source, const Graph& written, const Engine& engine, const ProofOptions& options = {});

}  // namespace hone
