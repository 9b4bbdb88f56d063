#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "ops/kernel.h"
#include "ops/trees.h"

namespace hone {
namespace {

constexpr std::string_view kOp = TreeEnsemble::kName;
constexpr std::array<std::string_view, 7> kModes = {"LEAF",      "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                                    "BRANCH_GT", "BRANCH_EQ",  "BRANCH_NEQ"};
enum Mode : size_t { kLeaf, kLeq, kLt, kGte, kGt, kEq, kNeq };

/// A node with its children as places in Forest::nodes.
struct TreeNode {
  Mode mode = kLeaf;
  size_t feature = 0;
  double value = 0;
  bool is_true_for_nan = false;
  size_t when_true = 0, when_false = 0;
  std::vector<size_t> weights;  ///< places in target_ids and target_weights

  bool answer(double x) const {
    if (std::isnan(x) && is_true_for_nan) return true;
    switch (mode) {
      case kLeq:
        return x <= value;
      case kLt:
        return x < value;
      case kGte:
        return x >= value;
      case kGt:
        return x > value;
      case kEq:
        return x == value;
      default:
        return x != value;
    }
  }
};

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<size_t> roots;
  int64_t features = 0;  ///< one more than the highest that a branch looks at
};

void require_lengths(const TreeEnsemble& op) {
  const size_t n = op.nodes_treeids.size(), w = op.target_treeids.size();
  const auto require = [](std::string_view name, size_t found, size_t expected) {
    if (found != expected) throw op_error(kOp, cat(name, " has ", found, " elements, expected ", expected));
  };
  require("nodes_nodeids", op.nodes_nodeids.size(), n);
  require("nodes_featureids", op.nodes_featureids.size(), n);
  require("nodes_modes", op.nodes_modes.size(), n);
  require("nodes_values", op.nodes_values.size(), n);
  require("nodes_truenodeids", op.nodes_truenodeids.size(), n);
  require("nodes_falsenodeids", op.nodes_falsenodeids.size(), n);
  require("nodes_missing_value_tracks_true", op.nodes_missing_value_tracks_true.size(), n);
  require("target_nodeids", op.target_nodeids.size(), w);
  require("target_ids", op.target_ids.size(), w);
  require("target_weights", op.target_weights.size(), w);
}

/// Where the node of a tree with a number stands.
class Places {
 public:
  explicit Places(const TreeEnsemble& op) {
    for (size_t i = 0; i < op.nodes_treeids.size(); ++i)
      places_.push_back({op.nodes_treeids[i], op.nodes_nodeids[i], static_cast<int64_t>(i)});
    std::sort(places_.begin(), places_.end());
    for (size_t i = 1; i < places_.size(); ++i)
      if (places_[i][0] == places_[i - 1][0] && places_[i][1] == places_[i - 1][1])
        throw op_error(kOp, cat("tree ", places_[i][0], " has two nodes ", places_[i][1]));
  }
  size_t at(int64_t tree, int64_t node) const {
    const Place wanted{tree, node, 0};
    const auto it = std::lower_bound(places_.begin(), places_.end(), wanted);
    if (it == places_.end() || (*it)[0] != tree || (*it)[1] != node)
      throw op_error(kOp, cat("tree ", tree, " has no node ", node));
    return static_cast<size_t>((*it)[2]);
  }

 private:
  using Place = std::array<int64_t, 3>;
  std::vector<Place> places_;
};

/// The trees, each node the child of one other at most: so every way from a root ends at a leaf.
Forest forest_of(const TreeEnsemble& op) {
  require_lengths(op);
  const Places places(op);
  Forest forest;
  const size_t count = op.nodes_treeids.size();
  std::vector<size_t> parents(count, count);
  for (size_t i = 0; i < count; ++i) {
    const auto mode = std::find(kModes.begin(), kModes.end(), op.nodes_modes[i]);
    if (mode == kModes.end()) throw op_error(kOp, cat("nodes_modes contains '", op.nodes_modes[i], "'"));
    TreeNode node{.mode = static_cast<Mode>(mode - kModes.begin()),
                  .value = op.nodes_values[i],
                  .is_true_for_nan = op.nodes_missing_value_tracks_true[i] != 0};
    if (node.mode != kLeaf) {
      const int64_t feature = op.nodes_featureids[i];
      if (feature < 0 || feature >= int64_t{1} << 31) throw op_error(kOp, cat("nodes_featureids contains ", feature));
      node.feature = static_cast<size_t>(feature);
      forest.features = std::max(forest.features, feature + 1);
      node.when_true = places.at(op.nodes_treeids[i], op.nodes_truenodeids[i]);
      node.when_false = places.at(op.nodes_treeids[i], op.nodes_falsenodeids[i]);
      for (const size_t child : {node.when_true, node.when_false}) {
        if (parents[child] != count && parents[child] != i)
          throw op_error(
              kOp, cat("two branches lead to node ", op.nodes_nodeids[child], " of tree ", op.nodes_treeids[child]));
        parents[child] = i;
      }
    }
    forest.nodes.push_back(std::move(node));
  }
  for (size_t i = 0; i < count; ++i)
    if (parents[i] == count) forest.roots.push_back(i);
  if (forest.roots.empty())
    throw op_error(kOp, "no tree has a root: there are no nodes, or all of them stand in circles");
  for (size_t i = 0; i < op.target_ids.size(); ++i) {
    if (op.target_ids[i] < 0 || op.target_ids[i] >= op.n_targets)
      throw op_error(kOp, cat("target_ids contains ", op.target_ids[i], ", expected 0 to ", op.n_targets - 1));
    forest.nodes[places.at(op.target_treeids[i], op.target_nodeids[i])].weights.push_back(i);
  }
  return forest;
}

void require_features(const Forest& forest, int64_t features) {
  if (forest.features > features)
    throw op_error(kOp, cat("a branch looks at feature ", forest.features - 1, ", x has ", features));
}

void infer(InferContext& ctx) {
  const TreeEnsemble& op = ctx.attrs<TreeEnsemble>();
  if (op.n_targets < 1) throw op_error(kOp, cat("n_targets is ", op.n_targets));
  const Forest forest = forest_of(op);
  const Shape& x = ctx.shape(0);
  if (x.has_rank() && x[1].is_known()) require_features(forest, x[1].value());
  ctx.output(0, DType::kF32, x.has_rank() ? Shape{x[0], Dim(op.n_targets)} : Shape{Dim(), Dim(op.n_targets)});
}

/// What the trees say of one row.
void sum_leaves(const TreeEnsemble& op, const Forest& forest, std::span<const double> x, std::span<float> y) {
  std::vector<bool> has_score(y.size());
  for (const size_t root : forest.roots) {
    const TreeNode* node = &forest.nodes[root];
    while (node->mode != kLeaf)
      node = &forest.nodes[node->answer(x[node->feature]) ? node->when_true : node->when_false];
    for (const size_t i : node->weights) {
      const size_t t = static_cast<size_t>(op.target_ids[i]);
      const float w = op.target_weights[i];
      if (op.aggregate_function == TreeSum::kMin)
        y[t] = has_score[t] ? std::min(y[t], w) : w;
      else if (op.aggregate_function == TreeSum::kMax)
        y[t] = has_score[t] ? std::max(y[t], w) : w;
      else
        y[t] += w;
      has_score[t] = true;
    }
  }
  if (op.aggregate_function == TreeSum::kAverage)
    for (float& v : y) v /= static_cast<float>(forest.roots.size());
}

void eval(EvalContext& ctx) {
  const TreeEnsemble& op = ctx.op<TreeEnsemble>();
  const Forest forest = forest_of(op);
  const std::vector<double> x = to_doubles(ctx.in(0));
  const size_t features = static_cast<size_t>(ctx.in(0).dim(1)), targets = static_cast<size_t>(op.n_targets);
  require_features(forest, ctx.in(0).dim(1));
  Tensor& y = ctx.outputs[0];
  y = Tensor::zeros(DType::kF32, {ctx.in(0).dim(0), op.n_targets});
  const std::span<float> sums = y.mutable_data<float>();
  for (size_t n = 0; n < static_cast<size_t>(ctx.in(0).dim(0)); ++n)
    sum_leaves(op, forest, std::span(x).subspan(n * features, features), sums.subspan(n * targets, targets));
}

constexpr InputRule kTreeEnsembleInputs[] = {
    {.name = "x", .dtypes = Types<float, double, int32_t, int64_t>::kSet, .min_rank = 2, .max_rank = 2}};

}  // namespace

constinit const OpDef TreeEnsemble::def{.name = TreeEnsemble::kName,
                                        .attrs = &attr_type<TreeEnsemble>(),
                                        .infer = infer,
                                        .eval = eval,
                                        .inputs = kTreeEnsembleInputs};

}  // namespace hone
