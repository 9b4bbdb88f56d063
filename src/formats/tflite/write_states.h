#pragma once

#include "formats/tflite/writer.h"

namespace hone::tflite {

/// What a graph remembers, as TFLite says it: a variable tensor where the kernel of one operator alone reads and
/// advances a state that begins at zero, else a resource that is read before all nodes and assigned behind them. A
/// resource that does not begin at zero gets its values from a subgraph that runs once.
class StateWriter {
 public:
  StateWriter(SubgraphWriter& writer, WriteState& file) : writer_(writer), file_(file) {}
  /// Gives every state's present value its tensor. Before the nodes are written.
  void begin();
  /// Puts what the states become in their place. Behind the nodes.
  void end();

 private:
  struct Resource {
    GraphState state;
    TensorIndex handle;
  };
  void emit(fb::OperatorT op, fb::BuiltinOperator code, std::vector<TensorIndex> inputs,
            std::vector<TensorIndex> outputs);
  void initialise();

  SubgraphWriter& writer_;
  WriteState& file_;
  std::vector<Resource> resources_;
};

}  // namespace hone::tflite
