// Small random graphs full of transposes and reshapes: every pipeline must keep what they compute.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "base/error.h"
#include "ir/text.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"
#include "passes/perm.h"
#include "passes/pipelines.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// Adds random operators to a graph, each to values made before.
class RandomGraph {
 public:
  explicit RandomGraph(uint64_t seed) : random_(seed) {
    values_.push_back(graph_.add_input("x", {DType::kF32, {2, 3, 4, 2}, nullptr}));
    values_.push_back(graph_.add_input("z", {DType::kF32, {2, 4, 2, 3}, nullptr}));
    const int steps = 6 + pick(14);
    for (int i = 0; i < steps; ++i) step();
    std::vector<ValueId> outputs;
    for (size_t i = 2; i < values_.size(); ++i) {
      if (graph_.value(values_[i]).users.empty() || pick(8) == 0) outputs.push_back(values_[i]);
    }
    std::sort(outputs.begin(), outputs.end());
    outputs.erase(std::unique(outputs.begin(), outputs.end()), outputs.end());
    graph_.set_outputs(outputs);
  }

  Graph take() { return std::move(graph_); }

 private:
  int pick(int count) { return static_cast<int>(random_() % static_cast<uint64_t>(count)); }
  ValueId any() { return values_[values_.size() - 1 - static_cast<size_t>(pick(std::min<int>(5, size())))]; }
  int size() const { return static_cast<int>(values_.size()); }
  Dims dims(ValueId value) const { return graph_.type(value).shape.dims(); }
  int64_t axis_of(ValueId value) { return pick(static_cast<int>(dims(value).size())); }

  ValueId constant(Dims shape) {
    Tensor tensor = Tensor::empty(DType::kF32, std::move(shape));
    for (float& x : tensor.mutable_data<float>()) x = static_cast<float>(pick(17) - 8) / 8;
    return graph_.add_constant(tensor);
  }

  /// A constant that broadcasts to the value: some axes 1, some leading axes missing.
  ValueId broadcast_constant(ValueId value) {
    Dims shape = dims(value);
    for (int64_t& dim : shape) {
      if (pick(2) == 0) dim = 1;
    }
    shape.erase(shape.begin(), shape.begin() + pick(static_cast<int>(shape.size())));
    return constant(shape);
  }

  ValueId transpose(ValueId x) {
    Transpose op;
    op.perm.resize(dims(x).size());
    std::iota(op.perm.begin(), op.perm.end(), 0);
    if (op.perm.size() == 4 && pick(3) > 0) {
      op.perm = pick(2) ? Perm{0, 2, 3, 1} : Perm{0, 3, 1, 2};
    } else {
      std::shuffle(op.perm.begin(), op.perm.end(), random_);
    }
    return graph_.add(op, {x});
  }

  ValueId reshape(ValueId x) {
    Dims shape = dims(x);
    const size_t at = static_cast<size_t>(pick(static_cast<int>(shape.size())));
    const int kind = pick(3);
    if (kind == 0 && shape.size() > 1) {  // join two axes
      const size_t next = at + 1 < shape.size() ? at : at - 1;
      shape[next] *= shape[next + 1];
      shape.erase(shape.begin() + static_cast<int64_t>(next) + 1);
    } else if (kind == 1 && shape[at] % 2 == 0 && shape.size() < 5) {  // cut one
      shape[at] /= 2;
      shape.insert(shape.begin() + static_cast<int64_t>(at), 2);
    } else {
      shape.insert(shape.begin() + static_cast<int64_t>(at), 1);
    }
    if (shape.size() > 5) return x;
    return graph_.add(Reshape{}, {x, add_ints(graph_, shape)});
  }

  ValueId reduce(ValueId x, bool keepdims) {
    if (dims(x).size() < 2) return x;
    return graph_.add(ReduceMean{{}, keepdims, false}, {x, add_ints(graph_, {axis_of(x)})});
  }

  ValueId combine(ValueId x) {
    for (ValueId other : values_) {
      if (other != x && dims(other) == dims(x) && pick(2)) return graph_.add(Add{}, {other, x});
    }
    return graph_.add(Mul{}, {x, broadcast_constant(x)});
  }

  ValueId hard(ValueId x) {
    const Dims shape = dims(x);
    if (shape.size() == 4) return graph_.add(Conv{}, {x, constant({shape[3], 1, 1, shape[3]})});
    if (shape.size() >= 2) return graph_.add(MatMul{}, {x, constant({shape.back(), 3})});
    return graph_.add(Exp{}, {graph_.add(Clamp{{}, -1, 1}, {x})});
  }

  ValueId cut(ValueId x) {
    const int64_t axis = axis_of(x);
    const int64_t size = dims(x)[static_cast<size_t>(axis)];
    const ValueId start = add_ints(graph_, {size > 1 ? 1 : 0}), end = add_ints(graph_, {size});
    return graph_.add(Slice{}, {x, start, end, add_ints(graph_, {axis})});
  }

  ValueId pad(ValueId x) {
    Dims amounts(2 * dims(x).size());
    for (int64_t& amount : amounts) amount = pick(4) == 0;
    return graph_.add(Pad{}, {x, add_ints(graph_, amounts)});
  }

  void step() {
    const ValueId x = any();
    if (dims(x).empty()) return;
    ValueId y = x;
    switch (pick(14)) {
      case 0:
      case 1:
      case 2:
        y = transpose(x);
        break;
      case 3:
        y = graph_.add(Relu{}, {x});
        break;
      case 4:
      case 5:
        y = combine(x);
        break;
      case 6:
        y = graph_.add(Softmax{{}, axis_of(x)}, {x});
        break;
      case 7:
        y = graph_.add(Concat{{}, axis_of(x)}, {x, x});
        break;
      case 8:
        y = reduce(x, pick(2) == 0);
        break;
      case 9:
        y = reshape(x);
        break;
      case 10:
        y = hard(x);
        break;
      case 11:
        y = cut(x);
        break;
      case 12:
        y = pad(x);
        break;
      default:
        y = graph_.add(Gather{{}, axis_of(x)}, {x, add_ints(graph_, {0, 0})});
    }
    if (graph_.type(y).shape.elements() < 4000) values_.push_back(y);
  }

  std::mt19937_64 random_;
  Graph graph_;
  std::vector<ValueId> values_;
};

TEST(RandomGraphs, KeepTheirResultsThroughEveryPipeline) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    const Graph original = RandomGraph(seed).take();
    for (const char* name : {"layout", "standard"}) {
      Graph graph = original;
      PassOptions options;
      options.check = true;
      options.check_tolerance = 1e-3;
      try {
        const PipelineStats stats = run_pipeline(graph, find_pipeline(name), options);
        EXPECT_LE(stats.transposes_after, stats.transposes_before) << seed;
        for (const PassStats& pass : stats.passes) EXPECT_TRUE(pass.settled) << seed << " " << pass.name;
      } catch (const Error& e) {
        FAIL() << "seed " << seed << ", " << name << ": " << e.what() << "\n" << to_text(original, {-1});
      }
    }
  }
}

}  // namespace
}  // namespace hone
