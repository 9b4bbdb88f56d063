#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "formats/tflite/write_node.h"

namespace hone::tflite {

/// Everything the subgraphs of one file share while it is being written.
struct WriteState {
  std::vector<std::unique_ptr<fb::SubGraphT>> subgraphs;
  std::vector<Tensor> buffers{Tensor()};  ///< by buffer index; 0 is empty
  std::vector<std::unique_ptr<fb::OperatorCodeT>> codes;
  std::map<std::tuple<int32_t, std::string, int32_t>, uint32_t> code_index;
  std::vector<std::string> unsupported;  ///< one line for each node TFLite cannot express

  uint32_t code_of(fb::BuiltinOperator code, const std::string& custom, int32_t version);
  uint32_t add_buffer(Tensor value);
};

/// Turns one graph into a subgraph of the file.
class SubgraphWriter {
 public:
  SubgraphWriter(WriteState& state, const Graph& graph);
  /// Appends graph's subgraph (and before it is complete those of its nodes) to the file; returns its index.
  int32_t write();

  const Graph& graph() const { return graph_; }
  WriteState& state() { return state_; }
  TensorIndex tensor_of(ValueId id);
  TensorIndex add_tensor(std::string name, const TensorType& type, const Tensor& constant = {});
  TensorIndex add_variable(std::string name, const TensorType& type);
  /// A handle of a variable that operators read and assign.
  TensorIndex add_resource(std::string name);
  /// The variable tensor of a state that one operator's kernel keeps.
  void keep(ValueId now, TensorIndex variable) { set(tensor_of_value_, now, variable); }
  /// Whether `next` is what such a state becomes.
  bool is_kept(ValueId next) const;
  bool is_variable(TensorIndex tensor) const { return subgraph_->tensors[static_cast<size_t>(tensor)]->is_variable; }
  /// What was written, to be put into the file by whoever counts its subgraphs.
  std::unique_ptr<fb::SubGraphT> take() { return std::move(subgraph_); }
  /// A complex64 tensor; `shape` without the axis of parts. `type_of` says f32 of that shape.
  TensorIndex add_complex(std::string name, const Shape& shape);
  /// The complex tensor that stands for a value f32[…,2], −1 when there is none. `tensor_of` such a value takes it
  /// apart.
  TensorIndex complex_of(ValueId id) const { return complex_of_value_[static_cast<size_t>(id.index)]; }
  void bind_complex(ValueId id, TensorIndex tensor) { set(complex_of_value_, id, tensor); }
  /// The tensor with the real numbers of a quantized value, −1 when there is none yet.
  TensorIndex real_of(ValueId id) const { return real_of_value_[static_cast<size_t>(id.index)]; }
  void bind_real(ValueId id, TensorIndex tensor) { set(real_of_value_, id, tensor); }
  const TensorType& type_of(TensorIndex index) const { return types_[static_cast<size_t>(index)]; }
  void add_operator(std::unique_ptr<fb::OperatorT> op) { subgraph_->operators.push_back(std::move(op)); }

 private:
  void write_node(NodeId id);
  void write_operators(NodeId id);
  bool write_as(Form form, NodeId id);
  void check_operators(size_t first, const Node& node) const;
  void take_apart(TensorIndex from, TensorIndex to);

  using Table = std::vector<TensorIndex>;
  void set(Table& table, ValueId id, TensorIndex tensor) {
    table[static_cast<size_t>(id.index)] = tensor;
    assigned_.emplace_back(&table, static_cast<size_t>(id.index));
  }
  /// How much there was before a node was tried, and back to that.
  struct Mark {
    size_t tensors, operators, buffers, codes, assigned;
  };
  Mark mark() const;
  void back_to(const Mark& mark);

  WriteState& state_;
  const Graph& graph_;
  std::unique_ptr<fb::SubGraphT> subgraph_ = std::make_unique<fb::SubGraphT>();
  std::deque<TensorType> types_;  ///< references stay good while tensors are added
  Table tensor_of_value_, complex_of_value_, real_of_value_;
  std::vector<std::pair<Table*, size_t>> assigned_;  ///< entries of the tables in the order they were made
};

}  // namespace hone::tflite
