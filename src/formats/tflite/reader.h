#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/tflite/model_file.h"
#include "formats/tflite/read_node.h"
#include "ir/graph.h"

namespace hone::tflite {

/// What the readers of all subgraphs of one file share.
/// What an operator of the file is.
struct OperatorIdentity {
  fb::BuiltinOperator code = fb::BuiltinOperator::ADD;
  OperatorName name;
};
/// Throws Error(invalid_model) when the file has no such operator code.
OperatorIdentity identify(const ModelFile& file, uint32_t opcode_index);

struct ReadState {
  ModelFile& file;
  std::vector<int32_t> open_subgraphs = {};  ///< being read right now, outermost first: none may contain itself
  bool has_open_dims = true;                 ///< false: sizes are those of `shape`, whatever the signature leaves open
  size_t open_dims = 0;                      ///< dims of the model's inputs that the signature leaves open
  size_t opaque_nodes = 0;
};

/// A variable that the operators of a file name: what it holds now, and the state of the graph when it was read before
/// it was assigned.
struct Resource {
  ValueId state, value;
};

/// Turns one subgraph of the file into a graph.
class SubgraphReader {
 public:
  SubgraphReader(ReadState& state, int32_t index);
  SubgraphReader(const SubgraphReader&) = delete;
  SubgraphReader& operator=(const SubgraphReader&) = delete;
  ~SubgraphReader() { state_.open_subgraphs.resize(depth_); }
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
  /// Operator's input `index` is a variable that holds `next` from here on.
  void advance(int32_t index, ValueId next);
  /// The resource tensor `handle` stands for the variable `key`.
  void name_resource(int32_t handle, std::string key) { handles_[handle] = std::move(key); }
  /// What the variable behind a handle holds now: before the first assignment a state that begins with what was
  /// assigned once, or with zeros of `type`.
  ValueId read_resource(int32_t handle, const TensorType& type);
  void assign_resource(int32_t handle, ValueId value);
  /// Takes over what the file's subgraph `index`, which runs once, assigns.
  void run_once(int32_t index);

 private:
  const fb::Tensor& tensor(int32_t index) const;
  Shape shape_of(const fb::Tensor& tensor) const;
  TensorType declare(const fb::Tensor& tensor) const;
  void declare_all();
  void add_inputs();
  void read_operator(size_t number);
  void collect_outputs();
  ValueId add_state(std::string name, Tensor initial);
  void end_states();
  bool is_main() const { return depth_ == 0; }

  ReadState& state_;
  const fb::SubGraph& subgraph_;
  size_t depth_;  ///< subgraphs around this one
  Graph graph_;
  std::vector<TensorType> declared_;
  std::vector<bool> is_typed_;  ///< false: strings, resources and the like, which no value can hold
  std::vector<ValueId> values_;
  bool is_run_once_ = false;              ///< what initialises resources
  std::map<int32_t, ValueId> variables_;  ///< states of variable tensors
  std::map<int32_t, std::string> handles_;
  std::map<std::string, Resource> resources_;
  std::map<std::string, Tensor> initial_;  ///< of resources; empty where hone cannot compute it
  bool has_unknown_initial_ = false;       ///< what initialises resources cannot be read
};

}  // namespace hone::tflite
