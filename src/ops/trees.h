#pragma once

#include "ir/op_def.h"

namespace hone {

/// Decision trees.

enum class TreeSum : int { kSum, kAverage, kMin, kMax };
inline constexpr std::string_view kTreeSumNames[] = {"SUM", "AVERAGE", "MIN", "MAX"};
constexpr std::span<const std::string_view> enum_names(TreeSum) { return kTreeSumNames; }

/// y[n, t] = Σ over trees of the weight for target t in the leaf that x[n, :] leads to (or their mean, least or
/// largest; 0 where no leaf has one). x: [N, F], y: f32 [N, n_targets]. Source: ONNX ai.onnx.ml TreeEnsembleRegressor,
/// whose attributes these are, less what is done to the result afterwards.
///
/// Node i is number nodes_nodeids[i] of tree nodes_treeids[i]. A branch asks whether x[n, nodes_featureids[i]] is at
/// most (BRANCH_LEQ), less than (LT), at least (GTE), more than (GT), equal (EQ) or not equal (NEQ) to nodes_values[i];
/// NaN answers yes where nodes_missing_value_tracks_true[i] says so. A node that no branch leads to begins its tree.
struct TreeEnsemble : Operator<"TreeEnsemble"> {
  TreeSum aggregate_function = TreeSum::kSum;
  int64_t n_targets = 1;
  std::vector<int64_t> nodes_treeids;
  std::vector<int64_t> nodes_nodeids;
  std::vector<int64_t> nodes_featureids;
  std::vector<std::string> nodes_modes;  ///< LEAF or one of the branches
  std::vector<float> nodes_values;
  std::vector<int64_t> nodes_truenodeids;
  std::vector<int64_t> nodes_falsenodeids;
  std::vector<int64_t> nodes_missing_value_tracks_true;  ///< 0 or 1 a node
  std::vector<int64_t> target_treeids;
  std::vector<int64_t> target_nodeids;
  std::vector<int64_t> target_ids;
  std::vector<float> target_weights;
  static constexpr std::tuple fields{
      Field{"aggregate_function", &TreeEnsemble::aggregate_function},
      Field{"n_targets", &TreeEnsemble::n_targets},
      Field{"nodes_treeids", &TreeEnsemble::nodes_treeids},
      Field{"nodes_nodeids", &TreeEnsemble::nodes_nodeids},
      Field{"nodes_featureids", &TreeEnsemble::nodes_featureids},
      Field{"nodes_modes", &TreeEnsemble::nodes_modes},
      Field{"nodes_values", &TreeEnsemble::nodes_values},
      Field{"nodes_truenodeids", &TreeEnsemble::nodes_truenodeids},
      Field{"nodes_falsenodeids", &TreeEnsemble::nodes_falsenodeids},
      Field{"nodes_missing_value_tracks_true", &TreeEnsemble::nodes_missing_value_tracks_true},
      Field{"target_treeids", &TreeEnsemble::target_treeids},
      Field{"target_nodeids", &TreeEnsemble::target_nodeids},
      Field{"target_ids", &TreeEnsemble::target_ids},
      Field{"target_weights", &TreeEnsemble::target_weights}};
  static const OpDef def;
};

}  // namespace hone
