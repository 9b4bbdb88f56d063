#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/args.h"
#include "cli/console.h"
#include "container/json.h"
#include "data/dataset.h"
#include "measure/engine.h"

namespace hone {

/// Flags that choose how a model runs: --provider, --threads, --exact.
struct EngineArgs {
  std::string provider = "cpu";
  int64_t threads = 1;
  bool is_exact = false;

  void declare(Args& args);
  /// Throws Error(not_found) for an unknown provider, with the nearest.
  Engine engine() const;
  /// The same for calibration: floats that do not depend on this machine's instruction set, so that files do not.
  Engine calibration_engine() const;
};

/// All of it; no more than memory allows.
std::string read_standard_input();

/// Every provider of this build, the default first.
std::vector<const Provider*> all_providers();

/// MODEL, --shape, and what to read where a file leaves a choice.
struct ModelArgs {
  std::string path;
  std::vector<std::string> shapes;                   ///< "input=1x3x224x224" or "1x3x224x224"
  std::string signature, tag_set;                    ///< of a SavedModel
  std::string inputs, outputs;                       ///< "a,b": where a TensorFlow graph begins and ends
  int64_t max_memory = 0;                            ///< bytes; 0: what the system leaves
  mutable std::shared_ptr<const std::string> piped;  ///< what standard input gave, which cannot be read again

  void declare(Args& args, const std::string& name = "MODEL", bool is_required = true);
  /// The flags alone, for commands that take several models.
  void declare_shapes(Args& args);
  /// The model with its shapes fixed, everything known about errors added; "-" reads it from standard input. From here
  /// on the program holds no more than --max-memory.
  Graph load() const;
};

/// "x=1x3x8x8" → {"x", {1, 3, 8, 8}}; without a name: "". Throws Error(invalid_argument).
std::pair<std::string, Dims> parse_shape(const std::string& text);

/// Flags that say how files become inputs: --preprocess and its single fields, --input-quant.
struct PreprocessArgs {
  std::string file, resize, crop, scale, mean, std, layout, color;
  std::string input_quant;

  void declare(Args& args);
  Preprocess preprocess() const;
  QuantPtr stored() const;
  bool is_given() const;
  /// A note when flags of pictures are given and none of `files` is one. Standard input, "-", may be one.
  void note_unused(std::span<const std::string> files, Console& console) const;
};

/// Flags that name the data: --data, --labels, --limit.
struct DataArgs {
  std::string path;
  std::string labels;
  int64_t limit = 0;

  void declare(Args& args, bool is_required = true);
  Dataset open() const;
};

/// A note for each input whose sizes are open and stand for 1 in what follows.
void note_open_sizes(const Graph& graph, Console& console);

/// Index of the value called `name` among the graph's outputs; 0 for "". Throws Error(not_found) with the nearest.
size_t find_output(const Graph& graph, const std::string& name);

}  // namespace hone
