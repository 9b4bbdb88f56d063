#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

void read_batch_norm(NodeReader& r) {
  const BatchNorm op{.epsilon = r.attr_float("epsilon", 1e-5f),
                     .momentum = r.attr_float("momentum", 0.9f),
                     .training = r.opset() >= 14 && r.attr_bool("training_mode", false)};
  if (r.opset() < 9 && !r.attr_bool("spatial", true)) throw unsupported("onnx: BatchNormalization that is not spatial");
  size_t wanted = 1;
  for (size_t i = 1; i < r.output_count(); ++i) wanted = r.wants(i) ? i + 1 : wanted;
  if (wanted > 1 && !op.training) throw unsupported("onnx: BatchNormalization in training mode before operator set 14");
  const auto outputs =
      r.emit_many(op, {r.channels_last(r.in(0)), r.in(1), r.in(2), r.in(3), r.in(4)}, op.training ? wanted : 1);
  r.output(0, r.channels_first(outputs[0]));
  for (size_t i = 1; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

void write_batch_norm(NodeWriter& w) {
  const BatchNorm& op = w.op<BatchNorm>();
  w.use_channels_first();
  AttributeList attributes;
  attributes.add("epsilon", op.epsilon).add("momentum", op.momentum);
  std::vector<std::string> outputs{w.out()};
  if (op.training) attributes.add("training_mode", true);
  for (size_t i = 1; op.training && i < w.output_count(); ++i) outputs.push_back(w.plain_out(i));
  w.emit("BatchNormalization", {w.in(0), w.plain_in(1), w.plain_in(2), w.plain_in(3), w.plain_in(4)},
         std::move(outputs), attributes);
}

void read_instance_norm(NodeReader& r) {
  const InstanceNorm op{.epsilon = r.attr_float("epsilon", 1e-5f)};
  r.output(0, r.channels_first(r.emit(op, {r.channels_last(r.in(0)), r.in(1), r.in(2)})));
}

void write_instance_norm(NodeWriter& w) {
  w.use_channels_first();
  w.emit("InstanceNormalization", {w.in(0), w.plain_in(1), w.plain_in(2)}, {w.out()},
         AttributeList().add("epsilon", w.op<InstanceNorm>().epsilon));
}

/// Operator set 18 scales groups, 21 channels: a group's value is repeated for each of its channels.
ValueId per_channel(NodeReader& r, ValueId values, int64_t groups, const Dim& channels) {
  if (r.opset() >= 21) return values;
  if (!channels.is_known() || groups < 1 || channels.value() % groups != 0)
    throw unsupported("onnx: GroupNormalization of an unknown number of channels");
  const ValueId columns = r.emit(Unsqueeze{}, {values, r.ints({1})});
  const ValueId repeated = r.emit(Expand{}, {columns, r.ints({groups, channels.value() / groups})});
  return r.emit(Reshape{}, {repeated, r.ints({-1})});
}

void read_group_norm(NodeReader& r) {
  const GroupNorm op{.groups = r.attr_int("num_groups"), .epsilon = r.attr_float("epsilon", 1e-5f)};
  if (r.rank(r.in(0)) < 2) throw invalid_model("onnx: GroupNormalization of a tensor without channels");
  const Dim channels = r.type(r.in(0)).shape[1];
  const ValueId scale = per_channel(r, r.in(1), op.groups, channels);
  const ValueId bias = per_channel(r, r.in(2), op.groups, channels);
  r.output(0, r.channels_first(r.emit(op, {r.channels_last(r.in(0)), scale, bias})));
}

/// Operator set 17 has instance normalization only: groups become its instances.
void write_group_norm(NodeWriter& w) {
  const GroupNorm& op = w.op<GroupNorm>();
  w.use_channels_first();
  const int64_t rank = w.rank(0);
  const std::string shape = w.temp("shape"), grouped = w.temp("grouped"), even = w.temp("even"),
                    whole = w.temp("whole");
  const std::string scaled = w.temp("scaled");
  const std::vector<float> ones(static_cast<size_t>(op.groups), 1.0f), zeros(static_cast<size_t>(op.groups), 0.0f);
  w.emit("Shape", {w.in(0)}, {shape});
  w.emit("Reshape", {w.in(0), w.ints({0, op.groups, -1}, "shape")}, {grouped});
  w.emit("InstanceNormalization",
         {grouped, w.constant(Tensor::of<float>({op.groups}, ones), "ones"),
          w.constant(Tensor::of<float>({op.groups}, zeros), "zeros")},
         {even}, AttributeList().add("epsilon", op.epsilon));
  w.emit("Reshape", {even, shape}, {whole});
  std::vector<int64_t> axes;
  for (int64_t axis = 1; axis < rank - 1; ++axis) axes.push_back(axis);
  std::string operands[2];
  for (size_t i = 0; i < 2; ++i) {
    operands[i] = w.temp("per_channel");
    w.emit("Unsqueeze", {w.plain_in(i + 1), w.ints(axes, "axes")}, {operands[i]});
  }
  w.emit("Mul", {whole, operands[0]}, {scaled});
  w.emit("Add", {scaled, operands[1]}, {w.out()});
}

void read_layer_norm(NodeReader& r) {
  const LayerNorm op{.axis = r.attr_int("axis", -1), .epsilon = r.attr_float("epsilon", 1e-5f)};
  const auto outputs = r.emit_many(op, {r.in(0), r.in(1), r.maybe(2)}, r.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

/// RMSNormalization, and what ONNX Runtime saves under ONNX's own domain: x / √(mean x² over the axes from `axis` on +
/// epsilon) · scale.
void read_simplified_layer_norm(NodeReader& r) {
  const ValueId x = r.in(0);
  std::vector<int64_t> axes;
  for (int64_t axis = normalize_axis(r.attr_int("axis", -1), r.rank(x), "axis"); axis < r.rank(x); ++axis)
    axes.push_back(axis);
  const ValueId mean = r.emit(ReduceMean{.keepdims = true}, {r.emit(Mul{}, {x, x}), r.ints(std::move(axes))});
  const ValueId epsilon = r.scalar_like(x, static_cast<double>(r.attr_float("epsilon", 1e-5f)));
  const ValueId inverse = r.emit(Rsqrt{}, {r.emit(Add{}, {mean, epsilon})});
  r.output(0, r.emit(Mul{}, {r.emit(Mul{}, {x, inverse}), r.in(1)}));
  r.output(1, inverse);
}

void read_lrn(NodeReader& r) {
  Lrn op;
  read_fields(r, attr_type<Lrn>(), &op);
  r.output(0, r.channels_first(r.emit(op, {r.channels_last(r.in(0))})));
}

void write_lrn(NodeWriter& w) {
  w.use_channels_first();
  w.emit("LRN", {w.in(0)}, {w.out()}, same_attributes(w.node()));
}

void write_l2_normalize(NodeWriter& w) {
  const L2Normalize& op = w.op<L2Normalize>();
  const std::string norm = w.temp("norm"), floor = w.temp("floor");
  if (w.opset() < 18)
    w.emit("ReduceL2", {w.plain_in(0)}, {norm}, AttributeList().add("axes", std::vector<int64_t>{op.axis}));
  else
    w.emit("ReduceL2", {w.plain_in(0), w.ints({op.axis}, "axes")}, {norm});
  w.emit("Max", {norm, w.scalar(w.type(0).logical_dtype(), op.epsilon, "epsilon")}, {floor});
  w.emit("Div", {w.plain_in(0), floor}, {w.plain_out()});
}

void read_mean_variance(NodeReader& r) {
  MeanVarianceNormalize op{.axes = r.attr_ints("axes")};
  if (op.axes.empty()) op.axes = {0, 2, 3};
  r.output(0, r.emit(std::move(op), {r.in(0)}));
}

/// Before operator set 13 the tensor was seen as a matrix: all axes from `axis` on are one.
template <class Op>
void read_softmax(NodeReader& r) {
  const ValueId x = r.in(0);
  const int64_t axis = r.attr_int("axis", r.opset() < 13 ? 1 : -1);
  const bool is_last = axis == -1 || (r.has_rank(x) && axis == r.rank(x) - 1);
  if (r.opset() >= 13 || is_last) return r.output(0, r.emit(Op{.axis = axis}, {x}));
  const ValueId flat = r.emit(Flatten{.axis = axis}, {x});
  const ValueId y = r.emit(Op{.axis = -1}, {flat});
  const Shape& shape = r.type(x).shape;
  const ValueId dims = shape.is_static() ? r.ints(shape.dims()) : r.emit(ShapeOf{}, {x});
  r.output(0, r.emit(Reshape{}, {y, dims}));
}

template <class Op>
void write_softmax(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  w.try_channels_first();
  std::string x = w.in(0);
  if constexpr (requires { op.beta; }) {
    if (op.beta != 1) {
      const std::string scaled = w.temp("scaled");
      w.emit("Mul", {x, w.scalar(w.type(0).logical_dtype(), op.beta, "beta")}, {scaled});
      x = scaled;
    }
  }
  w.emit(name, {x}, {w.out()},
         AttributeList().add("axis", w.is_channels_first() ? w.map_axis(op.axis, w.rank(0)) : op.axis));
}

template <class Op>
void read_loss(NodeReader& r) {
  Op op;
  read_fields(r, attr_type<Op>(), &op);
  op.has_ignore_index = r.has_attr("ignore_index");
  const auto outputs = r.emit_many(op, r.inputs(), r.output_count());
  for (size_t i = 0; i < outputs.size(); ++i) r.output(i, outputs[i]);
}

template <class Op>
void write_loss(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  AttributeList attributes;
  attributes.add("reduction", kLossReductionNames[static_cast<int>(op.reduction)]);
  if (op.has_ignore_index) attributes.add("ignore_index", op.ignore_index);
  w.emit(name, w.all_in(), w.all_out(), attributes);
}

constexpr Row kRows[] = {
    {"BatchNormalization", 1, kNewestOpset, read_batch_norm, &BatchNorm::def, write_batch_norm},
    {"InstanceNormalization", 1, kNewestOpset, read_instance_norm, &InstanceNorm::def, write_instance_norm},
    {"GroupNormalization", 18, kNewestOpset, read_group_norm, &GroupNorm::def, write_group_norm},
    {"LayerNormalization", 1, kNewestOpset, read_layer_norm, &LayerNorm::def, write_same},
    {"RMSNormalization", 23, kNewestOpset, read_simplified_layer_norm},
    {"SimplifiedLayerNormalization", 1, kNewestOpset, read_simplified_layer_norm},
    {"LRN", 1, kNewestOpset, read_lrn, &Lrn::def, write_lrn},
    {"", 1, 0, nullptr, &L2Normalize::def, write_l2_normalize},
    same<LpNormalize>("LpNormalization"),
    {"MeanVarianceNormalization", 1, kNewestOpset, read_mean_variance, &MeanVarianceNormalize::def, write_same},
    {"Softmax", 1, kNewestOpset, read_softmax<Softmax>, &Softmax::def,
     [](NodeWriter& w) { write_softmax<Softmax>(w, "Softmax"); }},
    {"LogSoftmax", 1, kNewestOpset, read_softmax<LogSoftmax>, &LogSoftmax::def,
     [](NodeWriter& w) { write_softmax<LogSoftmax>(w, "LogSoftmax"); }},
    {"Hardmax", 1, kNewestOpset, read_softmax<Hardmax>, &Hardmax::def,
     [](NodeWriter& w) { write_softmax<Hardmax>(w, "Hardmax"); }},
    {"NegativeLogLikelihoodLoss", 1, kNewestOpset, read_loss<NllLoss>, &NllLoss::def,
     [](NodeWriter& w) { write_loss<NllLoss>(w, "NegativeLogLikelihoodLoss"); }},
    {"SoftmaxCrossEntropyLoss", 1, kNewestOpset, read_loss<SoftmaxCrossEntropyLoss>, &SoftmaxCrossEntropyLoss::def,
     [](NodeWriter& w) { write_loss<SoftmaxCrossEntropyLoss>(w, "SoftmaxCrossEntropyLoss"); }},
};

}  // namespace

std::span<const Row> norm_rows() { return kRows; }

}  // namespace hone::onnx
