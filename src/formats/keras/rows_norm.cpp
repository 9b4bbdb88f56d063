#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/binary.h"
#include "ops/norm.h"
#include "ops/resize.h"
#include "ops/unary.h"

namespace hone::keras {

namespace {

Tensor filled(const Dims& dims, float value) {
  Tensor t = Tensor::empty(DType::kF32, dims);
  for (float& v : t.mutable_data<float>()) v = value;
  return t;
}

/// The only entry of "axis", counted from the front.
int64_t single_axis(const Layer& l, int64_t rank) {
  const Json* axis = l.config.find("axis");
  int64_t at = -1;
  if (axis && axis->is_array()) {
    if (axis->as_array().size() != 1) throw unsupported("normalization over several axes");
    at = axis->as_array()[0].as_int();
  } else {
    at = l.integer("axis", -1);
  }
  return at < 0 ? at + rank : at;
}

/// Moves `axis` to the end and back.
struct Moved {
  ValueId x;
  std::vector<int64_t> back;
};
Moved moved_last(Layer& l, ValueId x, int64_t axis) {
  const int64_t rank = l.rank(x);
  if (axis < 0 || axis >= rank) throw invalid_model(cat("axis ", axis, " of an input of rank ", rank));
  if (axis == rank - 1) return {x, {}};
  std::vector<int64_t> perm, back(static_cast<size_t>(rank));
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis) perm.push_back(i);
  perm.push_back(axis);
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int64_t>(i);
  return {l.transpose(x, perm), back};
}
void emit_back(Layer& l, ValueId y, const Moved& moved) { l.emit(moved.back.empty() ? y : l.transpose(y, moved.back)); }

void read_batch_norm(Layer& l) {
  const Moved m = moved_last(l, l.x(), single_axis(l, l.rank(l.x())));
  const int64_t channels = l.dim(m.x, -1);
  const bool has_scale = l.flag("scale", true), has_center = l.flag("center", true);
  int64_t at = 0;
  const Tensor gamma = has_scale ? l.weight("gamma", at++, {channels}) : filled({channels}, 1);
  const Tensor beta = has_center ? l.weight("beta", at++, {channels}) : filled({channels}, 0);
  const Tensor mean = l.weight("moving_mean", at, {channels}),
               variance = l.weight("moving_variance", at + 1, {channels});
  emit_back(l,
            l.add(BatchNorm{.epsilon = l.real("epsilon", 1e-3f)},
                  {m.x, l.constant(gamma, "gamma"), l.constant(beta, "beta"), l.constant(mean, "moving_mean"),
                   l.constant(variance, "moving_variance")}),
            m);
}

void read_layer_norm(Layer& l) {
  const int64_t rank = l.rank(l.x());
  std::vector<int64_t> axes;
  if (const Json* axis = l.config.find("axis"); axis && axis->is_array())
    for (const Json& item : axis->as_array()) axes.push_back(item.as_int());
  else
    axes.push_back(l.integer("axis", -1));
  for (int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  std::sort(axes.begin(), axes.end());
  Dims dims;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != rank - static_cast<int64_t>(axes.size() - i))
      throw unsupported("layer normalization over other than the last axes");
    dims.push_back(l.dim(l.x(), axes[i]));
  }
  const bool has_scale = l.flag("scale", true);
  const Tensor gamma = has_scale ? l.weight("gamma", 0, dims) : filled(dims, 1);
  const Tensor beta = l.flag("center", true) ? l.weight("beta", has_scale ? 1 : 0, dims) : filled(dims, 0);
  l.emit(l.add_many(LayerNorm{.axis = axes.front(), .epsilon = l.real("epsilon", 1e-3f)},
                    {l.x(), l.constant(gamma, "gamma"), l.constant(beta, "beta")}, 1)[0]);
}

void read_group_norm(Layer& l) {
  const Moved m = moved_last(l, l.x(), single_axis(l, l.rank(l.x())));
  const int64_t channels = l.dim(m.x, -1), groups = l.integer("groups", 32);
  const bool has_scale = l.flag("scale", true);
  const Tensor gamma = has_scale ? l.weight("gamma", 0, {channels}) : filled({channels}, 1);
  const Tensor beta = l.flag("center", true) ? l.weight("beta", has_scale ? 1 : 0, {channels}) : filled({channels}, 0);
  emit_back(l,
            l.add(GroupNorm{.groups = groups == -1 ? channels : groups, .epsilon = l.real("epsilon", 1e-3f)},
                  {m.x, l.constant(gamma, "gamma"), l.constant(beta, "beta")}),
            m);
}

void read_unit_norm(Layer& l) { l.emit(l.add(L2Normalize{.axis = single_axis(l, l.rank(l.x()))}, {l.x()})); }

ValueId as_float(Layer& l, ValueId x) {
  return is_float(l.graph.type(x).dtype) ? x : l.add(Cast{.to = DType::kF32}, {x});
}

/// A number, or one for each channel.
Tensor reals(const Layer& l, std::string_view key, float otherwise) {
  const Json* value = l.config.find(key);
  if (!value || !value->is_array()) return Tensor::of<float>({}, {l.real(key, otherwise)});
  std::vector<float> all;
  for (const Json& item : value->as_array()) all.push_back(static_cast<float>(item.as_number()));
  return Tensor::of<float>({static_cast<int64_t>(all.size())}, all);
}

void read_rescaling(Layer& l) {
  const ValueId scaled = l.add(Mul{}, {as_float(l, l.x()), l.constant(reals(l, "scale", 1), "scale")});
  l.emit(l.add(Add{}, {scaled, l.constant(reals(l, "offset", 0), "offset")}));
}

/// (x − mean) / max(√variance, 1e-7), adapted values from the weights, given ones from the configuration.
void read_normalization(Layer& l) {
  const Json* given = l.config.find("mean");
  const bool is_given = given && !given->is_null();
  const Tensor mean = is_given ? reals(l, "mean", 0) : l.weight("mean", 0, {-1});
  const Tensor variance = is_given ? reals(l, "variance", 1) : l.weight("variance", 1, {-1});
  Tensor deviation = variance.clone();
  for (float& v : deviation.mutable_data<float>()) v = std::max(std::sqrt(v), 1e-7f);
  const ValueId centered = l.add(Sub{}, {as_float(l, l.x()), l.constant(mean, "mean")});
  l.emit(l.add(Div{}, {centered, l.constant(deviation, "deviation")}));
}

void read_resizing(Layer& l) {
  const std::string how = lower(l.text("interpolation", "bilinear"));
  if (how != "bilinear" && how != "nearest") throw unsupported(cat("interpolation '", how, "'"));
  if (l.flag("crop_to_aspect_ratio", false) || l.flag("pad_to_aspect_ratio", false))
    throw unsupported("resizing that keeps the aspect ratio");
  const Resize op{
      .mode = how == "nearest" ? ResizeMode::nearest : ResizeMode::linear,
      .coordinates = how == "nearest" ? ResizeCoordinates::tf_half_pixel_for_nn : ResizeCoordinates::half_pixel,
      .nearest_mode = NearestMode::floor,
      .axes = {1, 2}};
  const ValueId sizes = l.ints_constant({l.integer("height", 1), l.integer("width", 1)}, "sizes");
  l.emit(l.from_channels_last(l.add(op, {l.to_channels_last(l.x()), {}, {}, sizes})));
}

constexpr LayerRow kRows[] = {
    {"BatchNormalization", read_batch_norm}, {"SyncBatchNormalization", read_batch_norm},
    {"LayerNormalization", read_layer_norm}, {"GroupNormalization", read_group_norm},
    {"UnitNormalization", read_unit_norm},   {"Rescaling", read_rescaling},
    {"Normalization", read_normalization},   {"Resizing", read_resizing},
};

}  // namespace

std::span<const LayerRow> norm_rows() { return kRows; }

}  // namespace hone::keras
