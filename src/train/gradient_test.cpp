#include "train/gradient.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <set>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "ops/reduce.h"
#include "support/suite.h"

namespace hone {
namespace {

TEST(Gradient, IsStatedOrDeniedForEveryOperator) {
  const OpSet ops = all_ops();
  for (const OpDef* op : ops.all()) {
    const GradientRow* row = find_gradient(*op);
    ASSERT_NE(row, nullptr) << op->name << " has no row in src/train/gradients_*.cpp";
    EXPECT_NE(row->write == nullptr, row->why.empty()) << op->name;
  }
}

/// The text of a case with all its numbers in double precision.
std::string in_f64(std::string text) {
  for (size_t at = text.find("f32"); at != std::string::npos; at = text.find("f32", at + 3)) text.replace(at, 3, "f64");
  return text;
}

/// A suite case as a function of its float inputs and constants: Σ r · y over its float outputs.
struct Function {
  Graph graph;
  std::vector<ValueId> values;  ///< of which gradients are asked
  std::vector<Tensor> feeds;    ///< inputs of the graph: those of the case, then the constants
  size_t result = 0;            ///< output that holds the sum

  double at(const std::vector<Tensor>& feeds_now) const { return to_doubles(evaluate(graph, feeds_now)[result])[0]; }
};

bool is_double(const Graph& graph, ValueId v) {
  return graph.type(v).dtype == DType::kF64 && !graph.type(v).is_quantized() && graph.type(v).shape.is_static();
}

/// Constants that operators learn become inputs.
Graph with_open_weights(const Graph& graph, std::vector<Tensor>& feeds) {
  Graph out = graph;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    const GradientRow* row = find_gradient(*node.def);
    for (size_t i = 0; row && i < node.inputs.size() && i < 32; ++i) {
      if (!(row->learns >> i & 1) || !out.is_constant(out.node(id).input(i))) continue;
      const Tensor value = out.value(node.inputs[i]).constant;
      if (value.dtype() != DType::kF64) continue;
      out.set_input(id, i, out.add_input("weight", value.type()));
      feeds.push_back(value);
    }
  }
  return out;
}

/// Nothing when the case is not one of doubles.
std::optional<Function> function_of(const SuiteCase& c) {
  Function f;
  Graph graph = parse_graph(in_f64(c.graph), all_ops());
  if (graph.arithmetic != QuantArithmetic::kFloat || !graph.states().empty()) return std::nullopt;
  for (const ValueId in : graph.inputs())
    for (const auto& [name, value] : c.feeds)
      if (name == graph.value(in).name)
        f.feeds.push_back(value.dtype() == DType::kF32 ? cast(value, DType::kF64) : value);
  if (f.feeds.size() != graph.inputs().size()) return std::nullopt;
  f.graph = with_open_weights(graph, f.feeds);
  for (size_t i = 0; i < f.feeds.size(); ++i)
    if (!f.graph.type(f.graph.inputs()[i]).shape.is_static())
      f.graph.set_input_shape(f.graph.inputs()[i], Shape(f.feeds[i].dims()));
  std::mt19937 random(7);
  std::vector<ValueId> outputs = f.graph.outputs();
  ValueId sum;
  for (const ValueId y : f.graph.outputs()) {
    if (!is_double(f.graph, y)) continue;
    Tensor r = Tensor::empty(DType::kF64, f.graph.type(y).shape.dims());
    for (double& v : r.mutable_data<double>()) v = double(random() % 1000) / 500 - 1;
    const ValueId part =
        f.graph.add(ReduceSum{.keepdims = false}, {f.graph.add(Mul{}, {y, f.graph.add_constant(std::move(r))})});
    sum = sum.exists() ? f.graph.add(Add{}, {sum, part}) : part;
  }
  if (!sum.exists()) return std::nullopt;
  for (const ValueId in : f.graph.inputs())
    if (is_double(f.graph, in)) f.values.push_back(in);
  outputs.push_back(sum);
  f.result = outputs.size() - 1;
  f.graph.set_outputs(outputs);
  return f.values.empty() ? std::nullopt : std::optional(std::move(f));
}

/// Moves one element of one input by `step`.
std::vector<Tensor> moved(const Function& f, size_t input, size_t element, double step) {
  std::vector<Tensor> feeds = f.feeds;
  feeds[input] = feeds[input].clone();
  feeds[input].mutable_data<double>()[element] += step;
  return feeds;
}

/// Compares gradients at some elements of every value with central differences; returns how many were compared.
/// Elements at a kink, where the slopes of both sides differ, say nothing.
int compare(Function f, const std::string& where) {
  const std::vector<ValueId> slopes = add_gradients(f.graph, f.graph.outputs()[f.result], f.values);
  std::vector<ValueId> outputs = f.graph.outputs();
  outputs.insert(outputs.end(), slopes.begin(), slopes.end());
  f.graph.set_outputs(outputs);
  const std::vector<Tensor> results = evaluate(f.graph, f.feeds);
  outputs.resize(outputs.size() - slopes.size());
  f.graph.set_outputs(outputs);
  int compared = 0;
  size_t next = 0;
  for (size_t i = 0; i < f.feeds.size(); ++i) {
    if (!is_double(f.graph, f.graph.inputs()[i])) continue;
    const Tensor& slope = results[f.result + 1 + next++];
    EXPECT_EQ(slope.dims(), f.feeds[i].dims()) << where;
    if (slope.dims() != f.feeds[i].dims()) continue;
    const auto count = static_cast<size_t>(f.feeds[i].elements());
    for (size_t e = 0; e < count; e += std::max<size_t>(1, count / 5)) {
      const double h = 1e-5, here = f.at(f.feeds);
      const double up = f.at(moved(f, i, e, h)), down = f.at(moved(f, i, e, -h));
      const double right = (up - here) / h, left = (here - down) / h, expected = (up - down) / (2 * h);
      if (!std::isfinite(expected) || std::abs(right - left) > 1e-3 * (1 + std::abs(expected))) continue;
      EXPECT_NEAR(slope.data<double>()[e], expected, 1e-5 * (1 + std::abs(expected)))
          << where << ", input " << i << " element " << e;
      ++compared;
    }
  }
  return compared;
}

/// The operators of a graph with a row to be checked.
std::set<const OpDef*> checkable(const Graph& graph) {
  std::set<const OpDef*> out;
  for (const NodeId id : graph.order()) {
    const GradientRow* row = find_gradient(*graph.node(id).def);
    if (row && row->write) out.insert(row->op);
  }
  return out;
}

bool has_estimate(const Graph& graph) {
  for (const OpDef* op : checkable(graph))
    if (find_gradient(*op)->is_estimate) return true;
  return false;
}

TEST(Gradient, AgreesWithCentralDifferencesInEverySuiteCase) {
  std::map<const OpDef*, int> compared;
  for (const std::string& path : suite_files()) {
    for (const SuiteCase& c : load_suite(path)) {
      if (!c.error.empty()) continue;
      try {
        auto f = function_of(c);
        if (!f || has_estimate(f->graph)) continue;
        const std::set<const OpDef*> found = checkable(f->graph);
        const int count = compare(std::move(*f), c.file + ": " + c.name);
        for (const OpDef* op : found) compared[op] += count;
      } catch (const Error& e) {
        EXPECT_TRUE(e.code() == ErrorCode::kUnsupported || e.code() == ErrorCode::kInvalidModel)
            << c.file << ": " << c.name << ": " << e.what();
      }
    }
  }
  const OpSet ops = all_ops();
  for (const OpDef* op : ops.all()) {
    const GradientRow& row = *find_gradient(*op);
    if (!row.write || row.is_estimate) continue;
    EXPECT_GT(compared[op], 0) << "no suite case compares the gradient of " << op->name;
  }
}

TEST(Gradient, AddsUpWhereAValueIsUsedTwice) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, Shape{}, nullptr});
  const ValueId y = graph.add(Add{}, {graph.add(Mul{}, {x, x}), x});
  graph.set_outputs({add_gradients(graph, y, std::vector{x})[0]});
  EXPECT_FLOAT_EQ(evaluate(graph, std::vector{Tensor::scalar<float>(3)})[0].data<float>()[0], 7);
}

TEST(Gradient, IsZeroWhereTheLossDoesNotDependOnAValue) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, Shape{2}, nullptr});
  const ValueId other = graph.add_input("other", {DType::kF32, Shape{}, nullptr});
  graph.set_outputs({add_gradients(graph, other, std::vector{x})[0]});
  const auto slopes = evaluate(graph, std::vector{Tensor::of<float>({2}, {1, 2}), Tensor::scalar<float>(3)});
  EXPECT_EQ(to_doubles(slopes[0]), (std::vector<double>{0, 0}));
}

TEST(Gradient, NamesEveryNodeThatLetsNoneThrough) {
  Graph graph;
  const ValueId x = graph.add_input("x", {DType::kF32, Shape{2}, nullptr});
  const ValueId bits = graph.add(FloorDiv{}, {x, x}, {.name = "first"});
  const ValueId more = graph.add(FloorDiv{}, {bits, x}, {.name = "second"});
  const ValueId loss = graph.add(ReduceSum{.keepdims = false}, {more});
  try {
    add_gradients(graph, loss, std::vector{x});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(e.what()).find("'first'"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("'second'"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace hone
