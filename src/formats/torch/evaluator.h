#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "formats/torch/archive.h"
#include "formats/torch/call.h"
#include "formats/torch/value.h"

namespace hone::torch {

/// What a program says itself against its inputs.
struct Refusal : Error {
  explicit Refusal(std::string message, std::string hint)
      : Error(ErrorCode::kUnsupported, std::move(message), std::move(hint)) {}
};

/// Of calls that no row makes.
inline constexpr OpRow kAssignment{"assignment", "", nullptr};

/// Says that the program changes an array of the file in place.
struct ChangedArray {
  std::string name;
};

/// Runs a program of an archive on symbols: what it does with numbers, texts and containers happens, what it does with
/// tensors becomes nodes of the graph. Modules are inlined that way, branches and loops on numbers decided. Bounded in
/// steps and depth.
class Evaluator {
 public:
  /// `states`: the arrays that the program changes, by name; a run that meets another throws ChangedArray.
  Evaluator(Archive& archive, Heap& heap, Graph& graph, const std::set<std::string>& states)
      : archive_(archive), heap_(heap), graph_(&graph), states_(states) {
    heap_.outside = [this](const Cell& cell) { return take(cell); };
  }
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  /// Makes a tensor what its base has become. Those that a program hands out need it.
  void refresh(Cell& cell);
  /// What the states become, after the program has run.
  void finish_states();
  Value call_method(Object& self, const std::string& method, std::vector<Value> arguments);

 private:
  struct Frame {
    std::map<std::string, Value, std::less<>> names = {};
    std::optional<Value> result = {};  ///< set by return
  };
  using Keywords = std::vector<std::string>;

  Value run(const Function& function, std::vector<Value> arguments, const Keywords& keywords, const std::string& what);
  void run_block(const std::vector<Statement>& block, Frame& frame);
  void run_statement(const Statement& statement, Frame& frame);
  void run_for(const Statement& statement, Frame& frame);
  void assign(const Expr& target, const Value& value, Frame& frame);

  Value evaluate(const Expr& expr, Frame& frame);
  std::vector<Value> evaluate_all(const std::vector<Expr>& exprs, size_t first, Frame& frame);
  Value evaluate_name(const Expr& expr, Frame& frame);
  Value evaluate_call(const Expr& expr, Frame& frame);
  Value attribute(const Value& of, const std::string& name);
  Value conditional(const Expr& expr, Frame& frame);
  struct Condition {
    bool is_true = false;
    ValueId data = {};  ///< exists() where only running tells
  };
  Condition condition(const Expr& expr, Frame& frame);

  /// A branch or a loop's body while it is made: a graph of its own, whose inputs are what it takes from outside.
  struct Body {
    Graph graph;
    Graph* outer = nullptr;
    std::vector<std::pair<ValueId, ValueId>> taken = {};  ///< outside, inside
    ValueId take(ValueId id);
  };
  template <class Make>
  void make_body(Body& body, Make&& make);
  ValueId take(const Cell& cell);
  /// Of the model, not of a branch or loop on data.
  Graph& outermost() { return open_.empty() ? *graph_ : *open_.front()->outer; }
  void share_inputs(Body& first, Body& second);
  void branch_on_data(const Statement& statement, ValueId data, Frame& frame);
  void loop_on_data(const Statement& statement, Frame& frame);
  ValueId output_of(const Value& value, DType dtype);
  DType dtype_in(Body& body, const Value& value);
  void join(Body& then, Body& other, const Frame& left, const Frame& right, ValueId data, Frame& frame);
  std::string at(std::string_view what) const { return module_ + (module_.empty() ? "" : "/") + std::string(what); }

  /// "torch.nn.x" of a chain of names that begins with none of the frame's; "" for anything else.
  std::string dotted(const Expr& expr, const Frame& frame) const;
  Value call_path(const std::string& path, const Expr& call, Frame& frame);
  std::optional<Value> call_builtin(const std::string& name, const Expr& call, Frame& frame);
  Value call_known(const std::string& name, std::vector<Value> arguments, const Keywords& keywords);
  Value call_operator(const std::string& name, const std::vector<Value>& arguments, const Keywords& keywords);
  void restore(Object& object);
  void begin_state(Cell& cell);
  void refresh(const Value& value);
  void store(Cell& cell, ValueId id);
  ValueId written_back(const Cell& part, ValueId id);
  Value call_row(const OpRow& row, const std::vector<Value>& arguments, const Keywords& keywords);
  Value instance(const std::string& name, const Class& type, std::vector<Value> arguments, const Keywords& keywords);
  Value number(const std::string& name, const Value& from);
  void count() { heap_.work(Heap::kStepWork); }

  Archive& archive_;
  Heap& heap_;
  Graph* graph_;
  Body& new_body();
  std::vector<std::unique_ptr<Body>> bodies_;  ///< all of them: tensors may remember one
  std::vector<Body*> open_;                    ///< outermost first
  const std::set<std::string>& states_;
  std::vector<std::pair<ValueId, Cell*>> changed_;
  std::string module_;  ///< path of the module whose method runs
  int depth_ = 0, levels_ = 0, last_body_ = 0;
};

}  // namespace hone::torch
