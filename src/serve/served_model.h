#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "ir/graph.h"
#include "runtime/session.h"
#include "serve/drift.h"
#include "serve/infer_message.h"
#include "serve/metrics.h"

namespace hone {

/// Reads a model; the composition root knows how.
using ModelReader = std::function<Graph(const std::string& path)>;

/// One version of a model, ready to answer. Immutable but for the sessions, of which each worker has its own.
struct ServedModel {
  std::string name, path;
  int64_t version = 1;
  std::string format;  ///< of the file, "onnx"
  std::shared_ptr<const Program> program;
  Signature signature;
  std::vector<InputSpec> specs;     ///< of the inputs
  std::vector<std::string> labels;  ///< names of classes by index, from STEM.labels.txt beside the model; may be empty
  size_t golden_samples = 0;        ///< that were repeated well
  int64_t batch = 1;                ///< requests that one run may answer, see proven_batch()
  double load_seconds = 0;          ///< until it answered a first time
  std::unique_ptr<DriftWatch> drift;               ///< of what it is given, since it serves
  std::shared_ptr<ModelMetrics> metrics;           ///< of all versions
  std::vector<std::unique_ptr<Session>> sessions;  ///< by worker, made when first wanted

  Session& session(int worker);
};

struct LoadRequest {
  std::string name, path;
  int64_t version = 1;
  int workers = 1;
  int64_t batch = 1;     ///< requests to be answered by one run, where the model can
  std::string key = {};  ///< public, PEM: what it did not sign is not read; "": signatures are not asked for
};

/// What is read beside a model's file: golden samples and labels, where they are.
std::vector<std::string> companions_of(const std::string& model_path);

/// Verifies, reads, prepares and tries a model: it repeats the golden samples beside it, or runs once on generated
/// numbers. Throws Error when any of that fails.
std::shared_ptr<ServedModel> load_served_model(const LoadRequest& request, const ModelReader& read,
                                               const Engine& engine);

}  // namespace hone
