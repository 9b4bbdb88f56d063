#include "base/error.h"
#include "base/text.h"
#include "formats/torch/call.h"
#include "formats/torch/storage.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/unary.h"

namespace hone::torch {

namespace {

ValueId filled(Call& n, std::string_view key, int64_t count, float value) {
  if (n.has(key)) return n.x(key);
  Tensor all = Tensor::empty(DType::kF32, {count});
  for (float& v : all.mutable_data<float>()) v = value;
  return n.add_constant(std::move(all));
}

void read_batch_norm(Call& n) {
  const ValueId x = n.x();
  if (n.flag("training") || !n.has("running_mean") || !n.has("running_var"))
    throw unsupported("batch normalization in training", "call model.eval() before saving");
  const int64_t channels = n.dim(x, 1);
  const ValueId y = n.add(BatchNorm{.epsilon = static_cast<float>(n.real("eps"))},
                          {n.to_channels_last(x), filled(n, "weight", channels, 1), filled(n, "bias", channels, 0),
                           n.x("running_mean"), n.x("running_var")});
  n.emit(n.from_channels_last(y));
}
void read_instance_norm(Call& n) {
  const ValueId x = n.x();
  if (!n.flag("use_input_stats")) throw unsupported("instance normalization with running statistics");
  const int64_t channels = n.dim(x, 1);
  n.emit(n.from_channels_last(
      n.add(InstanceNorm{.epsilon = static_cast<float>(n.real("eps"))},
            {n.to_channels_last(x), filled(n, "weight", channels, 1), filled(n, "bias", channels, 0)})));
}
void read_group_norm(Call& n) {
  const ValueId x = n.x();
  const int64_t channels = n.dim(x, 1);
  const GroupNorm op{.groups = n.integer("num_groups"), .epsilon = static_cast<float>(n.real("eps"))};
  n.emit(n.from_channels_last(
      n.add(op, {n.to_channels_last(x), filled(n, "weight", channels, 1), filled(n, "bias", channels, 0)})));
}

void read_layer_norm(Call& n) {
  const ValueId x = n.x();
  const std::vector<int64_t> over = n.ints("normalized_shape");
  Tensor ones = Tensor::empty(DType::kF32, Dims(over));
  for (float& v : ones.mutable_data<float>()) v = 1;
  std::vector<ValueId> inputs{x, n.has("weight") ? n.x("weight") : n.add_constant(std::move(ones))};
  if (n.has("bias")) inputs.push_back(n.x("bias"));
  n.emit(n.add(LayerNorm{.axis = -static_cast<int64_t>(over.size()), .epsilon = static_cast<float>(n.real("eps"))},
               inputs));
}
/// (y, mean, 1/std), of which programs for inference use the first.
void read_native_layer_norm(Call& n) {
  read_layer_norm(n);
  n.result = n.heap.list({n.result, Value{}, Value{}}, true);
}
void read_native_batch_norm(Call& n) {
  read_batch_norm(n);
  n.result = n.heap.list({n.result, Value{}, Value{}}, true);
}
/// x / √(mean of x² + eps) · weight.
void read_rms_norm(Call& n) {
  const ValueId x = n.x();
  std::vector<int64_t> axes;
  for (size_t i = n.ints("normalized_shape").size(); i > 0; --i) axes.push_back(-static_cast<int64_t>(i));
  const ValueId mean = n.add(ReduceMean{}, {n.add(Mul{}, {x, x}), n.ints_value(axes)});
  const double eps = n.has("eps") ? n.real("eps") : 1.1920928955078125e-07;
  const ValueId y = n.add(Mul{}, {x, n.add(Rsqrt{}, {n.add(Add{}, {mean, n.scalar(eps, n.dtype(x))})})});
  n.emit(n.has("weight") ? n.add(Mul{}, {y, n.x("weight")}) : y);
}

ValueId typed(Call& n) {
  const ValueId x = n.x();
  return n.has("dtype") ? n.cast(x, dtype_of(n.integer("dtype"))) : x;
}
void read_softmax(Call& n) {
  const ValueId x = typed(n);
  n.emit(n.add(Softmax{.axis = n.axis("dim", n.rank(x))}, {x}));
}
void read_log_softmax(Call& n) {
  const ValueId x = typed(n);
  n.emit(n.add(LogSoftmax{.axis = n.axis("dim", n.rank(x))}, {x}));
}

/// Σ a·b / max(‖a‖·‖b‖, eps).
void read_cosine_similarity(Call& n) {
  const ValueId a = n.x("x1"), b = n.x("x2");
  const int64_t axis = n.axis("dim", n.rank(a));
  const ValueId axes = n.ints_value({axis});
  const ValueId dot = n.add(ReduceSum{.keepdims = false}, {n.add(Mul{}, {a, b}), axes});
  const ValueId sizes =
      n.add(Mul{}, {n.add(ReduceL2{.keepdims = false}, {a, axes}), n.add(ReduceL2{.keepdims = false}, {b, axes})});
  n.emit(n.add(Div{}, {dot, n.add(Maximum{}, {sizes, n.scalar(n.real("eps"), n.dtype(a))})}));
}

constexpr std::string_view kBatch =
    "self weight bias running_mean running_var training momentum eps cudnn_enabled=True";
constexpr std::string_view kLayer = "self normalized_shape weight=None bias=None eps=1e-05 cudnn_enable=True";
constexpr std::string_view kSoft = "self dim dtype=None";

constexpr OpRow kRows[] = {
    {"batch_norm", kBatch, read_batch_norm},
    {"native_batch_norm", kBatch, read_native_batch_norm},
    {"instance_norm", "self weight bias running_mean running_var use_input_stats momentum eps cudnn_enabled=True",
     read_instance_norm},
    {"group_norm", "self num_groups weight=None bias=None eps=1e-05 cudnn_enabled=True", read_group_norm},
    {"layer_norm", kLayer, read_layer_norm},
    {"native_layer_norm", kLayer, read_native_layer_norm},
    {"rms_norm", "self normalized_shape weight=None eps=None", read_rms_norm},
    {"softmax", kSoft, read_softmax},
    {"_softmax", "self dim half_to_float=False dtype=None", read_softmax},
    {"log_softmax", kSoft, read_log_softmax},
    {"_log_softmax", "self dim half_to_float=False dtype=None", read_log_softmax},
    {"cosine_similarity", "x1 x2 dim=1 eps=1e-08", read_cosine_similarity},
};

}  // namespace

std::span<const OpRow> norm_rows() { return kRows; }

}  // namespace hone::torch
