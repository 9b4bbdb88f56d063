#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/tensorflow/checkpoint.h"
#include "formats/tensorflow/node.h"

namespace hone::tensorflow {

/// Builds the graph between given inputs and outputs of a GraphDef: calls are inlined, variables become constants, what
/// outputs do not need (training, saving, control edges) is never looked at.
class GraphReader {
 public:
  GraphReader(const GraphDef& def, const Checkpoint& variables, std::shared_ptr<const void> owner)
      : def_(def), variables_(variables), owner_(std::move(owner)) {}

  struct Port {
    std::string name;   ///< of the graph's input or output
    std::string value;  ///< "serving_default_x:0"
    TensorType type;    ///< of an input
  };
  Graph read(const std::vector<Port>& inputs, const std::vector<Port>& outputs);

 private:
  /// The nodes of the graph or of one call, with what they have made so far.
  struct Scope {
    std::string prefix;
    std::map<std::string_view, const NodeDef*> nodes;
    std::map<std::string_view, std::vector<Edge>> values;
    bool is_function = false;
  };
  struct Place {
    std::string_view node;
    int64_t output = 0;
  };
  Place place_of(const Scope& scope, std::string_view reference) const;
  Edge edge(Scope& scope, std::string_view reference);
  /// Makes what these references name, whatever it needs first.
  void demand(Scope& scope, const std::vector<std::string_view>& references);
  void run(Scope& scope, const NodeDef& node);
  std::vector<Edge> call(const FunctionDef& function, const std::vector<Edge>& arguments, const std::string& prefix);
  Edge variable(const std::string& name);
  void keep_opaque(OpNode& node);

  const GraphDef& def_;
  const Checkpoint& variables_;
  std::shared_ptr<const void> owner_;
  Graph graph_;
  std::map<std::string, Edge> constants_;  ///< of variables
  int depth_ = 0;
  size_t runs_ = 0;
};

}  // namespace hone::tensorflow
