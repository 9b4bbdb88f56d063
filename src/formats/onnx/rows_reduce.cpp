#include "base/text.h"
#include "formats/onnx/rows.h"
#include "ops/pool.h"
#include "ops/reduce.h"

namespace hone::onnx {

namespace {

template <class Op>
void read_reduce(NodeReader& r) {
  const Op op{.keepdims = r.attr_bool("keepdims", true),
              .noop_with_empty_axes = r.attr_bool("noop_with_empty_axes", false)};
  const ValueId axes = r.has_attr("axes") ? r.ints(r.attr_ints("axes")) : r.maybe(1);
  r.output(0, r.emit(op, {r.in(0), axes}));
}

/// Global pooling reduces every axis after the channels: no layout is involved.
template <class Op>
void read_global(NodeReader& r) {
  std::vector<int64_t> axes;
  for (int64_t axis = 2; axis < r.rank(r.in(0)); ++axis) axes.push_back(axis);
  r.output(0, r.emit(Op{.keepdims = true}, {r.in(0), r.ints(std::move(axes))}));
}

void read_global_lp(NodeReader& r) {
  const int64_t p = r.attr_int("p", 2);
  if (p == 1) return read_global<ReduceL1>(r);
  if (p == 2) return read_global<ReduceL2>(r);
  const Shape& shape = r.type(r.in(0)).shape;
  LpPool op{.p = p};
  for (int64_t axis = 2; axis < r.rank(r.in(0)); ++axis) {
    if (!shape[axis].is_known()) throw unsupported(cat("onnx: GlobalLpPool of norm ", p, " over an unknown size"));
    op.kernel.push_back(shape[axis].value());
  }
  r.output(0, r.channels_first(r.emit(std::move(op), {r.channels_last(r.in(0))})));
}

struct Reduction {
  std::vector<int64_t> axes;
  bool is_known = true;  ///< axes are constant or all
};

Reduction reduction_of(NodeWriter& w) {
  if (!w.has(1)) return {};
  if (!w.constant(1).exists()) return {{}, false};
  return {w.constant_ints(1), true};
}

bool is_spatial(const std::vector<int64_t>& axes, int64_t rank) {
  if (static_cast<int64_t>(axes.size()) != rank - 2) return false;
  for (int64_t axis = 0; axis < rank - 2; ++axis)
    if (normalize_axis(axes[static_cast<size_t>(axis)], rank, "axis") != axis + 1) return false;
  return rank > 2;
}

/// Each element reduced by itself.
void write_single(NodeWriter& w, std::string_view name) {
  const std::string x = w.plain_in(0);
  if (name == "ReduceSumSquare") return w.emit("Mul", {x, x}, {w.plain_out()});
  w.emit(name == "ReduceL1" || name == "ReduceL2" ? "Abs"
         : name == "ReduceLogSum"                 ? "Log"
                                                  : "Identity",
         {x}, {w.plain_out()});
}

template <class Op>
void write_reduce(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  Reduction reduction = reduction_of(w);
  if (!reduction.is_known && name != "ReduceSum") w.needs(18);
  // In operator set 17 all but one take their axes as an attribute.
  const bool has_input = name == "ReduceSum" || w.opset() >= 18;
  const bool is_noop = reduction.is_known && reduction.axes.empty() && op.noop_with_empty_axes;
  if (is_noop) return write_single(w, name);
  if (w.type(0).logical_dtype() == DType::kBool) w.needs(20);
  AttributeList attributes;
  attributes.add("keepdims", op.keepdims);
  if (!reduction.is_known) attributes.add("noop_with_empty_axes", op.noop_with_empty_axes);
  if (!reduction.is_known) return w.emit(name, {w.plain_in(0), w.ints_in(1)}, {w.plain_out()}, attributes);
  if (op.keepdims && w.try_channels_first()) {
    const int64_t rank = w.rank(0);
    if (is_spatial(reduction.axes, rank) && (name == "ReduceMean" || name == "ReduceMax"))
      return w.emit(name == "ReduceMean" ? "GlobalAveragePool" : "GlobalMaxPool", {w.in(0)}, {w.out()});
    for (int64_t& axis : reduction.axes) axis = w.map_axis(axis, rank);
  }
  std::vector<std::string> inputs{w.in(0)};
  if (!reduction.axes.empty() && has_input) inputs.push_back(w.ints(reduction.axes, "axes"));
  if (!reduction.axes.empty() && !has_input) attributes.add("axes", reduction.axes);
  w.emit(name, std::move(inputs), {w.out()}, attributes);
}

/// any = max and all = min over 0 and 1.
template <class Op>
void write_logical(NodeWriter& w, std::string_view name) {
  const Op& op = w.op<Op>();
  const Reduction reduction = reduction_of(w);
  if (!reduction.is_known) w.needs(18);
  const bool is_all = reduction.is_known && reduction.axes.empty();
  AttributeList attributes;
  attributes.add("keepdims", op.keepdims);
  if (!is_all && w.opset() < 18) attributes.add("axes", reduction.axes);
  const std::string number = w.temp("number"), reduced = w.temp("reduced");
  w.emit("Cast", {w.plain_in(0)}, {number}, AttributeList().add("to", DType::kI32));
  std::vector<std::string> inputs{number};
  if (!is_all && w.opset() >= 18) inputs.push_back(w.ints_in(1));
  w.emit(name, std::move(inputs), {reduced}, attributes);
  w.emit("Cast", {reduced}, {w.plain_out()}, AttributeList().add("to", DType::kBool));
}

template <class Op, FixedString Name>
constexpr Row reduce() {
  return {Op::kName,       1,        kNewestOpset,
          read_reduce<Op>, &Op::def, [](NodeWriter& w) { write_reduce<Op>(w, Name.view()); }};
}

constexpr Row kRows[] = {
    reduce<ReduceSum, "ReduceSum">(),
    reduce<ReduceMean, "ReduceMean">(),
    reduce<ReduceMax, "ReduceMax">(),
    reduce<ReduceMin, "ReduceMin">(),
    reduce<ReduceProd, "ReduceProd">(),
    reduce<ReduceL1, "ReduceL1">(),
    reduce<ReduceL2, "ReduceL2">(),
    reduce<ReduceLogSum, "ReduceLogSum">(),
    reduce<ReduceLogSumExp, "ReduceLogSumExp">(),
    reduce<ReduceSumSquare, "ReduceSumSquare">(),
    {"", 1, 0, nullptr, &ReduceAny::def, [](NodeWriter& w) { write_logical<ReduceAny>(w, "ReduceMax"); }},
    {"", 1, 0, nullptr, &ReduceAll::def, [](NodeWriter& w) { write_logical<ReduceAll>(w, "ReduceMin"); }},
    {"GlobalAveragePool", 1, kNewestOpset, read_global<ReduceMean>},
    {"GlobalMaxPool", 1, kNewestOpset, read_global<ReduceMax>},
    {"GlobalLpPool", 1, kNewestOpset, read_global_lp},
};

}  // namespace

std::span<const Row> reduce_rows() { return kRows; }

}  // namespace hone::onnx
