#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/movement.h"
#include "ops/resize.h"

namespace hone::keras {

namespace {

size_t axes_of(const Layer& l) { return static_cast<size_t>(l.type[l.type.find_first_of("123")] - '0'); }

/// Amounts before and after each spatial axis of "padding" or "cropping": one number, one an axis, or pairs.
std::vector<std::pair<int64_t, int64_t>> borders(const Layer& l, std::string_view key) {
  const size_t axes = axes_of(l);
  std::vector<std::pair<int64_t, int64_t>> out;
  const Json* value = l.config.find(key);
  if (!value || value->is_null()) return {axes, {1, 1}};
  if (!value->is_array()) return {axes, {value->as_int(), value->as_int()}};
  const Json::Array& items = value->as_array();
  if (axes == 1 && items.size() == 2 && !items[0].is_array()) return {{items[0].as_int(), items[1].as_int()}};
  if (items.size() != axes) throw invalid_model(cat(key, " has ", items.size(), " entries, expected ", axes));
  for (const Json& item : items) {
    if (!item.is_array()) {
      out.emplace_back(item.as_int(), item.as_int());
    } else if (item.as_array().size() == 2) {
      out.emplace_back(item.as_array()[0].as_int(), item.as_array()[1].as_int());
    } else {
      throw invalid_model(cat(key, ": expected pairs"));
    }
  }
  return out;
}

void read_padding(Layer& l) {
  const ValueId x = l.to_channels_last(l.x());
  const auto amounts = borders(l, "padding");
  std::vector<int64_t> pads(2 * (amounts.size() + 2), 0);
  for (size_t i = 0; i < amounts.size(); ++i) {
    pads[i + 1] = amounts[i].first;
    pads[amounts.size() + 2 + i + 1] = amounts[i].second;
  }
  l.emit(l.from_channels_last(l.add(Pad{}, {x, l.ints_constant(pads, "pads")})));
}

void read_cropping(Layer& l) {
  const ValueId x = l.to_channels_last(l.x());
  std::vector<int64_t> starts, ends, axes;
  for (const auto& [before, after] : borders(l, "cropping")) {
    starts.push_back(before);
    ends.push_back(after == 0 ? std::numeric_limits<int64_t>::max() : -after);
    axes.push_back(static_cast<int64_t>(axes.size()) + 1);
  }
  l.emit(l.from_channels_last(l.add(
      Slice{}, {x, l.ints_constant(starts, "starts"), l.ints_constant(ends, "ends"), l.ints_constant(axes, "axes")})));
}

void read_upsampling(Layer& l) {
  const ValueId x = l.to_channels_last(l.x());
  const std::string how = lower(l.text("interpolation", "nearest"));
  if (how != "nearest" && how != "bilinear") throw unsupported(cat("interpolation '", how, "'"));
  Resize op{.mode = how == "nearest" ? ResizeMode::nearest : ResizeMode::linear,
            .coordinates = how == "nearest" ? ResizeCoordinates::asymmetric : ResizeCoordinates::half_pixel,
            .nearest_mode = NearestMode::floor};
  std::vector<float> scales;
  for (const int64_t factor : l.ints("size", axes_of(l), 2)) {
    op.axes.push_back(static_cast<int64_t>(op.axes.size()) + 1);
    scales.push_back(static_cast<float>(factor));
  }
  const Tensor factors = Tensor::of<float>({static_cast<int64_t>(scales.size())}, scales);
  l.emit(l.from_channels_last(l.add(op, {x, {}, l.constant(factors, "scales")})));
}

void read_flatten(Layer& l) {
  if (l.rank(l.x()) == 1) return l.emit(l.reshape(l.x(), {0, 1}));
  l.emit(l.add(Flatten{}, {l.to_channels_last(l.x())}));
}

void read_reshape(Layer& l) {
  const Json* target = l.config.find("target_shape");
  if (!target) throw invalid_model("has no target_shape");
  std::vector<int64_t> dims{0};
  for (const Json& item : target->as_array()) dims.push_back(item.is_null() ? -1 : item.as_int());
  l.emit(l.reshape(l.x(), dims));
}

void read_permute(Layer& l) {
  const Json* dims = l.config.find("dims");
  if (!dims) throw invalid_model("has no dims");
  std::vector<int64_t> perm{0};
  for (const Json& item : dims->as_array()) perm.push_back(item.as_int());
  l.emit(l.transpose(l.x(), perm));
}

void read_repeat(Layer& l) {
  const ValueId wide = l.add(Unsqueeze{}, {l.x(), l.ints_constant({1}, "axes")});
  l.emit(l.add(Tile{}, {wide, l.ints_constant({1, l.integer("n", 1), 1}, "repeats")}));
}

void read_center_crop(Layer& l) {
  const ValueId x = l.to_channels_last(l.x());
  std::vector<int64_t> starts, ends;
  for (const auto& [axis, key] : {std::pair<int64_t, const char*>{1, "height"}, {2, "width"}}) {
    const int64_t have = l.dim(x, axis), want = l.integer(key, 1);
    if (want > have) throw unsupported("a crop larger than the image, which resizes it first");
    starts.push_back((have - want) / 2);
    ends.push_back(starts.back() + want);
  }
  l.emit(l.from_channels_last(l.add(Slice{}, {x, l.ints_constant(starts, "starts"), l.ints_constant(ends, "ends"),
                                              l.ints_constant({1, 2}, "axes")})));
}

constexpr LayerRow kRows[] = {
    {"ZeroPadding1D", read_padding},   {"ZeroPadding2D", read_padding},   {"ZeroPadding3D", read_padding},
    {"Cropping1D", read_cropping},     {"Cropping2D", read_cropping},     {"Cropping3D", read_cropping},
    {"UpSampling1D", read_upsampling}, {"UpSampling2D", read_upsampling}, {"UpSampling3D", read_upsampling},
    {"Flatten", read_flatten},         {"Reshape", read_reshape},         {"Permute", read_permute},
    {"RepeatVector", read_repeat},     {"CenterCrop", read_center_crop},
};

}  // namespace

std::span<const LayerRow> shape_rows() { return kRows; }

}  // namespace hone::keras
