#pragma once

#include <string>

#include "cli/input_args.h"
#include "cli/model_args.h"

namespace hone {

/// One model against another, or against another runtime on the same model.
struct VersusArgs {
  ModelArgs model;
  EngineArgs engine;
  InputArgs inputs;
  std::string against;  ///< the other model's path, or a peer's name
  double seconds = 1;   ///< of measured runs for each
  bool is_json = false;
};

/// Measures both in turns and says who is faster, as far as that can be told.
int bench_versus(const VersusArgs& o, Console& console);

}  // namespace hone
