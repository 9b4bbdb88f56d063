#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "formats/torch/archive.h"
#include "formats/torch/call.h"
#include "formats/torch/value.h"

namespace hone::torch {

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
      : archive_(archive), heap_(heap), graph_(graph), states_(states) {}
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
  bool condition(const Expr& expr, Frame& frame);

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
  void count();

  Archive& archive_;
  Heap& heap_;
  Graph& graph_;
  const std::set<std::string>& states_;
  std::vector<std::pair<ValueId, Cell*>> changed_;
  std::string module_;  ///< path of the module whose method runs
  int depth_ = 0;
  size_t steps_ = 0;
};

}  // namespace hone::torch
