#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cli/args.h"
#include "measure/engine.h"
#include "package/deploy.h"

namespace hone {

/// Flags that say how a model runs in a cluster.
struct DeployArgs {
  DeployJob job;

  void declare(Args& args);
  /// The job for a model served under `model` from `image`; what was not stated follows from those.
  DeployJob complete(const std::string& model, const std::string& image) const;
};

/// Measures the model on one thread: load, latency, memory.
Footprint measure_footprint(const std::function<std::shared_ptr<const Program>()>& load);

}  // namespace hone
