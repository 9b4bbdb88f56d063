#include "passes/layout.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "base/text.h"
#include "ops/movement.h"
#include "ops/shaping.h"
#include "passes/layout_solve.h"
#include "passes/pipelines.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Makes the graph what a solution says: new nodes stand beside the old ones, which die when the outputs have moved.
class LayoutRebuild {
 public:
  LayoutRebuild(Graph& graph, const LayoutSolution& solution)
      : graph_(graph), solution_(solution), stored_(graph.value_capacity()) {}

  int64_t run() {
    const std::vector<NodeId> order = graph_.order();
    for (NodeId id : order) reuse_transpose(id);
    for (NodeId id : order) rebuild(id);
    move_outputs();
    graph_.remove_dead();
    hand_over_names();
    return changes_;
  }

 private:
  void rebuild(NodeId id) {
    const Node& node = graph_.node(id);
    if (node.is<Transpose>() && !solution_.see(node.outputs[0]).via.empty()) return;
    if (node.is<Transpose>() && solution_.see(node.outputs[0]).source != node.outputs[0]) return;
    const LayoutRow* row = solution_.row(id);
    if (row && row->kind == LayoutKind::kTied) return rebuild_tied(id, *row);
    if (row) return rebuild_reduced(id, *row);
    if (solution_.feeds_weights(id)) return rebuild_flatten(id);
    if (solution_.reshape(id)) return rebuild_reshape(id);
    if (node.is<ShapeOf>()) return rebuild_shape_of(id);
    keep(id);
  }

  /// The value that holds `value` in the order the solution stores it in.
  ValueId stored(ValueId value) const {
    if (static_cast<size_t>(value.index) >= stored_.size()) return value;  // added on the way
    const ValueId moved = stored_[static_cast<size_t>(value.index)];
    return moved.exists() ? moved : value;
  }

  /// A Transpose that is there already serves those who still need it.
  void reuse_transpose(NodeId id) {
    const Node& node = graph_.node(id);
    if (!node.is<Transpose>()) return;
    const Seen seen = solution_.see(node.outputs[0]);
    if (seen.source != node.inputs[0] || seen.via.empty() || !solution_.order_of(seen.source).empty()) return;
    made_.try_emplace({seen.source.index, seen.via}, node.outputs[0]);
  }

  /// `value`, which is `logical` in order `have`, in order `want`.
  ValueId reorder(ValueId value, const TensorType& logical, const Perm& have, const Perm& want) {
    if (full(have, logical.shape.rank()) == full(want, logical.shape.rank())) return value;
    const Perm step = compose(have.empty() ? Perm() : inverse(have), want);
    const TensorType type = permuted(logical, want);
    const auto argument = reshape_argument(type.shape);
    const bool moves_nothing = argument && same_sequence(logical.shape, have, want);
    NodeSpec spec;
    spec.def = moves_nothing ? &Reshape::def : &Transpose::def;
    spec.attrs = moves_nothing ? Attrs::of(Reshape{}) : Attrs::of(Transpose{{}, step});
    spec.inputs = {value};
    if (moves_nothing) spec.inputs.push_back(add_ints(graph_, *argument));
    spec.name = cat(graph_.value(value).name, ".", moves_nothing ? "reshape" : "transpose");
    spec.output_types = {type};
    ++changes_;
    return graph_.node(graph_.add(std::move(spec))).outputs[0];
  }

  /// A value as an operand in order `want`.
  ValueId get(ValueId value, const Perm& want) {
    const Seen seen = solution_.see(value);
    Perm order = compose(seen.via, want);
    if (is_identity(order)) order.clear();
    const Perm& have = solution_.order_of(seen.source);
    if (order == have) return stored(seen.source);
    const auto [at, is_new] = made_.try_emplace({seen.source.index, order});
    if (!is_new) return at->second;
    ValueId result;
    if (graph_.is_constant(seen.source)) {
      const std::string name = graph_.value(seen.source).name;
      result = graph_.add_constant(permuted(graph_.value(seen.source).constant, order), name);
    } else {
      result = reorder(stored(seen.source), TensorType(graph_.type(seen.source)), have, order);
    }
    return made_[{seen.source.index, order}] = result;
  }

  /// Whether the value is there in its own order without another Transpose.
  bool is_made(ValueId value) const {
    const Seen seen = solution_.see(value);
    return made_.contains({seen.source.index, seen.via});
  }

  /// The node works on data in its own order.
  void keep(NodeId id) {
    std::vector<ValueId> inputs = graph_.node(id).inputs;
    int64_t moved = 0;
    for (ValueId& input : inputs) {
      if (!input.exists()) continue;
      const ValueId now = get(input, {});
      moved += std::exchange(input, now) != now;
    }
    if (moved > 0) graph_.set_inputs(id, inputs);
    changes_ += moved;
  }

  /// Adds the changed copy of a node and notes what its results are stored as.
  void put(NodeId id, NodeSpec spec) {
    const std::vector<ValueId> outputs = graph_.node(id).outputs;
    renamed_.push_back({graph_.node(id).name, {}, id});
    const NodeId added = graph_.add(std::move(spec));
    renamed_.back().node = added;
    const std::vector<ValueId> results = graph_.node(added).outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      stored_[static_cast<size_t>(outputs[i].index)] = results[i];
      value_names_.push_back({graph_.value(outputs[i]).name, results[i]});
    }
    ++changes_;
  }

  //   Transpose(p)                              x
  //        |              ⇒                     |
  //   Concat {axis}, Softmax, Add, …     Concat {where the axis went}, …
  void rebuild_tied(NodeId id, const LayoutRow& row) {
    const Perm order = solution_.order_of(graph_.node(id).outputs[0]);
    if (order.empty()) return keep(id);
    NodeSpec spec = spec_of(graph_, id);
    const int64_t rank = data_rank(graph_, graph_.node(id), row);
    for (size_t i = 0; i < spec.inputs.size(); ++i) {
      if (!spec.inputs[i].exists()) continue;
      if (!is_data_input(row, i)) {
        spec.inputs[i] = get(spec.inputs[i], {});
      } else if (rank_of(graph_, spec.inputs[i]) == rank && !may_shorten(row, spec.inputs, i, rank)) {
        spec.inputs[i] = get(spec.inputs[i], order);
      } else {
        spec.inputs[i] = aligned(spec.inputs[i], order);
      }
    }
    for (TensorType& type : spec.output_types) type = permuted(type, order);
    remap(row, spec, order, rank);
    put(id, std::move(spec));
  }

  /// Whether input i is a constant of an elementwise operator that may lose leading axes of size 1: [1,1,1,C] → [C].
  bool may_shorten(const LayoutRow& row, const std::vector<ValueId>& inputs, size_t i, int64_t rank) const {
    if (row.op || !graph_.is_constant(inputs[i])) return false;
    for (size_t j = 0; j < i; ++j) {
      if (!graph_.is_constant(inputs[j]) && rank_of(graph_, inputs[j]) == rank) return true;
    }
    return false;
  }

  void remap(const LayoutRow& row, NodeSpec& spec, const Perm& order, int64_t rank) {
    if (!row.remap) return;
    LayoutEdit edit{graph_, spec, order, inverse(order), rank};
    row.remap(edit);
  }

  /// An operand of lower rank, which broadcasting aligns at the end, for a result in order `order`.
  ValueId aligned(ValueId value, const Perm& order) {
    const int64_t missing = static_cast<int64_t>(order.size()) - rank_of(graph_, value);
    const ValueId own = get(value, {});
    TensorType type = graph_.type(own);
    type.shape.list().insert(type.shape.list().begin(), static_cast<size_t>(missing), Dim(1));
    if (type.quant && type.quant->axis >= 0) {
      auto moved = std::make_shared<QuantParams>(*type.quant);
      moved->axis += missing;
      type.quant = moved;
    }
    if (graph_.is_constant(own)) return aligned_constant(own, type, order);
    Shape wanted = permuted(type.shape, order);
    while (wanted.rank() > 0 && wanted[0] == Dim(1)) wanted.list().erase(wanted.list().begin());
    Shape bare = type.shape;
    while (bare.rank() > 0 && bare[0] == Dim(1)) bare.list().erase(bare.list().begin());
    if (same_sequence(type.shape, order, {}) && same_shape(wanted, bare)) return own;
    const ValueId padded = graph_.add(Reshape{}, {own, add_ints(graph_, *reshape_argument(type.shape))});
    return reorder(padded, type, {}, order);
  }

  ValueId aligned_constant(ValueId value, const TensorType& type, const Perm& order) {
    const auto [at, is_new] = shortened_.try_emplace({value.index, order});
    if (!is_new) return at->second;
    Tensor constant = permuted(graph_.value(value).constant.reshaped(type.shape.dims()).with_quant(type.quant), order);
    Dims dims = constant.dims();
    while (!constant.quant() && !dims.empty() && dims[0] == 1) dims.erase(dims.begin());
    const std::string name = graph_.value(value).name;
    const ValueId result = graph_.add_constant(constant.quant() ? constant : constant.reshaped(dims), name);
    return shortened_[{value.index, order}] = result;
  }

  //   Transpose(p)                                x
  //        |                       ⇒              |
  //   ReduceMean {keepdims=false}          ReduceMean {where the axes went}
  void rebuild_reduced(NodeId id, const LayoutRow& row) {
    const ValueId input = graph_.node(id).inputs[0], out = graph_.node(id).outputs[0];
    const TensorType logical = graph_.type(out);
    const Perm seen = solution_.order_seen(input);
    Perm have;
    if (!seen.empty()) have = without(seen, removed_axes(graph_, graph_.node(id), row));
    // A result that would have to be transposed is no gain over an operand that is already there in its own order.
    const bool is_free = same_sequence(logical.shape, have, solution_.order_of(out));
    if (seen.empty() || (!is_free && solution_.order_of(out).empty() && is_made(input))) {
      have.clear();
      keep(id);
    } else {
      NodeSpec spec = spec_of(graph_, id);
      const int64_t rank = rank_of(graph_, input);
      spec.inputs[0] = stored(solution_.see(input).source);
      for (size_t i = 1; i < spec.inputs.size(); ++i) {
        if (spec.inputs[i].exists()) spec.inputs[i] = get(spec.inputs[i], {});
      }
      spec.output_types = {permuted(logical, have)};
      remap(row, spec, seen, rank);
      put(id, std::move(spec));
    }
    stored_[static_cast<size_t>(out.index)] = reorder(stored(out), logical, have, solution_.order_of(out));
  }

  //   Transpose(0,3,1,2): [N,C,H,W]               x: [N,H,W,C]
  //        |                             ⇒        |
  //   Reshape: [N,G,C/G,H,W]                 Reshape: [N,H,W,G,C/G]
  void rebuild_reshape(NodeId id) {
    const ValueId input = graph_.node(id).inputs[0], out = graph_.node(id).outputs[0];
    const TensorType logical = graph_.type(out);
    const Perm seen = solution_.order_seen(input);
    const Perm& order = solution_.order_of(out);
    const bool is_plain = is_plain_reshape(*solution_.reshape(id), seen, order);
    const auto needed = is_plain ? std::optional(seen) : solution_.order_before_reshape(id, order);
    if (!needed) {
      keep(id);
      stored_[static_cast<size_t>(out.index)] = reorder(out, logical, {}, order);
      return;
    }
    if (is_identity(*needed) && order.empty()) return keep(id);
    const ValueId x = is_plain ? stored(solution_.see(input).source) : get(input, *needed);
    NodeSpec spec = spec_of(graph_, id);
    const TensorType type = permuted(logical, order);
    spec.attrs = Attrs::of(Reshape{});
    spec.inputs = {x, add_ints(graph_, *reshape_argument(type.shape))};
    spec.output_types = {type};
    put(id, std::move(spec));
  }

  //   Transpose(0,3,1,2) → Reshape [N,K] → FullyConnected(w)
  //      ⇒   Reshape [N,K] → FullyConnected(w with its columns in the new order)
  void rebuild_flatten(NodeId id) {
    const ValueId input = graph_.node(id).inputs[0], out = graph_.node(id).outputs[0];
    const Perm seen = solution_.order_seen(input);
    const auto argument = reshape_argument(graph_.type(out).shape);
    if (seen.empty() || seen[0] != 0 || !argument) return keep(id);
    const Shape shape = graph_.type(input).shape;
    graph_.set_input(id, 1, add_ints(graph_, *argument));
    graph_.set_input(id, 0, stored(solution_.see(input).source));
    ++changes_;
    if (same_sequence(shape, seen, {})) return;
    const UseList users = graph_.value(out).users;
    for (NodeId user : std::set<NodeId>(users.begin(), users.end())) move_columns(user, shape, seen);
  }

  void move_columns(NodeId user, const Shape& shape, const Perm& order) {
    const ValueId value = graph_.node(user).inputs[1];
    const Tensor weight = graph_.value(value).constant;
    Dims dims{weight.dim(0)};
    for (int64_t axis = 1; axis < shape.rank(); ++axis) dims.push_back(shape[axis].value());
    const Tensor moved = permuted(weight.reshaped(dims), order).reshaped(weight.dims());
    const std::string name = graph_.value(value).name;
    graph_.set_input(user, 1, graph_.add_constant(moved.with_quant(weight.quant()), name));
  }

  //   Transpose(p) → ShapeOf   ⇒   ShapeOf → Gather(p)
  void rebuild_shape_of(NodeId id) {
    const ValueId input = graph_.node(id).inputs[0];
    const Perm seen = solution_.order_seen(input);
    if (seen.empty()) return keep(id);
    const ShapeOf op = graph_.node(id).as<ShapeOf>();
    const int64_t rank = static_cast<int64_t>(seen.size());
    const auto clamped = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
    const Perm where = inverse(seen);
    std::vector<int64_t> picked;
    for (int64_t i = clamped(op.start); i < clamped(op.end); ++i) picked.push_back(where[static_cast<size_t>(i)]);
    ShapeOf whole;
    whole.dtype = op.dtype;
    const ValueId dims = graph_.add(whole, {stored(solution_.see(input).source)});
    NodeSpec spec = spec_of(graph_, id);
    spec.def = &Gather::def;
    spec.attrs = Attrs::of(Gather{});
    spec.inputs = {dims, add_ints(graph_, picked)};
    put(id, std::move(spec));
  }

  /// Graph outputs keep their order; one that would become an input or another output stays as it was.
  void move_outputs() {
    std::vector<ValueId> outputs = graph_.outputs();
    std::multiset<ValueId> taken(outputs.begin(), outputs.end());
    for (ValueId& output : outputs) {
      const ValueId now = get(output, {});
      if (now == output || graph_.value(now).is_input || graph_.is_constant(now) || taken.contains(now)) continue;
      output_names_.push_back({graph_.value(output).name, now});
      taken.erase(taken.find(output));
      taken.insert(now);
      output = now;
      ++changes_;
    }
    graph_.set_outputs(std::move(outputs));
    const std::vector<GraphState> states = graph_.states();
    for (const GraphState& state : states) graph_.set_next(state.now, get(state.next, {}));
  }

  void hand_over_names() {
    std::set<ValueId> named;
    for (const auto& [name, value] : output_names_) {
      graph_.set_name(value, name);
      named.insert(value);
    }
    for (const auto& [name, node, old] : renamed_) {
      if (graph_.is_live(node) && !graph_.is_live(old)) graph_.set_name(node, name);
    }
    for (const auto& [name, value] : value_names_)
      if (!named.contains(value) && graph_.value(value).producer.exists()) graph_.set_name(value, name);
  }

  struct NamedValue {
    std::string name;
    ValueId value;
  };
  struct RenamedNode {
    std::string name;
    NodeId node, old;
  };

  Graph& graph_;
  const LayoutSolution& solution_;
  std::vector<ValueId> stored_;                            ///< per old value
  std::map<std::pair<int32_t, Perm>, ValueId> shortened_;  ///< constants aligned for broadcasting
  std::map<std::pair<int32_t, Perm>, ValueId> made_;       ///< reordered values: (source, order) → value
  std::vector<RenamedNode> renamed_;
  std::vector<NamedValue> value_names_, output_names_;
  int64_t changes_ = 0;
};

}  // namespace

int64_t cancel_transposes(Graph& graph, PassContext& context) {
  bool has_transpose = false;
  for (NodeId id : graph.order()) has_transpose = has_transpose || graph.node(id).is<Transpose>();
  if (!has_transpose || !context.budget.take()) return 0;
  const LayoutSolution solution(graph);
  return LayoutRebuild(graph, solution).run();
}

size_t cancel_transposes(Graph& graph) {
  run_pipeline(graph, layout_pipeline());
  return count_nodes(graph, Transpose::def);
}

}  // namespace hone
