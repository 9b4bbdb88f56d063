#include "ops/control.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/text.h"
#include "formats/torch/evaluator.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

constexpr int64_t kBodyBytes = 8192;  ///< about what a small graph takes

}  // namespace

Evaluator::Body& Evaluator::new_body() {
  heap_.spend(kBodyBytes);
  return *bodies_.emplace_back(std::make_unique<Body>(Body{.graph = {}, .outer = graph_}));
}

ValueId Evaluator::Body::take(ValueId id) {
  for (const auto& [outside, inside] : taken)
    if (outside == id) return inside;
  const ValueId inside = graph.add_input(cat("taken_", taken.size()), outer->type(id));
  taken.emplace_back(id, inside);
  return inside;
}

/// Through all bodies between the graph that holds the tensor and the one that is being built.
ValueId Evaluator::take(const Cell& cell) {
  ValueId id = cell.id;
  bool is_found = false;
  for (Body* body : open_) {
    is_found |= body->outer == cell.graph;
    if (is_found) id = body->take(id);
  }
  if (!is_found) throw unsupported("uses a tensor that only a branch or loop on data made");
  return id;
}

/// Runs `make` with the body's graph as the one that is built.
template <class Make>
void Evaluator::make_body(Body& body, Make&& make) {
  if (open_.size() >= 8) throw unsupported("branches and loops on data nested deeper than 8");
  const Restored graph{graph_, std::exchange(graph_, &body.graph)};
  const Restored number{heap_.body, std::exchange(heap_.body, ++last_body_)};
  const Restored open{open_, open_};
  open_.push_back(&body);
  try {
    make();
  } catch (const InputDType& wanted) {  // of the body's graph: the one outside is meant
    for (const auto& [outside, inside] : body.taken)
      if (inside == wanted.input && body.outer->value(outside).is_input) throw InputDType{outside, wanted.dtype};
    throw unsupported("indexes with floats in a branch or loop on data");
  }
}

/// Both take the same values in the same order, as long as one of them began with all that the other had.
void Evaluator::share_inputs(Body& first, Body& second) {
  for (const auto& [outside, inside] : second.taken) first.take(outside);
  for (const auto& [outside, inside] : first.taken) second.take(outside);
}

/// A result of the graph that is being built: a node's, in this dtype.
ValueId Evaluator::output_of(const Value& value, DType dtype) {
  Call call(*graph_, heap_, kAssignment, at("result"), {});
  const ValueId id = call.cast(call.value(value), dtype);
  return graph_->producer(id) ? id : graph_->add(Identity{}, {id}, {.name = call.name});
}

DType Evaluator::dtype_in(Body& body, const Value& value) {
  DType dtype = DType::kF32;
  make_body(body, [&] {
    Call call(*graph_, heap_, kAssignment, at("result"), {});
    dtype = call.dtype(call.value(value));
  });
  return dtype;
}

namespace {

bool is_result(const Value& value) { return is<Cell*>(value) || is_number(value); }

/// Names that statements assign.
void collect_assigned(const std::vector<Statement>& block, std::set<std::string>& out) {
  const auto collect_names = [&](const auto& self, const Expr& target) -> void {
    if (target.kind == Expr::Kind::name) out.insert(target.text);
    if (target.kind == Expr::Kind::tuple || target.kind == Expr::Kind::list)
      for (const Expr& part : target.parts) self(self, part);
  };
  for (const Statement& statement : block) {
    if (statement.kind == Statement::Kind::assign)
      for (size_t i = 0; i + 1 < statement.exprs.size(); ++i) collect_names(collect_names, statement.exprs[i]);
    if (statement.kind == Statement::Kind::loop_for) collect_names(collect_names, statement.exprs[0]);
    collect_assigned(statement.body, out);
    collect_assigned(statement.otherwise, out);
  }
}

constexpr const char* kReturned = "return";

}  // namespace

/// Both ways become graphs; what a way assigns, and the other has too, is a result. Where the program raises an error
/// on one way, the other is taken: it runs again then, without a branch around it, which is why bodies change nothing
/// outside of themselves.
void Evaluator::branch_on_data(const Statement& statement, ValueId data, Frame& frame) {
  Body& then = new_body();
  Body& other = new_body();
  heap_.work(static_cast<int64_t>(frame.names.size()));
  Frame left = frame, right = frame;
  std::optional<OutsideChange> change;  // is none where the other way raises an error
  try {
    make_body(then, [&] { run_block(statement.body, left); });
  } catch (const Refusal&) {
    return run_block(statement.otherwise, frame);
  } catch (const OutsideChange& e) {
    change = e;
  }
  for (const auto& [outside, inside] : then.taken) other.take(outside);
  try {
    make_body(other, [&] { run_block(statement.otherwise, right); });
  } catch (const Refusal&) {
    return run_block(statement.body, frame);
  }
  if (change) throw *change;
  if (left.result.has_value() != right.result.has_value()) throw unsupported("returns in one branch on data alone");
  if (left.result) left.names[kReturned] = *left.result, right.names[kReturned] = *right.result;
  join(then, other, left, right, data, frame);
  if (left.result) frame.result = frame.names[kReturned];
}

void Evaluator::join(Body& then, Body& other, const Frame& left, const Frame& right, ValueId data, Frame& frame) {
  std::vector<std::string> names;
  std::vector<ValueId> a, b;
  share_inputs(then, other);
  for (const auto& [name, value] : left.names) {
    const auto twin = right.names.find(name);
    if (twin == right.names.end()) continue;
    if (value == twin->second) {
      frame.names[name] = value;
    } else if (is_result(value) && is_result(twin->second)) {
      const DType dtype = dtype_in(then, value);
      make_body(then, [&] { a.push_back(output_of(value, dtype)); });
      share_inputs(then, other);
      make_body(other, [&] { b.push_back(output_of(twin->second, dtype)); });
      share_inputs(then, other);
      names.push_back(name);
    } else {
      frame.names.erase(name);
    }
  }
  if (names.empty()) return;
  then.graph.set_outputs(a);
  other.graph.set_outputs(b);
  std::vector<ValueId> inputs{data};
  for (const auto& [outside, inside] : then.taken) inputs.push_back(outside);
  const NodeId id = graph_->add({.def = &If::def,
                                 .attrs = Attrs::of(If{}),
                                 .inputs = std::move(inputs),
                                 .outputs = names.size(),
                                 .name = at("if"),
                                 .subgraphs = {then.graph, other.graph},
                                 .source = {"torch", "if", at("if"), 0}});
  for (size_t i = 0; i < names.size(); ++i) frame.names[names[i]] = heap_.cell(*graph_, graph_->node(id).outputs[i]);
}

/// What the body assigns and had a value before is the loop's state.
void Evaluator::loop_on_data(const Statement& statement, Frame& frame) {
  std::set<std::string> assigned;
  collect_assigned(statement.body, assigned);
  std::vector<std::string> names;
  std::vector<ValueId> inputs;
  Call outside(*graph_, heap_, kAssignment, at("while"), {});
  for (const std::string& name : assigned) {
    const auto found = frame.names.find(name);
    if (found == frame.names.end()) continue;
    if (!is_result(found->second)) throw unsupported(cat("a loop on data changes '", name, "', which is no tensor"));
    names.push_back(name);
    inputs.push_back(outside.value(found->second));
  }
  Body& test = new_body();
  Body& body = new_body();
  const auto enter = [&](Body& into) {
    Frame inner = frame;
    for (size_t i = 0; i < names.size(); ++i)
      inner.names[names[i]] = heap_.cell(into.graph, into.graph.add_input(names[i], outside.type(inputs[i])));
    return inner;
  };
  Frame tested = enter(test), run = enter(body);
  make_body(test, [&] {
    const Condition found = condition(statement.exprs[0], tested);
    test.graph.set_outputs({output_of(
        found.data.exists() ? Value(heap_.cell(test.graph, found.data)) : Value(found.is_true), DType::kBool)});
  });
  for (const auto& [from, inside] : test.taken) body.take(from);
  make_body(body, [&] {
    run_block(statement.body, run);
    if (run.result) throw unsupported("returns out of a loop on data");
    std::vector<ValueId> outputs;
    for (size_t i = 0; i < names.size(); ++i)
      outputs.push_back(output_of(run.names[names[i]], outside.dtype(inputs[i])));
    body.graph.set_outputs(outputs);
  });
  share_inputs(test, body);
  for (const auto& [from, inside] : test.taken) inputs.push_back(from);
  const NodeId id = graph_->add({.def = &While::def,
                                 .attrs = Attrs::of(While{.num_state = static_cast<int64_t>(names.size())}),
                                 .inputs = inputs,
                                 .outputs = names.size(),
                                 .name = at("while"),
                                 .subgraphs = {test.graph, body.graph},
                                 .source = {"torch", "while", at("while"), 0}});
  for (size_t i = 0; i < names.size(); ++i) frame.names[names[i]] = heap_.cell(*graph_, graph_->node(id).outputs[i]);
}

/// a if condition else b, as a branch that assigns a name.
Value Evaluator::conditional(const Expr& expr, Frame& frame) {
  const Condition found = condition(expr.parts[1], frame);
  if (!found.data.exists()) return evaluate(expr.parts[found.is_true ? 0 : 2], frame);
  const Expr name{.kind = Expr::Kind::name, .text = "conditional"};
  const auto assigning = [&](const Expr& value) {
    return std::vector<Statement>{{.kind = Statement::Kind::assign, .exprs = {name, value}}};
  };
  const Statement branch{
      .kind = Statement::Kind::branch, .body = assigning(expr.parts[0]), .otherwise = assigning(expr.parts[2])};
  branch_on_data(branch, found.data, frame);
  return evaluate_name(name, frame);
}

}  // namespace hone::torch
