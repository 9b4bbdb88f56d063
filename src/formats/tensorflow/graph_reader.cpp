#include "formats/tensorflow/graph_reader.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"

namespace hone::tensorflow {

namespace {

constexpr int kDeepestCall = 64;
constexpr size_t kMostRuns = 2'000'000;

bool is_control(std::string_view reference) { return reference.starts_with('^'); }

bool is_call(const NodeDef& node) { return node.op == "PartitionedCall" || node.op == "StatefulPartitionedCall"; }

/// Place of an output by name and number among the outputs of an operator.
int64_t output_number(const NodeDef& node, const FunctionDef* function, std::string_view name, int64_t number) {
  if (function) {
    for (size_t i = 0; i < function->outputs.size(); ++i)
      if (function->outputs[i].name == name) return static_cast<int64_t>(i) + number;
    return number;
  }
  const OpRow* row = find_row(node.op);
  if (!row || row->outputs.empty()) return number;
  const std::vector<std::string> names = split(row->outputs, ' ');
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw invalid_model(cat(node.op, " has no output '", name, "'"));
  return found - names.begin() + number;
}

const NodeDef& node_of(const std::map<std::string_view, const NodeDef*>& nodes, std::string_view name) {
  const auto found = nodes.find(name);
  if (found == nodes.end()) throw invalid_model(cat("node '", name, "' is not in the graph"));
  return *found->second;
}

}  // namespace

/// "node", "node:1" and, in functions, "node:output:1".
GraphReader::Place GraphReader::place_of(const Scope& scope, std::string_view reference) const {
  const size_t colon = reference.find(':');
  if (colon == std::string_view::npos) return {reference, 0};
  const std::string_view name = reference.substr(0, colon), rest = reference.substr(colon + 1);
  const size_t second = rest.find(':');
  const auto number = parse_int(second == std::string_view::npos ? rest : rest.substr(second + 1));
  if (!number || *number < 0) throw invalid_model(cat("'", reference, "' names no output"));
  if (second == std::string_view::npos) return {name, *number};
  const NodeDef& node = node_of(scope.nodes, name);
  const auto function = def_.functions.find(node.op);
  return {name, output_number(node, function == def_.functions.end() ? nullptr : &function->second,
                              rest.substr(0, second), *number)};
}

Edge GraphReader::edge(Scope& scope, std::string_view reference) {
  const Place place = place_of(scope, reference);
  const auto made = scope.values.find(place.node);
  if (made == scope.values.end() || place.output >= static_cast<int64_t>(made->second.size()))
    throw invalid_model(cat("node '", place.node, "' has no output ", place.output));
  return made->second[static_cast<size_t>(place.output)];
}

void GraphReader::demand(Scope& scope, const std::vector<std::string_view>& references) {
  struct Open {
    std::string_view node;
    bool is_entered = false;
  };
  std::vector<Open> stack;
  std::map<std::string_view, bool> entered;
  const auto want = [&](std::string_view reference) {
    if (is_control(reference)) return;
    const std::string_view node = place_of(scope, reference).node;
    if (!scope.values.contains(node)) stack.push_back({node});
  };
  for (auto it = references.rbegin(); it != references.rend(); ++it) want(*it);
  while (!stack.empty()) {
    const std::string_view name = stack.back().node;
    if (scope.values.contains(name)) {
      stack.pop_back();
    } else if (stack.back().is_entered) {
      stack.pop_back();
      run(scope, node_of(scope.nodes, name));
    } else {
      if (entered[name])
        throw unsupported(cat("node '", name, "' is in a cycle (a loop of TensorFlow 1)"),
                          "convert it with TensorFlow 2's control flow");
      entered[name] = stack.back().is_entered = true;
      const NodeDef& node = node_of(scope.nodes, name);
      for (auto it = node.inputs.rbegin(); it != node.inputs.rend(); ++it) want(*it);
    }
  }
}

Edge GraphReader::variable(const std::string& name) {
  const auto known = constants_.find(name);
  if (known != constants_.end()) return known->second;
  return constants_[name] = {graph_.add_constant(variables_.variable(name), name), {}};
}

/// Kept as it is, so that the model can be looked at; its outputs have the type that "T" or "dtype" names.
void GraphReader::keep_opaque(OpNode& node) {
  TensorType type{DType::kF32, Shape::unranked(), nullptr};
  for (const std::string_view key : {"T", "dtype", "out_type", "Tout"})
    if (const auto found = node.def.attributes.find(key); found != node.def.attributes.end()) {
      try {
        type.dtype = dtype_of(found->second.type());
        break;
      } catch (const Error&) {
        continue;
      }
    }
  Opaque op{
      .format = "tensorflow", .type = std::string(node.def.op), .output_dtypes = {std::string(to_string(type.dtype))}};
  std::vector<ValueId> inputs;
  for (const Edge& in : node.in)
    if (in.value.exists()) inputs.push_back(in.value);
  const NodeId id = graph_.add({.def = &Opaque::def,
                                .attrs = Attrs::of(std::move(op)),
                                .inputs = std::move(inputs),
                                .name = node.name,
                                .output_types = {type},
                                .source = {"tensorflow", std::string(node.def.op), node.name, 0}});
  node.emit(graph_.node(id).outputs[0]);
}

void GraphReader::run(Scope& scope, const NodeDef& def) {
  if (++runs_ > kMostRuns) throw resource_error(cat("calls add up to more than ", kMostRuns, " nodes"));
  OpNode node{graph_, def, cat(scope.prefix, def.name), {}, {}, owner_};
  with_context([&] { return cat("in node '", node.name, "' (", def.op, ")"); },
               [&] {
                 for (const std::string_view input : def.inputs)
                   if (!is_control(input)) node.in.push_back(edge(scope, input));
                 const auto function = def_.functions.find(def.op);
                 if (is_call(def)) {
                   const auto f = def.attributes.find("f");
                   if (f == def.attributes.end()) throw invalid_model("calls nothing");
                   const auto called = def_.functions.find(f->second.function());
                   if (called == def_.functions.end())
                     throw invalid_model(cat("calls '", f->second.function(), "', which is not there"));
                   node.out = call(called->second, node.in, cat(node.name, "/"));
                 } else if (function != def_.functions.end()) {
                   node.out = call(function->second, node.in, cat(node.name, "/"));
                 } else if (def.op == "VarHandleOp") {
                   node.out.push_back({{}, node.text("shared_name", def.name)});
                 } else if (def.op == "ReadVariableOp") {
                   if (node.in.empty() || node.in[0].variable.empty())
                     throw unsupported("a variable known only at run time");
                   node.out.push_back(variable(node.in[0].variable));
                 } else if (def.op == "VariableV2" || def.op == "Variable") {
                   node.out.push_back(variable(std::string(def.name)));
                 } else if (const OpRow* row = find_row(def.op)) {
                   row->read(node);
                 } else {
                   keep_opaque(node);
                 }
               });
  scope.values[def.name] = std::move(node.out);
}

std::vector<Edge> GraphReader::call(const FunctionDef& function, const std::vector<Edge>& arguments,
                                    const std::string& prefix) {
  if (depth_ >= kDeepestCall) throw resource_error(cat("calls are nested deeper than ", kDeepestCall));
  if (arguments.size() != function.inputs.size())
    throw invalid_model(
        cat("function '", function.name, "' takes ", function.inputs.size(), " values, found ", arguments.size()));
  ++depth_;
  Scope scope{.prefix = prefix, .nodes = {}, .values = {}, .is_function = true};
  for (const NodeDef& node : function.nodes) scope.nodes.emplace(node.name, &node);
  for (size_t i = 0; i < arguments.size(); ++i) scope.values[function.inputs[i].name] = {arguments[i]};
  std::vector<std::string_view> returned;
  for (const Argument& output : function.outputs) {
    const auto found = function.returns.find(output.name);
    if (found == function.returns.end())
      throw invalid_model(cat("function '", function.name, "' does not return '", output.name, "'"));
    returned.push_back(found->second);
  }
  demand(scope, returned);
  std::vector<Edge> out;
  for (const std::string_view reference : returned) out.push_back(edge(scope, reference));
  --depth_;
  return out;
}

Graph GraphReader::read(const std::vector<Port>& inputs, const std::vector<Port>& outputs) {
  Scope scope;
  for (const NodeDef& node : def_.nodes) scope.nodes.emplace(node.name, &node);
  for (const Port& port : inputs) {
    const Place place = place_of(scope, port.value);
    if (place.output != 0) throw unsupported(cat("input '", port.name, "' is no first output"));
    scope.values[node_of(scope.nodes, place.node).name] = {{graph_.add_input(port.name, port.type), {}}};
  }
  std::vector<std::string_view> wanted;
  for (const Port& port : outputs) wanted.push_back(port.value);
  demand(scope, wanted);
  std::vector<ValueId> results;
  for (const Port& port : outputs) {
    const Edge result = edge(scope, port.value);
    if (!result.value.exists()) throw unsupported(cat("output '", port.name, "' is a variable"));
    results.push_back(result.value);
  }
  graph_.set_outputs(results);
  for (size_t i = 0; i < results.size(); ++i)
    if (graph_.producer(results[i])) graph_.set_name(results[i], outputs[i].name);
  graph_.remove_dead();
  verify(graph_);
  return std::move(graph_);
}

}  // namespace hone::tensorflow
