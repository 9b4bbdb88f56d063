#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/keras/layer.h"
#include "ops/binary.h"
#include "ops/norm.h"
#include "ops/unary.h"

namespace hone::keras {

namespace {

template <class Op>
ValueId plain(Layer& l, ValueId x) {
  return l.add(Op{}, {x});
}

/// Keras 2: clamp(0.2·x + 0.5, 0, 1); Keras 3: relu6(x + 3) / 6.
ValueId hard_sigmoid(Layer& l, ValueId x) {
  return l.add(HardSigmoid{.alpha = l.version >= 3 ? 1.0f / 6 : 0.2f, .beta = 0.5f}, {x});
}

ValueId silu(Layer& l, ValueId x) { return l.add(Mul{}, {x, l.add(Sigmoid{}, {x})}); }
ValueId relu6(Layer& l, ValueId x) { return l.add(Clamp{.min = 0, .max = 6}, {x}); }
ValueId softmax(Layer& l, ValueId x) { return l.add(Softmax{}, {x}); }
ValueId leaky(Layer& l, ValueId x) { return l.add(LeakyRelu{.alpha = 0.2f}, {x}); }
ValueId linear(Layer&, ValueId x) { return x; }

struct Function {
  std::string_view name;
  ValueId (*apply)(Layer&, ValueId);
};
constexpr Function kFunctions[] = {
    {"linear", linear},
    {"relu", plain<Relu>},
    {"relu6", relu6},
    {"sigmoid", plain<Sigmoid>},
    {"hard_sigmoid", hard_sigmoid},
    {"tanh", plain<Tanh>},
    {"softmax", softmax},
    {"log_softmax", plain<LogSoftmax>},
    {"softplus", plain<Softplus>},
    {"softsign", plain<Softsign>},
    {"selu", plain<Selu>},
    {"elu", plain<Elu>},
    {"celu", plain<Celu>},
    {"exponential", plain<Exp>},
    {"swish", silu},
    {"silu", silu},
    {"gelu", plain<Gelu>},
    {"mish", plain<Mish>},
    {"leaky_relu", leaky},
    {"hard_silu", plain<HardSwish>},
    {"hard_swish", plain<HardSwish>},
};

void read_activation(Layer& l) { l.emit(l.activated(l.x())); }

/// max_value, negative_slope and threshold: x ≥ max: max; x ≥ threshold: x; else slope·(x − threshold).
void read_relu(Layer& l) {
  const float slope = l.real("negative_slope", 0), threshold = l.real("threshold", 0);
  const float max = l.real("max_value", std::numeric_limits<float>::infinity());
  if (threshold != 0 && slope != 0) throw unsupported("a ReLU with slope and threshold");
  if (threshold != 0) {
    const ValueId y = l.add(ThresholdedRelu{.alpha = threshold}, {l.x()});
    return l.emit(std::isinf(max) ? y : l.add(Clamp{.max = max}, {y}));
  }
  if (slope == 0) return l.emit(std::isinf(max) ? l.add(Relu{}, {l.x()}) : l.add(Clamp{.min = 0, .max = max}, {l.x()}));
  const ValueId y = l.add(LeakyRelu{.alpha = slope}, {l.x()});
  l.emit(std::isinf(max) ? y : l.add(Clamp{.max = max}, {y}));
}

void read_leaky_relu(Layer& l) {
  l.emit(l.add(LeakyRelu{.alpha = l.real("negative_slope", l.real("alpha", 0.3f))}, {l.x()}));
}

void read_prelu(Layer& l) {
  const Tensor alpha = l.weight("alpha", 0, Dims(static_cast<size_t>(l.rank(l.x()) - 1), -1));
  l.emit(l.add(PRelu{}, {l.x(), l.constant(alpha, "alpha")}));
}

void read_elu(Layer& l) { l.emit(l.add(Elu{.alpha = l.real("alpha", 1)}, {l.x()})); }
void read_thresholded(Layer& l) { l.emit(l.add(ThresholdedRelu{.alpha = l.real("theta", 1)}, {l.x()})); }

void read_softmax(Layer& l) {
  const Json* axis = l.config.find("axis");
  if (axis && axis->is_array() && axis->as_array().size() != 1) throw unsupported("softmax over several axes");
  l.emit(
      l.add(Softmax{.axis = axis && axis->is_array() ? axis->as_array()[0].as_int() : l.integer("axis", -1)}, {l.x()}));
}

constexpr LayerRow kRows[] = {
    {"Activation", read_activation}, {"ReLU", read_relu}, {"LeakyReLU", read_leaky_relu},
    {"PReLU", read_prelu},           {"ELU", read_elu},   {"ThresholdedReLU", read_thresholded},
    {"Softmax", read_softmax},
};

}  // namespace

std::string activation_name(const Json* activation) {
  for (int depth = 0; activation && activation->is_object() && depth < 4; ++depth) {
    const Json* config = activation->find("config");
    if (const Json* type = activation->find("class_name"); type && type->is_string() && type->as_string() != "function")
      return type->as_string();
    activation = config;
  }
  return !activation || activation->is_null() ? "linear" : activation->as_string();
}

ValueId apply_activation(Layer& layer, ValueId x, const std::string& name) {
  for (const Function& function : kFunctions)
    if (function.name == name) return function.apply(layer, x);
  std::vector<std::string> known;
  for (const Function& function : kFunctions) known.emplace_back(function.name);
  throw unsupported(cat("activation '", name, "'"), cat("hone knows ", join(known, ", ")));
}

std::span<const LayerRow> activation_rows() { return kRows; }

}  // namespace hone::keras
