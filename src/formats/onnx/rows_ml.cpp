// Operators of the domain "ai.onnx.ml" on numbers: trees and linear models. A classifier is read as the scores that it
// sums, what is done to them, and the label of the best; only sums over trees are written. What the standard leaves
// open is as ONNX Runtime does it.

#include <algorithm>

#include "base/text.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/trees.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

/// A row of numbers, or its only number.
Tensor row_of(const std::vector<float>& values) {
  return Tensor::of<float>({1, static_cast<int64_t>(values.size())}, values);
}

/// LOGISTIC and SOFTMAX of rows of scores.
ValueId transformed(NodeReader& r, ValueId scores) {
  const std::string name = r.attr_string("post_transform", "NONE");
  if (name == "NONE") return scores;
  if (name == "LOGISTIC") return r.emit(Sigmoid{}, {scores});
  if (name == "SOFTMAX") return r.emit(Softmax{.axis = 1}, {scores});
  throw unsupported(cat("onnx: post_transform ", name));
}

/// A single score a row knows PROBIT alone.
ValueId transformed_targets(NodeReader& r, ValueId scores, int64_t targets) {
  const bool is_plain = targets == 1 && r.attr_string("post_transform", "NONE") != "PROBIT";
  return is_plain ? scores : transformed(r, scores);
}

/// The trees of a node whose attributes for leaves begin with `leaf`, "target_" or "class_".
TreeEnsemble trees_of(NodeReader& r, std::string_view leaf, int64_t targets) {
  TreeEnsemble op;
  for (const char* name : {"nodes_values_as_tensor", "target_weights_as_tensor", "class_weights_as_tensor"})
    if (r.has_attr(name)) throw unsupported(cat("onnx: ", name, ", trees in double precision"));
  read_fields(r, attr_type<TreeEnsemble>(), &op);
  op.n_targets = targets;
  op.target_treeids = r.attr_ints(cat(leaf, "treeids"));
  op.target_nodeids = r.attr_ints(cat(leaf, "nodeids"));
  op.target_ids = r.attr_ints(cat(leaf, "ids"));
  op.target_weights = r.attr_floats(cat(leaf, "weights"));
  if (op.nodes_missing_value_tracks_true.empty()) op.nodes_missing_value_tracks_true.resize(op.nodes_treeids.size(), 0);
  return op;
}

void read_tree_regressor(NodeReader& r) {
  const int64_t targets = r.attr_int("n_targets", 1);
  ValueId y = r.emit(trees_of(r, "target_", targets), {r.in(0)});
  const std::vector<float> base = r.attr_floats("base_values");
  if (static_cast<int64_t>(base.size()) == targets) y = r.emit(Add{}, {y, r.constant(row_of(base))});
  r.output(0, transformed_targets(r, y, targets));
}

/// Labels by whether s [N, 1] is beyond a bound.
void output_beyond(NodeReader& r, ValueId s, double bound, std::span<const int64_t> labels) {
  const ValueId is_second = r.emit(Greater{}, {s, r.scalar_like(s, bound)});
  const auto label = [&](size_t i) { return r.constant(Tensor::scalar<int64_t>(labels[i])); };
  r.output(0, r.emit(Squeeze{}, {r.emit(Where{}, {is_second, label(1), label(0)}), r.ints({1})}));
}

/// The only score s [N, 1] of two classes says how far one is from the other.
ValueId both_sides(NodeReader& r, ValueId s, bool is_all_positive) {
  ValueId first, second = s;
  if (is_all_positive) {
    first = r.emit(Sub{}, {r.scalar_like(s, 1), s});
  } else if (r.attr_string("post_transform", "NONE") == "LOGISTIC") {
    first = r.emit(Sigmoid{}, {r.emit(Neg{}, {s})});
    second = r.emit(Sigmoid{}, {s});
  } else {
    second = r.emit(Abs{}, {s});
    first = r.emit(Neg{}, {second});
  }
  return r.emit(Concat{.axis = 1}, {first, second});
}

/// Trees of two classes where one alone has weights, which decides: beyond a half where all weights are probabilities.
void read_two_classes(NodeReader& r, TreeEnsemble op, std::span<const int64_t> labels) {
  const std::vector<float> base = r.attr_floats("base_values");
  const int64_t weighted = op.target_ids.empty() ? 0 : op.target_ids[0];
  const bool is_all_positive =
      std::all_of(op.target_weights.begin(), op.target_weights.end(), [](float w) { return w >= 0; });
  if (base.size() > 1 || (weighted == 1 && !base.empty()))
    throw unsupported("onnx: base_values of two classes of which one has weights");
  const ValueId y = r.emit(std::move(op), {r.in(0)});
  ValueId s = r.emit(Gather{.axis = 1}, {y, r.ints({weighted})});
  if (!base.empty()) s = r.emit(Add{}, {s, r.constant(row_of(base))});
  output_beyond(r, s, is_all_positive ? 0.5 : 0, labels);
  r.output(1, weighted == 0 ? both_sides(r, s, is_all_positive) : transformed(r, y));
}

/// The label of the largest score, and the scores after their transform.
void output_best(NodeReader& r, ValueId scores, const std::vector<int64_t>& labels) {
  const Tensor names = Tensor::of<int64_t>({static_cast<int64_t>(labels.size())}, labels);
  const ValueId best = r.emit(ArgMax{.axis = 1, .keepdims = false}, {scores});
  r.output(0, r.emit(Gather{}, {r.constant(names), best}));
  r.output(1, transformed(r, scores));
}

std::vector<int64_t> labels_of(NodeReader& r, std::string_view ints) {
  std::vector<int64_t> labels = r.attr_ints(ints);
  if (labels.empty()) throw unsupported("onnx: labels that are strings, or none");
  return labels;
}

void read_tree_classifier(NodeReader& r) {
  const std::vector<int64_t> labels = labels_of(r, "classlabels_int64s");
  const auto classes = static_cast<int64_t>(labels.size());
  if (r.attr_string("post_transform", "NONE") == "PROBIT") throw unsupported("onnx: post_transform PROBIT");
  TreeEnsemble op = trees_of(r, "class_", classes);
  if (classes == 2) {
    const std::vector<int64_t>& ids = op.target_ids;
    const bool is_one_sided = std::all_of(ids.begin(), ids.end(), [&](int64_t id) { return id == ids[0]; });
    if (!is_one_sided) throw unsupported("onnx: two classes that both have weights");
    return read_two_classes(r, std::move(op), labels);
  }
  ValueId y = r.emit(std::move(op), {r.in(0)});
  const std::vector<float> base = r.attr_floats("base_values");
  if (static_cast<int64_t>(base.size()) == classes) y = r.emit(Add{}, {y, r.constant(row_of(base))});
  output_best(r, y, labels);
}

/// x · coefficientsᵀ + intercepts, coefficients: [targets, F].
ValueId linear(NodeReader& r, int64_t targets) {
  const std::vector<float> weights = r.attr_floats("coefficients"), bias = r.attr_floats("intercepts");
  const auto count = static_cast<int64_t>(weights.size());
  if (targets < 1 || count % targets != 0) throw invalid_model(cat(count, " coefficients for ", targets, " targets"));
  const ValueId w = r.constant(Tensor::of<float>({targets, count / targets}, weights));
  const ValueId x = r.emit(Cast{.to = DType::kF32}, {r.in(0)});
  const ValueId y = r.emit(MatMul{}, {x, r.transposed(w, {1, 0})});
  return bias.empty() ? y : r.emit(Add{}, {y, r.constant(row_of(bias))});
}

void read_linear_regressor(NodeReader& r) {
  const int64_t targets = r.attr_int("targets", 1);
  r.output(0, transformed_targets(r, linear(r, targets), targets));
}

void read_linear_classifier(NodeReader& r) {
  const std::vector<int64_t> labels = labels_of(r, "classlabels_ints");
  if (labels.size() < 3) throw unsupported("onnx: LinearClassifier of two classes");
  output_best(r, linear(r, static_cast<int64_t>(labels.size())), labels);
}

/// (x − offset) · scale, each one number or one a feature.
void read_scaler(NodeReader& r) {
  const ValueId x = r.emit(Cast{.to = DType::kF32}, {r.in(0)});
  const ValueId centered = r.emit(Sub{}, {x, r.constant(row_of(r.attr_floats("offset")))});
  r.output(0, r.emit(Mul{}, {centered, r.constant(row_of(r.attr_floats("scale")))}));
}

/// Rows divided by their largest number or their norm, where that is not 0.
void read_normalizer(NodeReader& r) {
  const std::string norm = r.attr_string("norm", "MAX");
  const ValueId x = r.emit(Cast{.to = DType::kF32}, {r.in(0)}), axis = r.ints({1});
  const ValueId size = norm == "L1"   ? r.emit(ReduceL1{}, {x, axis})
                       : norm == "L2" ? r.emit(ReduceL2{}, {x, axis})
                                      : r.emit(ReduceMax{}, {x, axis});
  const ValueId is_zero = r.emit(Equal{}, {size, r.scalar_like(size, 0)});
  r.output(0, r.emit(Div{}, {x, r.emit(Where{}, {is_zero, r.scalar_like(size, 1), size})}));
}

void write_trees(NodeWriter& w) {
  w.emit("TreeEnsembleRegressor", {w.plain_in(0)}, {w.plain_out()}, same_attributes(w.node()));
}

constexpr Row kRows[] = {
    {"TreeEnsembleRegressor", 1, kNewestOpset, read_tree_regressor, &TreeEnsemble::def, write_trees},
    {"TreeEnsembleClassifier", 1, kNewestOpset, read_tree_classifier},
    {"LinearRegressor", 1, kNewestOpset, read_linear_regressor},
    {"LinearClassifier", 1, kNewestOpset, read_linear_classifier},
    {"Scaler", 1, kNewestOpset, read_scaler},
    {"Normalizer", 1, kNewestOpset, read_normalizer},
};

}  // namespace

std::span<const Row> ml_rows() { return kRows; }

}  // namespace hone::onnx
