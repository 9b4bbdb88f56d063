#include "ir/graph.h"

#include <algorithm>
#include <queue>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/text.h"

namespace hone {

Node::Node() = default;
Node::~Node() = default;
Node::Node(const Node&) = default;
Node::Node(Node&&) noexcept = default;
Node& Node::operator=(const Node&) = default;
Node& Node::operator=(Node&&) noexcept = default;

std::string describe(const Node& node) {
  std::string out = cat("node '", node.name, "'");
  if (node.source.op.empty()) return node.def ? cat(out, " (", node.def->name, ")") : out;
  out += cat(" (", node.source.format, " ", node.source.op);
  if (node.source.version > 0)
    out += cat(node.source.format == "onnx" ? ", opset " : ", version ", node.source.version);
  return out + ")";
}

namespace {

constexpr std::string_view kNotQuantizable = ", which cannot carry quantization";

/// Concat moves elements too, but rescales those of other inputs: its storage is its own.
bool follows_input(const OpDef& def) { return def.moves_data && !def.eval_quantized; }

void check_arity(const OpDef& def, size_t inputs, size_t outputs) {
  const auto outside = [](size_t n, int low, int high) {
    return n < static_cast<size_t>(low) || (high >= 0 && n > static_cast<size_t>(high));
  };
  const auto range = [](int low, int high) {
    return high < 0 ? cat("at least ", low) : low == high ? cat(low) : cat(low, " to ", high);
  };
  if (outside(inputs, def.min_inputs, def.max_inputs))
    throw invalid_model(
        cat(lower(def.name), ": ", inputs, " inputs, expected ", range(def.min_inputs, def.max_inputs)));
  if (outside(outputs, def.min_outputs, def.max_outputs))
    throw invalid_model(
        cat(lower(def.name), ": ", outputs, " outputs, expected ", range(def.min_outputs, def.max_outputs)));
}

/// What is stored may be quantized when it is integers.
void check_storage(const TensorType& type, std::string_view what) {
  if (!type.quant) return;
  if (!is_integer(type.dtype)) throw invalid_model(cat("'", what, "' is ", to_string(type.dtype), kNotQuantizable));
  if (type.quant->scales.empty() || type.quant->scales.size() != type.quant->zero_points.size())
    throw invalid_model(cat("'", what, "' has ", type.quant->scales.size(), " scales and ",
                            type.quant->zero_points.size(), " zero points, expected as many and one at least"));
}

Shape merge(const Shape& inferred, const Shape& stated, std::string_view what) {
  if (!inferred.has_rank()) return stated;
  if (!stated.has_rank()) return inferred;
  if (!compatible(inferred, stated))
    throw invalid_model(cat(what, " has shape ", to_text(inferred), ", declared as ", to_text(stated)));
  Shape out = inferred;
  for (int64_t i = 0; i < out.rank(); ++i)
    if (!out[i].is_known() && (stated[i].is_known() || out[i].symbol().empty())) out[i] = stated[i];
  return out;
}

/// Lays what a node's author stated (quantized storage, shape facts) over what inference found.
TensorType overlay(TensorType inferred, const TensorType& stated, std::string_view what) {
  if (stated.quant) {
    if (inferred.dtype != DType::kF32)
      throw invalid_model(cat(what, " is ", to_string(inferred.dtype), kNotQuantizable));
    check_storage(stated, what);
    inferred.dtype = stated.dtype;
    inferred.quant = stated.quant;
  } else if (stated.dtype != inferred.dtype) {
    throw invalid_model(cat(what, " is ", to_string(inferred.dtype), ", declared as ", to_string(stated.dtype)));
  }
  inferred.shape = merge(inferred.shape, stated.shape, what);
  return inferred;
}

}  // namespace

void Graph::throw_no_such(const char* what, int32_t index) {
  throw internal_error(cat("the graph has no ", what, " ", index));
}

template <class Owners>
std::string Graph::unique_name(std::string base, int32_t owner, NameTable& names, const Owners& owners) {
  const auto name_of = [&](int32_t index) -> const std::string& { return owners[static_cast<size_t>(index)].name; };
  NameTable::Entry* taken = names.find(base, name_of);
  if (taken) {
    // After a few numbers that others have, steps double: a name that was free between is new to the long row of them.
    std::string candidate = cat(base, "_", ++taken->last_suffix);
    for (int64_t tries = 1; names.find(candidate, name_of); ++tries)
      candidate = cat(base, "_", taken->last_suffix += tries < 16 ? 1 : taken->last_suffix);
    base = std::move(candidate);
  }
  names.insert(base, owner);
  return base;
}

std::string Graph::unique_value_name(std::string base, ValueId owner) {
  return unique_name(std::move(base), owner.index, value_names_, values_);
}

std::string Graph::unique_node_name(std::string base, NodeId owner) {
  return unique_name(std::move(base), owner.index, node_names_, nodes_);
}

void Graph::free_name(ValueId id) {
  value_names_.erase(value(id).name, id.index,
                     [&](int32_t i) -> const std::string& { return values_[static_cast<size_t>(i)].name; });
}

void Graph::free_name(NodeId id) {
  node_names_.erase(node(id).name, id.index,
                    [&](int32_t i) -> const std::string& { return nodes_[static_cast<size_t>(i)].name; });
}

void Graph::swap_names(ValueId a, ValueId b) {
  Value &first = values_[static_cast<size_t>(a.index)], &second = values_[static_cast<size_t>(b.index)];
  const auto name_of = [&](int32_t i) -> const std::string& { return values_[static_cast<size_t>(i)].name; };
  NameTable::Entry* of_first = value_names_.find(first.name, name_of);
  NameTable::Entry* of_second = value_names_.find(second.name, name_of);
  if (!of_first || !of_second)
    throw internal_error(cat("values ", a.index, " and ", b.index, " have lost their names"));
  of_first->owner = b.index;
  of_second->owner = a.index;
  std::swap(first.name, second.name);
}

ValueId Graph::new_value(std::string value_name, TensorType type) {
  check_storage(type, value_name);
  const ValueId id{static_cast<int32_t>(values_.size())};
  Value value;
  value.name = unique_value_name(std::move(value_name), id);
  value.type = std::move(type);
  values_.push_back(std::move(value));
  return id;
}

ValueId Graph::add_input(std::string input_name, TensorType type) {
  const ValueId id = new_value(input_name.empty() ? "input" : std::move(input_name), std::move(type));
  values_[static_cast<size_t>(id.index)].is_input = true;
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(Tensor tensor, std::string constant_name) {
  if (!tensor.exists()) throw internal_error("constant without a value");
  const ValueId id = new_value(constant_name.empty() ? "const" : std::move(constant_name), tensor.type());
  values_[static_cast<size_t>(id.index)].constant = std::move(tensor);
  return id;
}

std::vector<TensorType> Graph::infer(Node& node, size_t outputs) const {
  std::vector<const TensorType*> types;
  std::vector<const Tensor*> constants;
  for (const ValueId id : node.inputs) {
    types.push_back(id.exists() ? &value(id).type : nullptr);
    constants.push_back(is_constant(id) ? &value(id).constant : nullptr);
  }
  std::vector<TensorType> found =
      infer_types(*node.def, node.attrs, types, constants, outputs, node.subgraphs, &node.reads_constants);
  // Operators that move elements keep the quantization of what they move.
  if (node.def->moves_data && !node.inputs.empty() && node.inputs[0].exists()) {
    const TensorType& in = value(node.inputs[0]).type;
    for (TensorType& type : found)
      if (in.quant && in.quant->is_per_tensor() && type.dtype == DType::kF32) {
        type.dtype = in.dtype;
        type.quant = in.quant;
      }
  }
  return found;
}

NodeId Graph::add(NodeSpec spec) {
  Node node;
  node.name = spec.name.empty() ? lower(spec.def->name) : std::move(spec.name);
  node.def = spec.def;
  node.attrs = spec.attrs.exists() ? std::move(spec.attrs) : Attrs(*spec.def->attrs, spec.def->attrs->create());
  node.inputs = std::move(spec.inputs);
  node.subgraphs = std::move(spec.subgraphs);
  node.source = std::move(spec.source);
  while (!node.inputs.empty() && !node.inputs.back().exists()) node.inputs.pop_back();
  std::vector<TensorType> types;
  with_context([&] { return cat("in ", describe(node)); },
               [&] {
                 for (const ValueId id : node.inputs)
                   if (id.exists() && static_cast<size_t>(id.index) >= values_.size())
                     throw internal_error(cat("value ", id.index, " does not belong to this graph"));
                 check_arity(*node.def, node.inputs.size(), spec.outputs);
                 types = infer(node, spec.outputs);
                 for (size_t i = 0; i < types.size() && i < spec.output_types.size(); ++i) {
                   const TensorType& stated = spec.output_types[i];
                   TensorType plain = types[i];
                   if (plain.quant && stated.quant && follows_input(*node.def) &&
                       !(plain.dtype == stated.dtype && same_quant(plain.quant, stated.quant)))
                     throw invalid_model(cat("output ", i, " is stored as ", to_text(stated), ", its elements as ",
                                             to_text(plain), ": they only move"));
                   if (plain.quant && stated.quant) plain = {DType::kF32, plain.shape, nullptr};
                   if (plain.quant && !stated.quant && stated.dtype == plain.dtype) continue;
                   types[i] = overlay(std::move(plain), stated, cat("output ", i));
                 }
               });
  const NodeId id{static_cast<int32_t>(nodes_.size())};
  node.name = unique_node_name(std::move(node.name), id);
  for (size_t i = 0; i < types.size(); ++i) {
    std::string value_name = i < spec.output_names.size() && !spec.output_names[i].empty() ? spec.output_names[i]
                             : i == 0                                                      ? node.name
                                                                                           : cat(node.name, ".", i);
    const ValueId out = new_value(std::move(value_name), std::move(types[i]));
    values_[static_cast<size_t>(out.index)].producer = id;
    values_[static_cast<size_t>(out.index)].output_index = static_cast<int32_t>(i);
    node.outputs.push_back(out);
  }
  for (size_t i = 0; i < node.inputs.size(); ++i) add_use(node.inputs[i], id, i);
  nodes_.push_back(std::move(node));
  ++live_nodes_;
  return id;
}

ValueId Graph::add_one(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, AddOptions options) {
  NodeSpec spec;
  spec.def = &def;
  spec.attrs = std::move(attrs);
  spec.inputs = std::move(inputs);
  spec.name = std::move(options.name);
  if (options.has_type) spec.output_types.push_back(std::move(options.type));
  spec.output_names.push_back(std::move(options.output_name));
  spec.source = std::move(options.source);
  return node(add(std::move(spec))).outputs[0];
}

void Graph::set_outputs(std::vector<ValueId> outputs) {
  const auto count = [&](int32_t step) {
    for (const ValueId out : outputs_)
      if (out.exists()) values_[static_cast<size_t>(out.index)].output_uses += step;
  };
  count(-1);
  outputs_ = std::move(outputs);
  count(1);
  note_leaving();
}

void Graph::note_leaving() {
  leaves_at_.clear();
  for (size_t i = 0; i < outputs_.size(); ++i) leaves_at_.emplace(outputs_[i].index, static_cast<int32_t>(i));
  for (size_t i = 0; i < states_.size(); ++i) leaves_at_.emplace(states_[i].next.index, -1 - static_cast<int32_t>(i));
}

namespace {

GraphState& find_state(std::vector<GraphState>& states, ValueId now) {
  const auto at = std::lower_bound(states.begin(), states.end(), now,
                                   [](const GraphState& state, ValueId value) { return state.now < value; });
  if (at == states.end() || at->now != now) throw internal_error(cat("value ", now.index, " is no state"));
  return *at;
}

}  // namespace

ValueId Graph::add_state(std::string state_name, Tensor initial) {
  const ValueId id = new_value(state_name.empty() ? "state" : std::move(state_name), initial.type());
  values_[static_cast<size_t>(id.index)].is_input = true;
  values_[static_cast<size_t>(id.index)].output_uses = 1;
  states_.push_back({id, id, std::move(initial)});
  leaves_at_.emplace(id.index, -static_cast<int32_t>(states_.size()));
  return id;
}

void Graph::set_next(ValueId now, ValueId next) {
  const TensorType &from = type(now), &to = type(next);
  if (from.dtype != to.dtype || !compatible(from.shape, to.shape) || !same_quant(from.quant, to.quant))
    throw invalid_model(cat("state '", value(now).name, "' is ", to_text(from), ", cannot become '", value(next).name,
                            "', which is ", to_text(to)));
  GraphState& state = find_state(states_, now);
  --values_[static_cast<size_t>(state.next.index)].output_uses;
  ++values_[static_cast<size_t>(next.index)].output_uses;
  const auto place = static_cast<int32_t>(states_.data() - &state) - 1;
  const auto [first, last] = leaves_at_.equal_range(state.next.index);
  leaves_at_.erase(std::find_if(first, last, [&](const auto& at) { return at.second == place; }));
  leaves_at_.emplace(next.index, place);
  state.next = next;
}

void Graph::expose_states() {
  for (const GraphState& state : states_) {
    inputs_.push_back(state.now);
    outputs_.push_back(state.next);
  }
  states_.clear();
  note_leaving();
}

const Node* Graph::producer(ValueId id) const {
  if (!id.exists() || !value(id).producer.exists()) return nullptr;
  return &node(value(id).producer);
}

bool Graph::is_in_order() const {
  for (size_t n = 0; n < nodes_.size(); ++n)
    for (const ValueId in : nodes_[n].inputs)
      if (in.exists() && value(in).producer.index >= static_cast<int32_t>(n)) return false;
  return true;
}

std::vector<NodeId> Graph::order() const {
  if (!was_reordered_ || is_in_order()) {  // what the queue below would give, without it
    std::vector<NodeId> sorted;
    sorted.reserve(live_nodes_);
    for (size_t n = 0; n < nodes_.size(); ++n)
      if (nodes_[n].def) sorted.push_back(NodeId{static_cast<int32_t>(n)});
    return sorted;
  }
  std::vector<int> waiting(nodes_.size(), 0);
  std::priority_queue<int32_t, std::vector<int32_t>, std::greater<>> ready;
  for (size_t n = 0; n < nodes_.size(); ++n) {
    if (!nodes_[n].def) continue;
    for (const ValueId in : nodes_[n].inputs) waiting[n] += in.exists() && value(in).producer.exists();
    if (waiting[n] == 0) ready.push(static_cast<int32_t>(n));
  }
  std::vector<NodeId> sorted;
  sorted.reserve(live_nodes_);
  while (!ready.empty()) {
    const NodeId id{ready.top()};
    ready.pop();
    sorted.push_back(id);
    for (const ValueId out : node(id).outputs)
      for (const NodeId user : value(out).users)
        if (--waiting[static_cast<size_t>(user.index)] == 0) ready.push(user.index);
  }
  if (sorted.size() != live_nodes_) throw invalid_model(cat("graph '", name, "' has a cycle"));
  return sorted;
}

void Graph::add_use(ValueId id, NodeId user, size_t input) {
  if (id.exists()) values_[static_cast<size_t>(id.index)].users.add({user, static_cast<int32_t>(input)});
}

void Graph::note_order(ValueId id, NodeId user) {
  was_reordered_ = was_reordered_ || (id.exists() && value(id).producer.index >= user.index);
}

void Graph::drop_use(ValueId id, NodeId user, size_t input) {
  if (id.exists()) values_[static_cast<size_t>(id.index)].users.remove({user, static_cast<int32_t>(input)});
}

void Graph::infer_node(NodeId id) {
  Node& n = nodes_[static_cast<size_t>(id.index)];
  with_context([&] { return cat("in ", describe(n)); },
               [&] {
                 const std::vector<TensorType> types = infer(n, n.outputs.size());
                 for (size_t i = 0; i < types.size(); ++i) {
                   TensorType& old = values_[static_cast<size_t>(n.outputs[i].index)].type;
                   TensorType fresh = types[i];
                   if (old.quant && fresh.logical_dtype() == DType::kF32 && !follows_input(*n.def))
                     fresh = {old.dtype, fresh.shape, old.quant};
                   if (n.def->moves_data && old.quant && !fresh.quant && fresh.dtype == DType::kF32)
                     fresh = {old.dtype, fresh.shape, old.quant};
                   if (compatible(fresh.shape, old.shape)) fresh.shape = merge(fresh.shape, old.shape, n.name);
                   old = std::move(fresh);
                 }
               });
}

void Graph::infer_from(std::vector<NodeId> start) {
  // Nodes are re-inferred while types keep changing; a DAG settles after at most one visit per node and path level.
  std::vector<NodeId> pending;
  std::set<NodeId> queued;
  for (const NodeId id : start)
    if (queued.insert(id).second) pending.push_back(id);
  size_t steps = 0;
  for (size_t at = 0; at < pending.size(); ++at) {
    const NodeId id = pending[at];
    queued.erase(id);
    if (!is_live(id)) continue;
    if (++steps > 64 * (nodes_.size() + 1)) return infer_all();
    std::vector<TensorType> before;
    for (const ValueId out : node(id).outputs) before.push_back(type(out));
    infer_node(id);
    for (size_t i = 0; i < before.size(); ++i) {
      const ValueId out = node(id).outputs[i];
      if (type(out) == before[i]) continue;
      for (const NodeId user : value(out).users)
        if (queued.insert(user).second) pending.push_back(user);
    }
  }
}

void Graph::infer_all() {
  for (const NodeId id : order()) infer_node(id);
}

void Graph::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  const UseList uses = std::exchange(values_[static_cast<size_t>(from.index)].users, {});
  const bool is_retyped = !(type(from) == type(to));
  std::vector<NodeId> affected;
  for (auto at = uses.begin(); at != uses.end(); ++at) {
    const auto [user, input] = at.use();
    Node& n = nodes_[static_cast<size_t>(user.index)];
    note_order(to, user);
    n.inputs[static_cast<size_t>(input)] = to;
    add_use(to, user, static_cast<size_t>(input));
    // The value of a constant may tell inference what its type does not, e.g. the dims a Reshape is to give.
    if (is_retyped || (is_constant(to) && n.reads_constants)) affected.push_back(user);
  }
  if (is_output(from)) replace_leaving(from, to);
  infer_from(std::move(affected));
}

void Graph::replace_leaving(ValueId from, ValueId to) {
  bool is_seen = false;
  std::vector<int32_t> places;
  for (auto [at, last] = leaves_at_.equal_range(from.index); at != last; ++at) places.push_back(at->second);
  leaves_at_.erase(from.index);
  for (const int32_t place : places) {
    is_seen |= place >= 0;
    (place >= 0 ? outputs_[static_cast<size_t>(place)] : states_[static_cast<size_t>(-1 - place)].next) = to;
    leaves_at_.emplace(to.index, place);
  }
  Value& old_value = values_[static_cast<size_t>(from.index)];
  Value& new_value = values_[static_cast<size_t>(to.index)];
  new_value.output_uses += std::exchange(old_value.output_uses, 0);
  if (is_seen && !new_value.is_input) swap_names(from, to);
}

void Graph::put_input(NodeId id, size_t i, ValueId to) {
  Node& n = nodes_[static_cast<size_t>(id.index)];
  if (i >= n.inputs.size()) n.inputs.resize(i + 1);
  if (n.inputs[i] == to) return;
  drop_use(n.inputs[i], id, i);
  n.inputs[i] = to;
  add_use(to, id, i);
  note_order(to, id);
}

void Graph::set_input(NodeId id, size_t i, ValueId to) {
  put_input(id, i, to);
  std::vector<ValueId>& inputs = nodes_[static_cast<size_t>(id.index)].inputs;
  while (!inputs.empty() && !inputs.back().exists()) inputs.pop_back();
  infer_from({id});
}

void Graph::set_inputs(NodeId id, std::span<const ValueId> values) {
  std::vector<ValueId>& inputs = nodes_[static_cast<size_t>(id.index)].inputs;
  for (size_t i = 0; i < std::max(values.size(), inputs.size()); ++i)
    put_input(id, i, i < values.size() ? values[i] : ValueId{});
  while (!inputs.empty() && !inputs.back().exists()) inputs.pop_back();
  infer_from({id});
}

void Graph::set_attrs(NodeId id, Attrs attrs) {
  nodes_[static_cast<size_t>(id.index)].attrs = std::move(attrs);
  infer_from({id});
}

void Graph::set_name(ValueId id, std::string new_name) {
  Value& v = values_[static_cast<size_t>(id.index)];
  if (new_name.empty() || v.name == new_name) return;  // a value is never without a name
  free_name(id);
  v.name = unique_value_name(std::move(new_name), id);
}

void Graph::set_name(NodeId id, std::string new_name) {
  Node& n = nodes_[static_cast<size_t>(id.index)];
  if (n.name == new_name) return;
  free_name(id);
  n.name = unique_node_name(std::move(new_name), id);
}

void Graph::set_type(ValueId id, TensorType new_type) {
  Value& v = values_[static_cast<size_t>(id.index)];
  if (v.constant.exists()) throw internal_error(cat("type of constant '", v.name, "' follows its value"));
  if (v.producer.exists() && v.type.logical_dtype() != new_type.logical_dtype())
    throw internal_error(cat("value '", v.name, "' is ", to_text(v.type), ", cannot be stored as ", to_text(new_type)));
  check_storage(new_type, v.name);
  v.type = std::move(new_type);
  infer_from({v.users.begin(), v.users.end()});
}

void Graph::set_constant(ValueId id, Tensor tensor) {
  Value& v = values_[static_cast<size_t>(id.index)];
  if (!v.constant.exists()) throw internal_error(cat("value '", v.name, "' is not constant"));
  check_storage(tensor.type(), v.name);
  v.type = tensor.type();
  v.constant = std::move(tensor);
  infer_from({v.users.begin(), v.users.end()});
}

void Graph::remove(NodeId id) {
  const Node& n = node(id);
  for (const ValueId out : n.outputs) {
    if (!value(out).users.empty() || is_output(out))
      throw internal_error(cat("cannot remove ", describe(n), ": its output '", value(out).name, "' is used"));
  }
  for (size_t i = 0; i < n.inputs.size(); ++i) drop_use(n.inputs[i], id, i);
  forget(id);
}

void Graph::forget(NodeId id) {
  Node& n = nodes_[static_cast<size_t>(id.index)];
  for (const ValueId out : n.outputs) {
    values_[static_cast<size_t>(out.index)].producer = NodeId{};
    free_name(out);
  }
  free_name(id);
  n = Node();
  --live_nodes_;
}

void Graph::compact() {
  std::vector<int32_t> node_at(nodes_.size(), -1), value_at(values_.size(), -1);
  std::deque<Node> nodes;
  for (const NodeId id : order()) {
    node_at[static_cast<size_t>(id.index)] = static_cast<int32_t>(nodes.size());
    nodes.push_back(std::move(nodes_[static_cast<size_t>(id.index)]));
  }
  std::deque<Value> values;
  for (size_t i = 0; i < values_.size(); ++i) {
    Value& v = values_[i];
    if (!v.is_input && !v.constant.exists() && !v.producer.exists()) continue;
    value_at[i] = static_cast<int32_t>(values.size());
    values.push_back(std::move(v));
  }
  const auto move_value = [&](ValueId& id) { id.index = id.exists() ? value_at[static_cast<size_t>(id.index)] : -1; };
  const auto move_node = [&](NodeId& id) { id.index = id.exists() ? node_at[static_cast<size_t>(id.index)] : -1; };
  for (Node& n : nodes) {
    std::for_each(n.inputs.begin(), n.inputs.end(), move_value);
    std::for_each(n.outputs.begin(), n.outputs.end(), move_value);
  }
  for (Value& v : values) {
    move_node(v.producer);
    v.users.renumber(node_at);
  }
  std::for_each(inputs_.begin(), inputs_.end(), move_value);
  std::for_each(outputs_.begin(), outputs_.end(), move_value);
  for (GraphState& state : states_) {
    move_value(state.now);
    move_value(state.next);
  }
  node_names_.renumber(node_at);
  value_names_.renumber(value_at);
  note_leaving();
  nodes_ = std::move(nodes);
  values_ = std::move(values);
  was_reordered_ = false;
}

size_t Graph::remove_dead() {
  std::vector<char> is_needed(nodes_.size(), 0);
  std::vector<NodeId> stack;
  const auto need = [&](ValueId id) {
    if (!id.exists() || !value(id).producer.exists()) return;
    const NodeId maker = value(id).producer;
    if (is_needed[static_cast<size_t>(maker.index)]) return;
    is_needed[static_cast<size_t>(maker.index)] = 1;
    stack.push_back(maker);
  };
  for (const ValueId out : outputs_) need(out);
  for (const GraphState& state : states_) need(state.next);
  while (!stack.empty()) {
    const NodeId id = stack.back();
    stack.pop_back();
    for (const ValueId in : node(id).inputs) need(in);
  }
  size_t removed = 0;
  std::vector<char> has_dead_users(values_.size(), 0);
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].def || is_needed[i]) continue;
    for (const ValueId in : nodes_[i].inputs)
      if (in.exists()) has_dead_users[static_cast<size_t>(in.index)] = 1;
    forget(NodeId{static_cast<int32_t>(i)});
    ++removed;
  }
  // All uses by the dead go in one sweep of each list: one by one, each would search it.
  for (size_t i = 0; removed > 0 && i < values_.size(); ++i)
    if (has_dead_users[i])
      values_[i].users.remove_if([&](NodeId user) { return !is_needed[static_cast<size_t>(user.index)]; });
  for (size_t i = 0; i < values_.size(); ++i) {
    Value& v = values_[i];
    if (!v.constant.exists() || !v.users.empty() || v.output_uses > 0) continue;
    free_name(ValueId{static_cast<int32_t>(i)});
    v.constant = Tensor();
  }
  return removed;
}

namespace {

/// `shape` with the symbols that have a size replaced by it.
void replace_symbols(Shape& shape, const std::map<std::string, int64_t>& sizes) {
  if (!shape.has_rank()) return;
  for (Dim& d : shape.list()) {
    if (d.symbol().empty()) continue;
    if (const auto at = sizes.find(d.symbol()); at != sizes.end()) d = Dim(at->second);
  }
}

}  // namespace

void Graph::fix_input(ValueId input, Shape shape, std::map<std::string, int64_t>& sizes) {
  Value& v = values_[static_cast<size_t>(input.index)];
  Shape known = v.type.shape;
  replace_symbols(known, sizes);
  if (!compatible(known, shape))
    throw invalid_argument(
        cat("input '", v.name, "' has shape ", to_text(known), ", cannot be fixed to ", to_text(shape)));
  if (known.has_rank())
    for (int64_t i = 0; i < shape.rank(); ++i)
      if (!known[i].symbol().empty() && shape[i].is_known()) sizes[known[i].symbol()] = shape[i].value();
  v.type.shape = std::move(shape);
}

void Graph::set_input_shapes(std::span<const std::pair<ValueId, Shape>> shapes) {
  std::map<std::string, int64_t> sizes;
  for (const auto& [input, shape] : shapes) fix_input(input, shape, sizes);
  if (!sizes.empty())
    for (Value& value : values_) replace_symbols(value.type.shape, sizes);
  infer_all();
}

void Graph::set_input_shape(ValueId input, Shape shape) {
  const std::pair<ValueId, Shape> one{input, std::move(shape)};
  set_input_shapes(std::span(&one, 1));
}

}  // namespace hone
