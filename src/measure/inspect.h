#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "container/json.h"
#include "measure/engine.h"

namespace hone {

struct OpCount {
  std::string op;
  int64_t count = 0;
  int64_t macs = 0;
};

/// Constants stored as one dtype.
struct WeightCount {
  DType dtype = DType::kF32;
  bool is_quantized = false;
  bool is_per_channel = false;
  int64_t tensors = 0;
  int64_t elements = 0;
  int64_t bytes = 0;
};

/// An operator hone cannot run, with every node that uses it.
struct UnsupportedOp {
  std::string op;  ///< "tflite CUSTOM_FOO"
  std::vector<std::string> nodes;
};

/// What `hone inspect` tells of a model. Subgraphs are counted in.
struct ModelSummary {
  std::string name;
  std::vector<std::pair<std::string, TensorType>> inputs, outputs;
  int64_t nodes = 0;
  std::vector<OpCount> ops;       ///< most frequent first
  std::vector<OpCount> file_ops;  ///< the file's own, by its names; empty when not known or the same
  int64_t parameters = 0;         ///< elements of constants
  int64_t parameter_bytes = 0;
  std::string sizes_note;   ///< what was taken for unknown input sizes; empty when all are known
  int64_t macs = 0;         ///< of nodes whose operator states them; −1 when sizes are unknown
  int64_t peak_bytes = -1;  ///< planned activations on the engine; −1 when it cannot be planned
  std::string peak_reason;  ///< why not
  std::vector<WeightCount> weights;
  int64_t quantized_nodes = 0;  ///< nodes with a quantized first output
  int64_t float_nodes = 0;      ///< nodes with a float first output
  int64_t transposes = 0;
  std::vector<UnsupportedOp> unsupported;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// `file` counts the operators of the file that the graph was read from.
ModelSummary summarize(const Graph& graph, const Engine& engine, const std::map<std::string, int64_t>& file = {});
Json to_json(const ModelSummary& summary);
/// "int8, per channel" / "float" / "mixed": one phrase for the whole model.
std::string quantization_phrase(const ModelSummary& summary);

/// The graph in Graphviz's language, constants left out.
std::string to_dot(const Graph& graph);

/// The node called `name`, or the one that makes the value `name`, or the one of that name in the source file; none
/// when there is none.
NodeId find_node(const Graph& graph, const std::string& name);

/// The nodes up to `hops` edges away from the node (or value, or node of the source file) called `name`, with their
/// inputs and outputs. Throws Error(not_found) with the nearest name.
std::string describe_around(const Graph& graph, const std::string& name, int hops = 2);

}  // namespace hone
