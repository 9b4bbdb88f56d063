#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/tflite/model_file.h"
#include "formats/tflite/read_node.h"
#include "ir/graph.h"

namespace hone::tflite {

/// What the readers of all subgraphs of one file share.
struct ReadState {
  ModelFile& file;
  std::vector<int32_t> open_subgraphs = {};  ///< being read right now, outermost first: none may contain itself
  bool has_open_dims = true;                 ///< false: sizes are those of `shape`, whatever the signature leaves open
  size_t open_dims = 0;                      ///< dims of the model's inputs that the signature leaves open
  size_t opaque_nodes = 0;
};

/// Turns one subgraph of the file into a graph.
class SubgraphReader {
 public:
  SubgraphReader(ReadState& state, int32_t index);
  /// Throws Error naming operator and tensor.
  Graph read();

  Graph& graph() { return graph_; }
  ReadState& state() { return state_; }
  /// The value of tensor `index`: produced, fed, or constant. Throws Error(invalid_model) otherwise.
  ValueId value_of(int32_t index);
  void bind(int32_t index, ValueId value);
  const TensorType& declared(int32_t index) const;
  /// Whether the tensor holds complex64: its value is f32 with one more axis of real and imaginary part.
  bool is_complex(int32_t index) const { return tensor(index).type() == fb::TensorType::COMPLEX64; }
  std::string name_of_tensor(int32_t index) const;
  /// What the variable behind a resource tensor holds now; none before the first assignment.
  ValueId& variable(int32_t handle) { return variables_[name_of_tensor(handle)]; }

 private:
  const fb::Tensor& tensor(int32_t index) const;
  Shape shape_of(const fb::Tensor& tensor) const;
  TensorType declare(const fb::Tensor& tensor) const;
  void declare_all();
  void add_inputs();
  void read_operator(size_t number);
  void collect_outputs();

  ReadState& state_;
  const fb::SubGraph& subgraph_;
  Graph graph_;
  std::vector<TensorType> declared_;
  std::vector<bool> is_typed_;  ///< false: strings, resources and the like, which no value can hold
  std::vector<ValueId> values_;
  std::map<std::string, ValueId> variables_;
};

}  // namespace hone::tflite
