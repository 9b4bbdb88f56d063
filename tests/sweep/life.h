#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace hone::sweep {

/// How much of a hostile model's life is lived: what is larger stops before it runs.
struct LifeLimits {
  int64_t max_bytes = int64_t{1} << 24;  ///< of all values with known sizes together
  bool compares = true;                  ///< results of the cpu have the types and shapes of the reference's
};

/// What became of a model.
struct Life {
  std::string fault;  ///< a stage that ended in anything but a result or an honest Error: "stage: what it threw"
  std::string error;  ///< of the first stage that refused
  bool has_run = false;
};

/// Everything hone does with a model: read, verify, run on the reference, pass through the standard pipeline, plan and
/// run on the cpu, write as ONNX and as TFLite and read what was written. A stage that refuses ends the life of what it
/// would have made. `inputs` are fed where they fit; others are zeros. Loops, which may be endless by right, are not
/// run. Kernels' answers must agree in type and shape with the reference's.
Life live(const std::function<Graph()>& read, std::span<const Tensor> inputs, const LifeLimits& limits = {});

}  // namespace hone::sweep
