#pragma once

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ir/attrs.h"
#include "ir/ids.h"
#include "ir/name_table.h"
#include "ir/op_def.h"
#include "ir/use_list.h"
#include "tensor/tensor.h"

namespace hone {

/// Where a node came from, for error messages and layer reports.
struct Source {
  std::string format;   ///< "onnx", "tflite", …
  std::string op;       ///< name in that format
  std::string name;     ///< node name in that format
  int64_t version = 0;  ///< opset or operator version
};

/// An edge: produced by a node, fed by the caller, or constant. Plain data; change it through Graph.
struct Value {
  std::string name;
  TensorType type;
  NodeId producer;  ///< none for inputs and constants
  int32_t output_index = 0;
  Tensor constant;          ///< exists() for constants
  bool is_input = false;    ///< fed by the caller, or the present value of a state
  int32_t output_uses = 0;  ///< how often it stands among the graph's outputs and what states become
  UseList users;            ///< one entry per use, in order of insertion
};

struct Node {
  Node();
  ~Node();
  Node(const Node&);
  Node(Node&&) noexcept;
  Node& operator=(const Node&);
  Node& operator=(Node&&) noexcept;

  std::string name;
  const OpDef* def = nullptr;
  Attrs attrs;
  std::vector<ValueId> inputs;  ///< trailing optional inputs may be missing, absent ones in the middle do not exist()
  std::vector<ValueId> outputs;
  std::vector<Graph> subgraphs;  ///< If: then, else; Loop, Scan: body. Captured values are explicit inputs
  Source source;
  bool reads_constants = false;  ///< its types may follow from what constant inputs hold, not from their types alone

  template <class Op>
  bool is() const {
    return def == &Op::def;
  }
  template <class Op>
  const Op& as() const {
    return attrs.as<Op>();
  }
  /// Input i or none.
  ValueId input(size_t i) const { return i < inputs.size() ? inputs[i] : ValueId{}; }
};

/// Memory of a graph from one run to the next. A run begins with the value `now`, which no node makes and no caller
/// feeds, and leaves `next` in its place; before the first run it is `initial`, whose type both have.
struct GraphState {
  ValueId now;
  ValueId next;  ///< `now` itself until set_next says otherwise
  Tensor initial;
};

/// What Graph::add takes. Aggregate: add({.def = &Conv::def, .attrs = Attrs::of(Conv{…}), .inputs = {x, w}}).
struct NodeSpec {
  const OpDef* def = nullptr;
  Attrs attrs;
  std::vector<ValueId> inputs;
  size_t outputs = 1;
  std::string name;                      ///< made unique; generated from the op name when empty
  std::vector<TensorType> output_types;  ///< optional: quantized storage (dtype + quant) per output, and shape facts
                                         ///< that inference alone does not know (merged; a contradiction throws)
  std::vector<std::string> output_names;
  std::vector<Graph> subgraphs;
  Source source;
};

/// Options of the short form of add.
struct AddOptions {
  std::string name;
  TensorType type;  ///< used when `has_type`: quantized storage of output 0
  bool has_type = false;
  std::string output_name;
  Source source;
};

/// A dataflow graph that is always typed and legal: add() infers types at once and throws on an illegal node.
/// A value type; copying copies nodes and shares tensor bytes. Not thread-safe while being changed. References to
/// nodes, values and types stay good while others are added; removing a node ends those to it.
class Graph {
 public:
  std::string name;
  QuantArithmetic arithmetic = QuantArithmetic::kFloat;  ///< how quantized operators round on the reference
  std::map<std::string, std::string> metadata;           ///< survives round trips: preprocessing, recipe, hashes

  ValueId add_input(std::string name, TensorType type);
  ValueId add_constant(Tensor value, std::string name = {});
  /// Throws Error with a frame that names node and source when arity, types or attributes are illegal.
  NodeId add(NodeSpec spec);
  /// Single-output short form.
  template <class Op>
  ValueId add(Op op, std::initializer_list<ValueId> inputs, AddOptions options = {}) {
    return add_one(Op::def, Attrs::of(std::move(op)), std::vector<ValueId>(inputs), std::move(options));
  }
  template <class Op>
  ValueId add(Op op, std::vector<ValueId> inputs, AddOptions options = {}) {
    return add_one(Op::def, Attrs::of(std::move(op)), std::move(inputs), std::move(options));
  }

  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  void set_outputs(std::vector<ValueId> outputs);

  /// Both throw Error(internal) for an id that is none of this graph's.
  const Node& node(NodeId id) const { return nodes_[checked(id.index, nodes_.size(), "node")]; }
  const Value& value(ValueId id) const { return values_[checked(id.index, values_.size(), "value")]; }
  const TensorType& type(ValueId id) const { return value(id).type; }
  bool is_constant(ValueId id) const { return id.exists() && value(id).constant.exists(); }
  /// Whether the value leaves the graph: to the caller or as what a state becomes.
  bool is_output(ValueId id) const { return id.exists() && value(id).output_uses > 0; }

  /// A state that holds `initial` before the first run; returns its present value. Graphs of control operators have
  /// none.
  ValueId add_state(std::string name, Tensor initial);
  /// What the state whose present value is `now` becomes. Throws Error(invalid_model) when its type is another.
  void set_next(ValueId now, ValueId next);
  /// In the order in which they were added.
  const std::vector<GraphState>& states() const { return states_; }
  /// The states' present values become the last inputs and what they become the last outputs: the caller keeps them.
  void expose_states();
  /// Producer node of a value or null.
  const Node* producer(ValueId id) const;
  /// Live nodes so that producers stand before users; stable: among ready nodes the earliest added first.
  std::vector<NodeId> order() const;
  size_t node_count() const { return live_nodes_; }
  size_t value_capacity() const { return values_.size(); }  ///< value ids are below this
  size_t node_capacity() const { return nodes_.size(); }    ///< node ids are below this
  bool is_live(NodeId id) const { return nodes_[static_cast<size_t>(id.index)].def != nullptr; }

  /// Every use of `from`, graph outputs included, becomes a use of `to`; the output's name moves along.
  void replace_uses(ValueId from, ValueId to);
  void set_input(NodeId node, size_t i, ValueId value);           ///< re-infers that node's outputs
  void set_inputs(NodeId node, std::span<const ValueId> values);  ///< all of them; re-infers once
  void set_attrs(NodeId node, Attrs attrs);                       ///< re-infers that node's outputs
  void set_name(ValueId value, std::string name);
  void set_name(NodeId node, std::string name);
  /// Quantized (or plain) storage of an existing value; the producer must allow it. Users are re-inferred.
  void set_type(ValueId value, TensorType type);
  void set_constant(ValueId value, Tensor tensor);  ///< for constants only; users are re-inferred
  /// Removes a node none of whose outputs is used. Throws Error(internal) otherwise.
  void remove(NodeId node);
  /// Removes nodes and constants that no output needs (graph inputs stay); returns how many nodes went.
  size_t remove_dead();
  /// Numbers nodes in order() and values anew, without the gaps that removed ones left: all ids of before are void.
  void compact();
  /// Replaces symbols by numbers, e.g. an input shape fixed by the user, and re-infers everything.
  void set_input_shape(ValueId input, Shape shape);
  /// The same for many inputs in one go. Shapes later in the list must agree with symbols that earlier ones fixed.
  void set_input_shapes(std::span<const std::pair<ValueId, Shape>> shapes);
  /// Runs inference on every node again in order().
  void infer_all();

 private:
  static size_t checked(int32_t index, size_t count, const char* what) {
    if (static_cast<size_t>(index) >= count) throw_no_such(what, index);
    return static_cast<size_t>(index);
  }
  [[noreturn]] static void throw_no_such(const char* what, int32_t index);
  ValueId add_one(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, AddOptions options);
  ValueId new_value(std::string name, TensorType type);
  template <class Owners>
  static std::string unique_name(std::string base, int32_t owner, NameTable& names, const Owners& owners);
  std::string unique_value_name(std::string base, ValueId owner);
  std::string unique_node_name(std::string base, NodeId owner);
  void free_name(ValueId value);
  void free_name(NodeId node);
  void swap_names(ValueId a, ValueId b);
  std::vector<TensorType> infer(Node& node, size_t outputs) const;
  void infer_node(NodeId id);
  void infer_from(std::vector<NodeId> start);
  void fix_input(ValueId input, Shape shape, std::map<std::string, int64_t>& sizes);
  void add_use(ValueId value, NodeId user, size_t input);
  void drop_use(ValueId value, NodeId user, size_t input);
  void put_input(NodeId node, size_t i, ValueId value);
  void note_leaving();  ///< fills leaves_at_
  void replace_leaving(ValueId from, ValueId to);
  void note_order(ValueId value, NodeId user);  ///< a use that is new to a node that is not
  bool is_in_order() const;                     ///< every producer was added before its users
  void forget(NodeId node);                     ///< takes a node out whose uses of others are gone already

  std::deque<Node> nodes_;  // references stay good while the graph grows
  std::deque<Value> values_;
  std::vector<ValueId> inputs_, outputs_;
  std::vector<GraphState> states_;  // by their present values, ascending
  /// Where values leave the graph: i for output i, -1 - i for what state i becomes.
  std::unordered_multimap<int32_t, int32_t> leaves_at_;
  NameTable node_names_, value_names_;
  size_t live_nodes_ = 0;
  bool was_reordered_ = false;  ///< false: is_in_order() without looking
};

/// Re-checks every invariant: ids, users, uniqueness, acyclicity, arity, and that inference agrees with stored types.
/// Throws Error(internal) that names what is broken.
void verify(const Graph& graph);

/// "node 'conv_17' (onnx Conv, opset 13)" for error frames.
std::string describe(const Node& node);

}  // namespace hone
