#include "base/text.h"
#include "formats/onnx/kernels.h"
#include "formats/onnx/rows.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

void write_shape_of(NodeWriter& w) {
  const ShapeOf& op = w.op<ShapeOf>();
  AttributeList attributes;
  if (op.start != 0) attributes.add("start", op.start);
  if (op.end != ShapeOf{}.end) attributes.add("end", op.end);
  if (op.dtype == DType::kI64) return w.emit("Shape", {w.plain_in(0)}, {w.plain_out()}, attributes);
  const std::string wide = w.temp("shape");
  w.emit("Shape", {w.plain_in(0)}, {wide}, attributes);
  w.emit("Cast", {wide}, {w.plain_out()}, AttributeList().add("to", op.dtype));
}

void read_constant_of_shape(NodeReader& r) {
  r.output(0, r.emit(ConstantOfShape{.value = r.attr_tensor("value")}, {r.in(0)}));
}

void write_constant_of_shape(NodeWriter& w) {
  AttributeList attributes;
  const Tensor& value = w.op<ConstantOfShape>().value;
  if (value.exists()) attributes.add("value", value.reshaped({1}));
  w.emit("ConstantOfShape", {w.ints_in(0)}, {w.plain_out()}, attributes);
}

void write_fill(NodeWriter& w) { w.emit("Expand", {w.plain_in(1), w.ints_in(0)}, {w.plain_out()}); }

template <class Op>
void read_typed(NodeReader& r) {
  Op op;
  read_fields(r, attr_type<Op>(), &op);
  op.has_dtype = r.has_attr("dtype");
  if constexpr (requires { op.has_seed; }) op.has_seed = r.has_attr("seed");
  r.output(0, r.emit(std::move(op), r.inputs()));
}

template <class Op>
void read_random(NodeReader& r) {
  Op op;
  read_fields(r, attr_type<Op>(), &op);
  op.has_seed = r.has_attr("seed");
  r.output(0, r.emit(std::move(op), r.inputs()));
}

/// Fields under their own names but the has_… ones, which say whether another is there.
void write_optional(NodeWriter& w) {
  const void* op = w.node().attrs.value();
  AttributeList attributes;
  bool has_dtype = true, has_seed = true;
  for (const FieldInfo& field : w.node().attrs.type().fields) {
    const void* at = field.address(const_cast<void*>(op));
    if (field.name == "has_dtype") has_dtype = *static_cast<const bool*>(at);
    if (field.name == "has_seed") has_seed = *static_cast<const bool*>(at);
  }
  for (const FieldInfo& field : w.node().attrs.type().fields) {
    if (field.name.starts_with("has_") || (field.name == "dtype" && !has_dtype) || (field.name == "seed" && !has_seed))
      continue;
    add_field(attributes, field, op);
  }
  w.emit(w.op_name(), w.all_in(), {w.plain_out()}, attributes);
}

template <class Op>
void write_arg(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  AttributeList attributes;
  attributes.add("axis", op.axis).add("keepdims", op.keepdims).add("select_last_index", op.select_last_index);
  if (op.dtype == DType::kI64) return w.emit(name, {w.plain_in(0)}, {w.plain_out()}, attributes);
  const std::string wide = w.temp("index");
  w.emit(name, {w.plain_in(0)}, {wide}, attributes);
  w.emit("Cast", {wide}, {w.plain_out()}, AttributeList().add("to", op.dtype));
}

/// Indices and depth count, whatever type they have; the runtime takes them as i64 with every type of values.
void write_one_hot(NodeWriter& w) {
  w.emit("OneHot", {w.ints_in(0), w.ints_in(1), w.plain_in(2)}, {w.plain_out()}, same_attributes(w.node()));
}

void read_constant(NodeReader& r) {
  const std::vector<int64_t> ints = r.attr_ints("value_ints");
  const std::vector<float> floats = r.attr_floats("value_floats");
  Tensor value = r.attr_tensor(r.has_attr("sparse_value") ? "sparse_value" : "value");
  if (r.has_attr("value_int")) value = Tensor::scalar<int64_t>(r.attr_int("value_int"));
  if (r.has_attr("value_float")) value = Tensor::scalar<float>(r.attr_float("value_float", 0));
  if (r.has_attr("value_ints")) value = Tensor::of<int64_t>({static_cast<int64_t>(ints.size())}, ints);
  if (r.has_attr("value_floats")) value = Tensor::of<float>({static_cast<int64_t>(floats.size())}, floats);
  if (!value.exists()) throw unsupported("onnx: constant without a number in it");
  r.output(0, r.constant(std::move(value)));
}

void write_non_zero(NodeWriter& w) {
  if (w.type(0).shape.has_rank() && w.type(0).shape.rank() == 0)
    throw unsupported(cat("onnx: ", kRuntime, " gives another shape for NonZero of a scalar"));
  write_same(w);
}

constexpr Row kRows[] = {
    {"Constant", 1, kNewestOpset, read_constant},
    {"Shape", 1, kNewestOpset, read_same<ShapeOf>, &ShapeOf::def, write_shape_of},
    same<Size>("Size"),
    same<Range>("Range"),
    {"ConstantOfShape", 1, kNewestOpset, read_constant_of_shape, &ConstantOfShape::def, write_constant_of_shape},
    {"", 1, 0, nullptr, &Fill::def, write_fill},
    {"EyeLike", 1, kNewestOpset, read_typed<EyeLike>, &EyeLike::def, write_optional},
    {"NonZero", 1, kNewestOpset, read_same<NonZero>, &NonZero::def, write_non_zero},
    {"OneHot", 1, kNewestOpset, read_same<OneHot>, &OneHot::def, write_one_hot},
    {"ArgMax", 1, kNewestOpset, read_same<ArgMax>, &ArgMax::def, [](NodeWriter& w) { write_arg<ArgMax>(w, "ArgMax"); }},
    {"ArgMin", 1, kNewestOpset, read_same<ArgMin>, &ArgMin::def, [](NodeWriter& w) { write_arg<ArgMin>(w, "ArgMin"); }},
    same<CumSum>("CumSum"),
    {"RandomNormal", 1, kNewestOpset, read_random<RandomNormal>, &RandomNormal::def, write_optional},
    {"RandomUniform", 1, kNewestOpset, read_random<RandomUniform>, &RandomUniform::def, write_optional},
    {"RandomNormalLike", 1, kNewestOpset, read_typed<RandomNormalLike>, &RandomNormalLike::def, write_optional},
    {"RandomUniformLike", 1, kNewestOpset, read_typed<RandomUniformLike>, &RandomUniformLike::def, write_optional},
    {"Bernoulli", 1, kNewestOpset, read_typed<Bernoulli>, &Bernoulli::def, write_optional},
    {"Multinomial", 1, kNewestOpset, read_random<Multinomial>, &Multinomial::def, write_optional},
};

}  // namespace

std::span<const Row> shaping_rows() { return kRows; }

}  // namespace hone::onnx
