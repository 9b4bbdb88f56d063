#include "networks.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <random>

#include "base/error.h"
#include "base/text.h"
#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/pool.h"

namespace hone::bench {
namespace {

/// What follows a layer: nothing (numbers of both signs), or a clamp from 0 up.
enum class Act { kNone, kRelu, kRelu6 };

/// Builds a network node by node.
class Builder {
 public:
  Builder(Stored stored, bool is_channels_first) : stored_(stored), is_channels_first_(is_channels_first) {
    graph_.arithmetic = stored == Stored::kF32 ? QuantArithmetic::kFloat : QuantArithmetic::kFixedPoint;
  }

  ValueId input(int64_t h, int64_t w, int64_t c) {
    TensorType type = activation(Act::kNone);
    type.shape = Shape(is_channels_first_ ? Dims{1, c, h, w} : Dims{1, h, w, c});
    const ValueId x = graph_.add_input("x", type);
    return is_channels_first_ ? graph_.add(Transpose{.perm = {0, 2, 3, 1}}, {x}, stored_as(type.quant)) : x;
  }

  struct Layer {
    int64_t out, kernel_h = 1, kernel_w = 1, stride = 1;
    Act act = Act::kNone;
    bool is_depthwise = false, is_padded = true;
  };
  ValueId conv(ValueId x, const Layer& l) {
    const int64_t in = channels(x);
    Conv op{.strides = {l.stride, l.stride}, .groups = l.is_depthwise ? in : 1};
    if (l.is_padded) op.pads = {(l.kernel_h - 1) / 2, (l.kernel_w - 1) / 2, l.kernel_h / 2, l.kernel_w / 2};
    clamp(op, l.act);
    return weighted(op, x, {l.out, l.kernel_h, l.kernel_w, l.is_depthwise ? 1 : in}, l.act);
  }
  ValueId pointwise(ValueId x, int64_t out, Act act = Act::kNone) { return conv(x, {.out = out, .act = act}); }
  ValueId square(ValueId x, int64_t out, int64_t kernel, int64_t stride, Act act = Act::kNone) {
    return conv(x, {.out = out, .kernel_h = kernel, .kernel_w = kernel, .stride = stride, .act = act});
  }
  ValueId depthwise(ValueId x, int64_t kernel, int64_t stride, Act act) {
    return conv(x, {.out = channels(x),
                    .kernel_h = kernel,
                    .kernel_w = kernel,
                    .stride = stride,
                    .act = act,
                    .is_depthwise = true});
  }

  ValueId add(ValueId a, ValueId b, Act act = Act::kNone) {
    Add op;
    clamp(op, act);
    return graph_.add(op, {a, b}, stored_as(activation(act).quant));
  }
  ValueId max_pool(ValueId x, int64_t kernel, int64_t stride, int64_t pad) {
    return graph_.add(MaxPool{.kernel = {kernel, kernel}, .strides = {stride, stride}, .pads = {pad, pad, pad, pad}},
                      {x}, stored_as(graph_.type(x).quant));
  }
  ValueId concat(ValueId a, ValueId b) {
    return graph_.add(Concat{.axis = -1}, {a, b}, stored_as(graph_.type(a).quant));
  }
  ValueId mean(ValueId x) {
    const Dims dims = graph_.type(x).shape.dims();
    return graph_.add(AveragePool{.kernel = {dims[1], dims[2]}}, {x}, stored_as(graph_.type(x).quant));
  }
  ValueId classes(ValueId x, int64_t n) {
    const ValueId average = mean(x);
    return weighted(FullyConnected{}, average, {n, channels(x)}, Act::kNone);
  }
  int64_t channels(ValueId x) const { return graph_.type(x).shape.dims().back(); }

  Graph finish(ValueId y) {
    graph_.set_outputs({y});
    return std::move(graph_);
  }

 private:
  template <class Op>
  static void clamp(Op& op, Act act) {
    if (act != Act::kNone) op.act_min = 0;
    if (act == Act::kRelu6) op.act_max = 6;
  }

  // −6 … 6, or 0 … 6 after a clamp.
  TensorType activation(Act act) const {
    if (stored_ == Stored::kF32) return {DType::kF32, Shape::unranked(), nullptr};
    const bool is_unsigned = stored_ == Stored::kU8;
    const float scale = act == Act::kNone ? 6.0f / 127 : 6.0f / 255;
    const int32_t zero = act == Act::kNone ? (is_unsigned ? 128 : 0) : (is_unsigned ? 0 : -128);
    return {is_unsigned ? DType::kU8 : DType::kI8, Shape::unranked(), QuantParams::per_tensor(scale, zero)};
  }
  AddOptions stored_as(const QuantPtr& quant) const {
    TensorType type = activation(Act::kNone);
    type.quant = quant;
    return {.type = type, .has_type = stored_ != Stored::kF32};
  }

  template <class Op>
  ValueId weighted(const Op& op, ValueId x, const Dims& dims, Act act) {
    const int64_t out = dims[0];
    Tensor w = Tensor::empty(DType::kF32, dims);
    const int64_t fan = w.elements() / out;
    std::normal_distribution<float> d(0, std::sqrt((act == Act::kNone ? 1.0f : 2.0f) / static_cast<float>(fan)));
    for (float& v : w.mutable_data<float>()) v = d(random_);
    Tensor bias = Tensor::zeros(DType::kF32, {out});
    if (stored_ != Stored::kF32) {
      std::vector<float> scales, bias_scales;
      for (int64_t c = 0; c < out; ++c) {
        float largest = 0;
        for (int64_t i = 0; i < fan; ++i) {
          largest = std::max(largest, std::abs(w.data<float>()[static_cast<size_t>(c * fan + i)]));
        }
        scales.push_back(largest / 127);
        bias_scales.push_back(scales.back() * graph_.type(x).quant->scale());
      }
      const std::vector<int32_t> zeros(static_cast<size_t>(out));
      w = quantize(w, DType::kI8, QuantParams::per_channel(scales, zeros, 0));
      bias = Tensor::zeros(DType::kI32, {out}, QuantParams::per_channel(bias_scales, zeros, 0));
    }
    return graph_.add(op, {x, graph_.add_constant(w), graph_.add_constant(bias)}, stored_as(activation(act).quant));
  }

  Stored stored_;
  bool is_channels_first_;
  Graph graph_;
  std::mt19937 random_{7};
};

// Pairs of a depthwise and a pointwise layer (Howard et al. 2017, table 1).
ValueId separable(Builder& b, ValueId x, Act act, std::initializer_list<std::pair<int64_t, int64_t>> layers) {
  for (const auto& [out, stride] : layers) x = b.pointwise(b.depthwise(x, 3, stride, act), out, act);
  return x;
}

ValueId mobilenet_v1(Builder& b) {
  const ValueId x = b.square(b.input(224, 224, 3), 32, 3, 2, Act::kRelu6);
  return b.classes(separable(b, x, Act::kRelu6,
                             {{64, 1},
                              {128, 2},
                              {128, 1},
                              {256, 2},
                              {256, 1},
                              {512, 2},
                              {512, 1},
                              {512, 1},
                              {512, 1},
                              {512, 1},
                              {512, 1},
                              {1024, 2},
                              {1024, 1}}),
                   1000);
}

// Inverted residuals (Sandler et al. 2018, table 2; Tan and Le 2019 for the other).
struct Stage {
  int64_t expansion, out, repeats, stride, kernel = 3;
};

ValueId inverted(Builder& b, std::initializer_list<Stage> stages) {
  ValueId x = b.square(b.input(224, 224, 3), 32, 3, 2, Act::kRelu6);
  for (const Stage& s : stages) {
    for (int64_t i = 0; i < s.repeats; ++i) {
      const int64_t stride = i == 0 ? s.stride : 1;
      const int64_t in = b.channels(x);
      ValueId y = s.expansion == 1 ? x : b.pointwise(x, in * s.expansion, Act::kRelu6);
      y = b.pointwise(b.depthwise(y, s.kernel, stride, Act::kRelu6), s.out);
      x = stride == 1 && in == s.out ? b.add(x, y) : y;
    }
  }
  return b.classes(b.pointwise(x, 1280, Act::kRelu6), 1000);
}

ValueId mobilenet_v2(Builder& b) {
  return inverted(
      b, {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}});
}

ValueId efficientnet_lite0(Builder& b) {
  return inverted(b, {{1, 16, 1, 1},
                      {6, 24, 2, 2},
                      {6, 40, 2, 2, 5},
                      {6, 80, 3, 2},
                      {6, 112, 3, 1, 5},
                      {6, 192, 4, 2, 5},
                      {6, 320, 1, 1}});
}

// Iandola et al. 2016, version 1.1.
ValueId squeezenet(Builder& b) {
  const auto fire = [&](ValueId x, int64_t squeeze, int64_t expand) {
    x = b.pointwise(x, squeeze, Act::kRelu);
    return b.concat(b.pointwise(x, expand, Act::kRelu), b.square(x, expand, 3, 1, Act::kRelu));
  };
  ValueId x = b.conv(b.input(224, 224, 3),
                     {.out = 64, .kernel_h = 3, .kernel_w = 3, .stride = 2, .act = Act::kRelu, .is_padded = false});
  x = fire(fire(b.max_pool(x, 3, 2, 0), 16, 64), 16, 64);
  x = fire(fire(b.max_pool(x, 3, 2, 0), 32, 128), 32, 128);
  x = fire(fire(b.max_pool(x, 3, 2, 0), 48, 192), 48, 192);
  return b.mean(b.pointwise(fire(fire(x, 64, 256), 64, 256), 1000, Act::kRelu));
}

// He et al. 2016, table 1.
ValueId residual(Builder& b, std::initializer_list<int64_t> blocks, bool is_bottleneck) {
  ValueId x = b.max_pool(b.square(b.input(224, 224, 3), 64, 7, 2, Act::kRelu), 3, 2, 1);
  int64_t width = 64;
  for (int64_t repeats : blocks) {
    for (int64_t i = 0; i < repeats; ++i) {
      const int64_t stride = i == 0 && width > 64 ? 2 : 1;
      const int64_t out = is_bottleneck ? 4 * width : width;
      ValueId y = is_bottleneck ? b.pointwise(x, width, Act::kRelu) : x;
      y = b.square(y, width, 3, stride, Act::kRelu);
      y = is_bottleneck ? b.pointwise(y, out) : b.square(y, out, 3, 1);
      const bool is_same = stride == 1 && b.channels(x) == out;
      x = b.add(y, is_same ? x : b.square(x, out, 1, stride), Act::kRelu);
    }
    width *= 2;
  }
  return b.classes(x, 1000);
}

ValueId resnet18(Builder& b) { return residual(b, {2, 2, 2, 2}, false); }
ValueId resnet50(Builder& b) { return residual(b, {3, 4, 6, 3}, true); }

// MLPerf Tiny (Banbury et al. 2021): image classification, keywords, visual wake words, anomaly detection.
ValueId resnet8(Builder& b) {
  ValueId x = b.square(b.input(32, 32, 3), 16, 3, 1, Act::kRelu);
  for (int64_t out : {16, 32, 64}) {
    const int64_t stride = out == 16 ? 1 : 2;
    const ValueId y = b.square(b.square(x, out, 3, stride, Act::kRelu), out, 3, 1);
    x = b.add(y, stride == 1 ? x : b.square(x, out, 1, stride), Act::kRelu);
  }
  return b.classes(x, 10);
}

ValueId ds_cnn(Builder& b) {
  const ValueId x =
      b.conv(b.input(49, 10, 1), {.out = 64, .kernel_h = 10, .kernel_w = 4, .stride = 2, .act = Act::kRelu});
  return b.classes(separable(b, x, Act::kRelu, {{64, 1}, {64, 1}, {64, 1}, {64, 1}}), 12);
}

ValueId vww(Builder& b) {
  const ValueId x = b.square(b.input(96, 96, 3), 8, 3, 2, Act::kRelu);
  return b.classes(separable(b, x, Act::kRelu,
                             {{16, 1},
                              {32, 2},
                              {32, 1},
                              {64, 2},
                              {64, 1},
                              {128, 2},
                              {128, 1},
                              {128, 1},
                              {128, 1},
                              {128, 1},
                              {128, 1},
                              {256, 2},
                              {256, 1}}),
                   2);
}

ValueId ad(Builder& b) {
  ValueId x = b.input(1, 1, 640);
  for (int64_t out : {128, 128, 128, 128, 8, 128, 128, 128, 128}) x = b.pointwise(x, out, Act::kRelu);
  return b.pointwise(x, 640);
}

struct Row {
  std::string_view name;
  ValueId (*build)(Builder&);
};

constexpr Row kRows[] = {{"mobilenet_v1", mobilenet_v1},
                         {"mobilenet_v2", mobilenet_v2},
                         {"efficientnet_lite0", efficientnet_lite0},
                         {"squeezenet", squeezenet},
                         {"resnet18", resnet18},
                         {"resnet50", resnet50},
                         {"resnet8", resnet8},
                         {"ds_cnn", ds_cnn},
                         {"vww", vww},
                         {"ad", ad}};

}  // namespace

std::span<const std::string_view> network_names() {
  static constexpr auto names = [] {
    std::array<std::string_view, std::size(kRows)> out;
    for (size_t i = 0; i < out.size(); ++i) out[i] = kRows[i].name;
    return out;
  }();
  return names;
}

Graph network(std::string_view name, Stored stored, bool is_channels_first) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const Row& r) { return r.name == name; });
  if (row == std::end(kRows)) throw invalid_argument(cat("there is no network '", name, "'"));
  Builder b(stored, is_channels_first);
  return b.finish(row->build(b));
}

}  // namespace hone::bench
