#include "formats/torch/evaluator.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "formats/torch/scalars.h"
#include "ops/movement.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

constexpr int kDeepestCall = 40;
/// Of expressions and statements within others, over all calls: what the stack has room for.
constexpr int kMostLevels = 400;
constexpr size_t kMostNodes = 100'000;
constexpr int64_t kNodeBytes = 256;
/// What stands for a function or class that a variable names.
constexpr std::string_view kGlobal = "global ";

/// Counts what contains itself.
class Level {
 public:
  Level(int& levels, int most, std::string_view what) : levels_(levels) {
    if (levels_ >= most) throw resource_error(cat(what, " are nested deeper than ", most));
    ++levels_;
  }
  ~Level() { --levels_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  int& levels_;
};

/// Results of a view remember what they are a part of.
void note_views(const OpRow& row, const std::vector<Value>& arguments, const Value& result) {
  const auto* base = std::get_if<Cell*>(&arguments[0]);
  if (!base) return;
  const std::vector<Value> parts = is<List*>(result) ? to_list(result).items : std::vector<Value>{result};
  for (size_t i = 0; i < parts.size(); ++i)
    if (const auto* part = std::get_if<Cell*>(&parts[i]); part && *part != *base)
      (*part)->view = {*base, &row, arguments, i, (*base)->version};
}

void set(Cell& cell, Graph& graph, ValueId id) {
  cell.array = graph.is_constant(id) ? graph.value(id).constant : Tensor();
  cell.graph = &graph;
  cell.id = id;
}

}  // namespace

void Evaluator::refresh(const Value& value) {
  if (is<Cell*>(value)) refresh(*std::get<Cell*>(value));
}

void Evaluator::refresh(Cell& cell) {
  std::vector<Cell*> chain;
  for (Cell* at = &cell; at->view.base; at = at->view.base) chain.push_back(at);
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    View& view = (*it)->view;
    if (view.version == view.base->version) continue;
    Call call(*graph_, heap_, *view.row, module_, view.arguments);
    view.row->read(call);
    std::vector<Value> made{call.result};
    if (is<List*>(call.result)) made = to_list(call.result).items;
    if (view.output >= made.size())
      throw unsupported(cat("part ", view.output, " of a tensor that now has ", made.size(), " parts"));
    set(**it, *graph_, call.value(made[view.output]));
    ++(*it)->version;
    view.version = view.base->version;
  }
}

/// The cell becomes `id`, and so do the elements that it shares with others.
void Evaluator::store(Cell& cell, ValueId id) {
  for (const Cell* at = &cell; at; at = at->view.base) heap_.require_own(*at, "a tensor");
  for (Cell* at = &cell;; at = at->view.base) {
    if (!at->view.base && at->array.exists() && !at->name.empty() && !states_.contains(at->name))
      throw ChangedArray{at->name};
    set(*at, *graph_, id);
    ++at->version;
    if (!at->view.base) return;
    id = written_back(*at, id);
    at->view.version = at->view.base->version + 1;
  }
}

/// The base of `part` with `id` in the place that it was taken from.
ValueId Evaluator::written_back(const Cell& part, ValueId id) {
  const View& view = part.view;
  Call call(*graph_, heap_, *view.row, module_, view.arguments);
  const ValueId base = call.value(view.base);
  const std::string_view kind = view.row->name;
  const int64_t rank = call.rank(base);
  for (const std::string_view same : {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "view_as"})
    if (kind == same) return call.reshape(id, graph_->type(base).shape.dims());
  if (kind != "select" && kind != "slice" && kind != "narrow")
    throw unsupported(cat("writes in place through the view that '", kind, "' made"));
  const int64_t axis = call.axis("dim", rank), size = call.dim(base, axis);
  int64_t begin = kind == "select" ? call.integer("index") : call.has("start") ? call.integer("start") : 0;
  begin = std::clamp<int64_t>(begin < 0 ? begin + size : begin, 0, size);
  if (kind == "slice" && call.integer("step") != 1) throw unsupported("writes in place through a slice with steps");
  const ValueId middle = kind == "select" ? call.add(Unsqueeze{}, {id, call.ints_value({axis})}) : id;
  const int64_t length = call.dim(middle, axis), end = begin + length;
  std::vector<ValueId> parts;
  const auto take = [&](int64_t from, int64_t to) {
    if (from < to)
      parts.push_back(
          call.add(Slice{}, {base, call.ints_value({from}), call.ints_value({to}), call.ints_value({axis})}));
  };
  take(0, begin);
  if (length > 0) parts.push_back(middle);
  take(end, size);
  return parts.size() == 1 ? parts[0] : call.add(Concat{.axis = axis}, parts);
}

Value Evaluator::call_method(Object& self, const std::string& method, std::vector<Value> arguments) {
  restore(self);
  const Class* type = archive_.find_class(self.type);
  if (type && method == "__init__" && !type->methods.contains(method)) return {};
  const auto found = type ? type->methods.find(method) : decltype(type->methods.find(method)){};
  if (!type || found == type->methods.end())
    throw invalid_model(cat("class '", self.type, "' has no method '", method, "'"));
  arguments.insert(arguments.begin(), &self);
  const Restored outer{module_, std::exchange(module_, self.path)};
  return run(found->second, std::move(arguments), {}, self.path.empty() ? method : self.path);
}

Value Evaluator::run(const Function& function, std::vector<Value> arguments, const Keywords& keywords,
                     const std::string& what) {
  const Level level(depth_, kDeepestCall, "calls");
  Frame frame;
  std::vector<bool> is_set(function.parameters.size());
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string keyword = i < keywords.size() ? keywords[i] : "";
    size_t place = i;
    if (!keyword.empty())
      for (place = 0; place < function.parameters.size() && function.parameters[place].name != keyword;) ++place;
    if (place >= function.parameters.size())
      throw invalid_model(cat("'", function.name, "' takes ", function.parameters.size(), " arguments"));
    frame.names[function.parameters[place].name] = std::move(arguments[i]);
    is_set[place] = true;
  }
  for (size_t i = 0; i < is_set.size(); ++i) {
    if (is_set[i]) continue;
    const Parameter& parameter = function.parameters[i];
    if (!parameter.initial) throw invalid_model(cat("'", function.name, "' is not given '", parameter.name, "'"));
    frame.names[parameter.name] = evaluate(*parameter.initial, frame);
  }
  with_context([&] { return cat("in '", what, "'"); }, [&] { run_block(function.body, frame); });
  return frame.result.value_or(Value{});
}

void Evaluator::run_block(const std::vector<Statement>& block, Frame& frame) {
  for (const Statement& statement : block) {
    if (frame.result) return;
    run_statement(statement, frame);
  }
}

void Evaluator::run_statement(const Statement& statement, Frame& frame) {
  count();
  const Level level(levels_, kMostLevels, "statements and expressions");
  switch (statement.kind) {
    case Statement::Kind::pass:
      return;
    case Statement::Kind::expression:
      evaluate(statement.exprs[0], frame);
      return;
    case Statement::Kind::assign: {
      const Value value = evaluate(statement.exprs.back(), frame);
      for (size_t i = 0; i + 1 < statement.exprs.size(); ++i) assign(statement.exprs[i], value, frame);
      return;
    }
    case Statement::Kind::give:
      frame.result = statement.exprs.empty() ? Value{} : evaluate(statement.exprs[0], frame);
      return;
    case Statement::Kind::block:
      return run_block(statement.body, frame);
    case Statement::Kind::branch: {
      const Condition found = condition(statement.exprs[0], frame);
      if (found.data.exists()) return branch_on_data(statement, found.data, frame);
      return run_block(found.is_true ? statement.body : statement.otherwise, frame);
    }
    case Statement::Kind::loop_while:
      while (!frame.result) {
        const Condition found = condition(statement.exprs[0], frame);
        if (found.data.exists()) return loop_on_data(statement, frame);
        if (!found.is_true) return;
        run_block(statement.body, frame);
      }
      return;
    case Statement::Kind::loop_for:
      return run_for(statement, frame);
  }
}

Evaluator::Condition Evaluator::condition(const Expr& expr, Frame& frame) {
  count();
  const Value value = evaluate(expr, frame);
  const auto* cell = std::get_if<Cell*>(&value);
  if (!cell || (*cell)->array.exists()) return {to_flag(value), {}};
  Call call(*graph_, heap_, kAssignment, at("condition"), {});
  return {false, call.reshape(call.cast(call.value(value), DType::kBool), {})};
}

void Evaluator::run_for(const Statement& statement, Frame& frame) {
  const Value walked = evaluate(statement.exprs[1], frame);
  heap_.work(static_cast<int64_t>(to_list(walked).items.size()));
  const std::vector<Value> items = to_list(walked).items;
  for (const Value& item : items) {
    if (frame.result) return;
    count();
    assign(statement.exprs[0], item, frame);
    run_block(statement.body, frame);
  }
}

void Evaluator::assign(const Expr& target, const Value& value, Frame& frame) {
  if (target.kind == Expr::Kind::name) {
    frame.names[target.text] = value;
  } else if (target.kind == Expr::Kind::tuple || target.kind == Expr::Kind::list) {
    const List& list = to_list(value);
    if (list.items.size() != target.parts.size())
      throw invalid_model(cat("unpacks ", list.items.size(), " values into ", target.parts.size(), " names"));
    const std::vector<Value> items = list.items;
    for (size_t i = 0; i < items.size(); ++i) assign(target.parts[i], items[i], frame);
  } else if (target.kind == Expr::Kind::attribute) {
    const Value of = evaluate(target.parts[0], frame);
    const auto* object = std::get_if<Object*>(&of);
    if (!object) throw invalid_model(cat("sets '", target.text, "' of ", kind_of(of)));
    heap_.require_own(**object, cat("field '", target.text, "'"));
    Value& field = (*object)->fields[target.text];
    // A tensor of the file that is exchanged for another is a state too.
    const auto *old = std::get_if<Cell*>(&field), *made = std::get_if<Cell*>(&value);
    if (old && made && *old != *made && !(*old)->name.empty()) {
      Call call(*graph_, heap_, kAssignment, module_, {});
      return store(**old, call.value(*made));
    }
    field = value;
  } else {
    throw unsupported("an assignment to what is no name");
  }
}

std::vector<Value> Evaluator::evaluate_all(const std::vector<Expr>& exprs, size_t first, Frame& frame) {
  std::vector<Value> out;
  for (size_t i = first; i < exprs.size(); ++i) out.push_back(evaluate(exprs[i], frame));
  return out;
}

Value Evaluator::evaluate(const Expr& expr, Frame& frame) {
  count();
  const Level level(levels_, kMostLevels, "statements and expressions");
  switch (expr.kind) {
    case Expr::Kind::name:
      return evaluate_name(expr, frame);
    case Expr::Kind::attribute: {
      const std::string path = dotted(expr, frame);
      if (path.starts_with("CONSTANTS.c")) {
        const auto number = parse_int(std::string_view(path).substr(11));
        if (!number) throw invalid_model(cat("'", path, "' names no constant"));
        return archive_.constant(*number);
      }
      if (path == "torch.inf" || path == "math.inf") return std::numeric_limits<double>::infinity();
      if (path.starts_with("__torch__.")) return heap_.object(cat(kGlobal, path));
      return attribute(evaluate(expr.parts[0], frame), expr.text);
    }
    case Expr::Kind::call:
      return evaluate_call(expr, frame);
    case Expr::Kind::subscript: {
      const Value of = evaluate(expr.parts[0], frame);
      return element(heap_, of, evaluate(expr.parts[1], frame));
    }
    case Expr::Kind::list:
      return heap_.list(evaluate_all(expr.parts, 0, frame));
    case Expr::Kind::tuple:
      return heap_.list(evaluate_all(expr.parts, 0, frame), true);
    case Expr::Kind::dict: {
      const std::vector<Value> parts = evaluate_all(expr.parts, 0, frame);
      Dict* dict = heap_.dict();
      heap_.spend(static_cast<int64_t>(parts.size() * sizeof(Value)));
      for (size_t i = 0; i + 1 < parts.size(); i += 2) dict->items.emplace_back(parts[i], parts[i + 1]);
      return dict;
    }
    case Expr::Kind::integer:
      return expr.integer;
    case Expr::Kind::real:
      return expr.real;
    case Expr::Kind::text:
      return heap_.text(expr.text);
    case Expr::Kind::conditional:
      return conditional(expr, frame);
    case Expr::Kind::negative: {
      const Value value = evaluate(expr.parts[0], frame);
      return call_operator("neg", {value}, {});
    }
  }
  throw internal_error("torch: an expression of no kind");
}

Value Evaluator::evaluate_name(const Expr& expr, Frame& frame) {
  if (const auto found = frame.names.find(expr.text); found != frame.names.end()) return found->second;
  if (expr.text == "None") return std::monostate{};
  if (expr.text == "True" || expr.text == "False") return expr.text == "True";
  if (expr.text == "inf") return std::numeric_limits<double>::infinity();
  if (expr.text == "nan") return std::numeric_limits<double>::quiet_NaN();
  throw invalid_model(cat("'", expr.text, "' has no value here"));
}

/// What a class keeps in a form of its own becomes its fields by its own method.
void Evaluator::restore(Object& object) {
  if (is_none(object.state) || is<Dict*>(object.state)) return;
  const Class* type = archive_.find_class(object.type);
  if (!type || !type->methods.contains("__setstate__")) return;
  const Value state = std::exchange(object.state, Value{});
  // That it happens here first does not make it a part of the branch or loop.
  const Restored graph{graph_, std::exchange(graph_, &outermost())};
  const Restored open{open_, std::exchange(open_, {})};
  const Restored body{heap_.body, std::exchange(heap_.body, object.body)};
  call_method(object, "__setstate__", {state});
}

/// An array that the program changes begins each run with what the last one left.
void Evaluator::begin_state(Cell& cell) {
  if (!states_.contains(cell.name) || !cell.array.exists() || cell.graph) return;
  const Tensor initial = std::exchange(cell.array, Tensor());
  cell.graph = &outermost();
  cell.id = cell.graph->add_state(cell.name, initial);
  changed_.emplace_back(cell.id, &cell);
}

void Evaluator::finish_states() {
  for (const auto& [now, cell] : changed_) {
    refresh(*cell);
    with_context([&] { return cat("in state '", cell->name, "'"); }, [&] { graph_->set_next(now, cell->id); });
  }
}

Value Evaluator::attribute(const Value& of, const std::string& name) {
  const auto* object = std::get_if<Object*>(&of);
  if (!object) throw unsupported(cat("takes '", name, "' of ", kind_of(of)));
  restore(**object);
  const auto found = (*object)->fields.find(name);
  if (found == (*object)->fields.end()) throw invalid_model(cat("'", (*object)->type, "' has no field '", name, "'"));
  const std::string path = (*object)->path.empty() ? name : cat((*object)->path, ".", name);
  // The path by which something is first reached is its name.
  if (auto* inner = std::get_if<Object*>(&found->second); inner && (*inner)->path.empty()) (*inner)->path = path;
  if (auto* cell = std::get_if<Cell*>(&found->second)) {
    if ((*cell)->name.empty()) (*cell)->name = path;
    begin_state(**cell);
  }
  return found->second;
}

std::string Evaluator::dotted(const Expr& expr, const Frame& frame) const {
  if (expr.kind == Expr::Kind::name) return frame.names.contains(expr.text) ? "" : expr.text;
  if (expr.kind != Expr::Kind::attribute) return "";
  const std::string before = dotted(expr.parts[0], frame);
  return before.empty() ? "" : cat(before, ".", expr.text);
}

Value Evaluator::evaluate_call(const Expr& expr, Frame& frame) {
  const Expr& callee = expr.parts[0];
  const std::string path = dotted(callee, frame);
  if (!path.empty()) return call_path(path, expr, frame);
  if (callee.kind == Expr::Kind::attribute) {
    const Value self = evaluate(callee.parts[0], frame);
    if (auto* object = std::get_if<Object*>(&self); object && !(*object)->type.starts_with(kGlobal)) {
      std::vector<Value> arguments = evaluate_all(expr.parts, 1, frame);
      if (std::any_of(expr.keywords.begin(), expr.keywords.end(), [](const auto& k) { return !k.empty(); }))
        throw unsupported(cat("method '", callee.text, "' called with names"));
      return call_method(**object, callee.text, std::move(arguments));
    }
    throw unsupported(cat("calls '", callee.text, "' of ", kind_of(self)));
  }
  const Value called = evaluate(callee, frame);
  const auto* object = std::get_if<Object*>(&called);
  if (!object || !(*object)->type.starts_with(kGlobal)) throw invalid_model(cat("calls ", kind_of(called)));
  return call_known((*object)->type.substr(kGlobal.size()), evaluate_all(expr.parts, 1, frame), expr.keywords);
}

Value Evaluator::call_path(const std::string& path, const Expr& call, Frame& frame) {
  if (auto done = call_builtin(path, call, frame)) return *done;
  std::vector<Value> arguments = evaluate_all(call.parts, 1, frame);
  if (path.starts_with("__torch__.") && path.ends_with(".__new__"))
    return heap_.object(path.substr(0, path.size() - 8));
  if (path.starts_with("__torch__.")) return call_known(path, std::move(arguments), call.keywords);
  for (const std::string_view root : {"torch.", "ops."})
    if (path.starts_with(root)) return call_operator(path.substr(root.size()), arguments, call.keywords);
  throw unsupported(cat("calls '", path, "'"));
}

/// What is no operator but a part of the language.
std::optional<Value> Evaluator::call_builtin(const std::string& name, const Expr& call, Frame& frame) {
  const auto argument = [&](size_t i) -> Value {
    if (i + 1 >= call.parts.size()) throw invalid_model(cat("'", name, "' without argument ", i));
    return evaluate(call.parts[i + 1], frame);
  };
  if (name == "annotate" || name == "unchecked_cast") return argument(1);
  if (name == "uninitialized") return Value{};
  if (name == "int" || name == "float" || name == "bool") return number(name, argument(0));
  if (name == "str") return call_operator("str", {argument(0)}, {});
  if (name == "getattr") return attribute(argument(0), to_text_value(argument(1)));
  if (name == "hasattr") {
    const Value of = argument(0);
    return is<Object*>(of) && std::get<Object*>(of)->fields.contains(to_text_value(argument(1)));
  }
  if (name == "range") {
    const bool has_end = call.parts.size() > 2;
    const int64_t begin = has_end ? to_int(argument(0)) : 0, end = to_int(argument(has_end ? 1 : 0)),
                  step = call.parts.size() > 3 ? to_int(argument(2)) : 1;
    std::vector<Value> items;
    if (step == 0) throw invalid_model("a range in steps of 0");
    uint64_t next = static_cast<uint64_t>(begin);
    for (uint64_t left = range_length(begin, end, step); left > 0; --left, next += static_cast<uint64_t>(step))
      count(), items.emplace_back(static_cast<int64_t>(next));
    return heap_.list(std::move(items));
  }
  if (name == "ops.prim.RaiseException") {
    const Value message = argument(0);
    throw Refusal(cat("the program refuses these inputs: ",
                      is<Text>(message) ? to_text_value(message) : std::string("no reason given")),
                  "give the shapes that it was made for: --shape INPUT=DIMS");
  }
  if (name == "isinstance") throw unsupported("asks for the class of a value");
  return std::nullopt;
}

/// int(x), float(x), bool(x): what is known only at run time stays a tensor of rank 0.
Value Evaluator::number(const std::string& name, const Value& from) {
  refresh(from);
  const auto* cell = std::get_if<Cell*>(&from);
  if (cell && !(*cell)->array.exists()) {
    static constexpr OpRow kConversion{"item", "self", nullptr};
    Call call(*graph_, heap_, kConversion, at(name), {from});
    const DType to = name == "int" ? DType::kI64 : name == "float" ? DType::kF32 : DType::kBool;
    return call.tensor_value(call.reshape(call.cast(call.x(), to), {}));
  }
  if (is<Text>(from)) {
    const auto value = parse_double(to_text_value(from));
    if (!value) throw invalid_model(cat("'", to_text_value(from), "' is no number"));
    return *value;
  }
  if (name == "bool") return to_flag(from);
  if (name == "float") return to_real(from);
  return is<double>(from) ? Value(saturated<int64_t>(to_real(from))) : Value(to_int(from));
}

/// A function or class of the file.
Value Evaluator::call_known(const std::string& name, std::vector<Value> arguments, const Keywords& keywords) {
  if (const Function* function = archive_.find_function(name))
    return run(*function, std::move(arguments), keywords, name);
  if (const Class* type = archive_.find_class(name)) return instance(name, *type, std::move(arguments), keywords);
  throw invalid_model(cat("the archive has no '", name, "'"));
}

/// Of a named tuple, or a class with a constructor.
Value Evaluator::instance(const std::string& name, const Class& type, std::vector<Value> arguments,
                          const Keywords& keywords) {
  if (type.base == "NamedTuple") {
    if (arguments.size() != type.fields.size())
      throw invalid_model(cat("'", name, "' has ", type.fields.size(), " fields, found ", arguments.size()));
    return heap_.list(std::move(arguments), true);
  }
  Object* object = heap_.object(name);
  const auto made = type.methods.find("__init__");
  if (made == type.methods.end()) return object;
  arguments.insert(arguments.begin(), object);
  Keywords shifted = keywords;
  shifted.insert(shifted.begin(), "");
  run(made->second, std::move(arguments), shifted, name);
  return object;
}

Value Evaluator::call_operator(const std::string& name, const std::vector<Value>& arguments, const Keywords& keywords) {
  for (const Value& argument : arguments) {
    refresh(argument);
    if (is<Dict*>(argument)) heap_.work(4 * static_cast<int64_t>(std::get<Dict*>(argument)->items.size()));
    if (is<Text>(argument)) heap_.work(static_cast<int64_t>(to_text_value(argument).size() / 64));
    if (!is<List*>(argument)) continue;
    heap_.work(static_cast<int64_t>(to_list(argument).items.size()));
    for (const Value& item : to_list(argument).items) refresh(item);
  }
  const auto run_scalar = [&]() -> std::optional<Value> {
    const ScalarRow* row = find_scalar_row(name);
    if (!row) return std::nullopt;
    return with_context([&] { return cat("in operator '", name, "'"); }, [&] { return row->run(heap_, arguments); });
  };
  const bool has_tensor = std::any_of(arguments.begin(), arguments.end(), [](const Value& v) { return is<Cell*>(v); });
  const bool is_container = !arguments.empty() && (is<List*>(arguments[0]) || is<Dict*>(arguments[0]));
  // What compares with None or fills a list takes tensors as they are.
  const bool is_identity = name == "__is__" || name == "__isnot__";
  if (!has_tensor || is_container || is_identity)
    if (auto done = run_scalar()) return *done;
  if (const OpRow* row = find_row(name)) return call_row(*row, arguments, keywords);
  // relu_ is relu that changes its argument.
  const OpRow* plain = name.ends_with('_') ? find_row(std::string_view(name).substr(0, name.size() - 1)) : nullptr;
  if (plain && !arguments.empty() && is<Cell*>(arguments[0])) {
    Cell& changed = *std::get<Cell*>(arguments[0]);
    const Value result = call_row(*plain, arguments, keywords);
    if (!is<Cell*>(result)) throw unsupported(cat("operator '", name, "' of torch, which hone does not know"));
    Call call(*graph_, heap_, kAssignment, at(name), {});
    store(changed, call.value(result));
    return &changed;
  }
  if (auto done = run_scalar()) return *done;
  throw unsupported(cat("operator '", name, "' of torch, which hone does not know"));
}

Value Evaluator::call_row(const OpRow& row, const std::vector<Value>& arguments, const Keywords& keywords) {
  if (graph_->node_capacity() > kMostNodes)
    throw resource_error(cat("the program makes more than ", kMostNodes, " nodes"));
  heap_.spend(kNodeBytes);
  const std::string name = at(row.name);
  return with_context([&] { return cat("in operator '", row.name, "'"); },
                      [&] {
                        const std::vector<Value> bound = bind_arguments(row, heap_, arguments, keywords);
                        Call call(*graph_, heap_, row, name, bound);
                        row.read(call);
                        if (row.is_view) note_views(row, bound, call.result);
                        return call.result;
                      });
}

}  // namespace hone::torch
