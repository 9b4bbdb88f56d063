#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "formats/torch/value.h"
#include "ir/graph.h"

namespace hone::torch {

/// Says that an input of the model, whose dtype the file does not tell, must have this one.
struct InputDType {
  ValueId input;
  DType dtype;
};

struct OpRow;

/// One call of an operator, as the read function of its row sees it. What it throws is framed with operator and module.
class Call {
  template <class Body>
  auto framed(std::string_view key, Body&& body) const {
    return with_context([&] { return "in argument '" + std::string(key) + "'"; }, std::forward<Body>(body));
  }

 public:
  Call(Graph& graph_, Heap& heap_, const OpRow& row_, std::string name_, std::vector<Value> args_);

  Graph& graph;
  Heap& heap;
  const OpRow& row;
  std::string name;  ///< "features.0/conv2d"
  Value result = {};

  /// Argument by its name in the row's signature.
  const Value& arg(std::string_view key) const;
  bool has(std::string_view key) const { return !is_none(arg(key)); }
  bool is_tensor(std::string_view key) const { return is<Cell*>(arg(key)); }
  int64_t integer(std::string_view key) const {
    return framed(key, [&] { return to_int(arg(key)); });
  }
  double real(std::string_view key) const {
    return framed(key, [&] { return to_real(arg(key)); });
  }
  bool flag(std::string_view key) const {
    return framed(key, [&] { return to_flag(arg(key)); });
  }
  /// A list of integers, or one for all of `count`.
  std::vector<int64_t> ints(std::string_view key, size_t count = 0) const;

  /// A tensor, or a number as one of rank 0.
  ValueId x(std::string_view key = "self");
  ValueId value(const Value& value);
  std::vector<ValueId> tensors(std::string_view key);
  /// Integers to index with; an input that only said nothing of its dtype becomes i64. Of masks likewise: bool.
  ValueId indices(const Value& value);
  ValueId mask(std::string_view key);
  /// Integers, some of which may be known only at run time: i64[n].
  ValueId dims_value(const std::vector<Value>& dims);

  const TensorType& type(ValueId id) const { return graph.type(id); }
  DType dtype(ValueId id) const { return type(id).logical_dtype(); }
  /// Throw Error(unsupported) when unknown.
  int64_t rank(ValueId id) const;
  int64_t dim(ValueId id, int64_t axis) const;
  /// An axis argument counted from the front.
  int64_t axis(std::string_view key, int64_t rank) const;
  /// Null unless the value is known while reading.
  const Tensor* constant(ValueId id) const;

  template <class Op>
  ValueId add(Op op, std::vector<ValueId> inputs) {
    return add_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), 1)[0];
  }
  template <class Op>
  std::vector<ValueId> add_many(Op op, std::vector<ValueId> inputs, size_t outputs) {
    return add_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), outputs);
  }
  /// What the program makes is counted, unlike the weights that it reads.
  ValueId add_constant(Tensor value) {
    heap.spend(value.byte_size());
    return graph.add_constant(std::move(value), name + "/constant");
  }
  /// With a result stored as integers.
  template <class Op>
  ValueId add_stored(Op op, std::vector<ValueId> inputs, DType dtype, const QuantPtr& quant) {
    return add_spec(Op::def, Attrs::of(std::move(op)), std::move(inputs), 1, {{dtype, Shape::unranked(), quant}})[0];
  }
  ValueId ints_value(const std::vector<int64_t>& values);
  ValueId scalar(double value, DType dtype);
  void emit(ValueId id);
  void emit_all(const std::vector<ValueId>& ids, bool is_tuple = true);
  Value tensor_value(ValueId id);

  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  ValueId reshape(ValueId x, const std::vector<int64_t>& dims);
  ValueId cast(ValueId x, DType to);
  /// [N, C, s…] → [N, s…, C] and back.
  ValueId to_channels_last(ValueId x);
  ValueId from_channels_last(ValueId x);
  /// That torch computes in: arrays before single numbers, floats before integers before booleans.
  DType common_dtype(std::span<const Value> values);
  std::pair<ValueId, ValueId> promoted(const Value& a, const Value& b);

 private:
  std::vector<ValueId> add_spec(const OpDef& def, Attrs attrs, std::vector<ValueId> inputs, size_t outputs,
                                std::vector<TensorType> stored = {});
  std::vector<ValueId> folded(NodeId id);

  std::vector<Value> args_;
};

/// How an operator of torch is said in canonical ones.
struct OpRow {
  std::string_view name;       ///< "conv2d" of aten, "quantized.linear" of others
  std::string_view signature;  ///< "input weight bias=None stride=1": arguments in order with what they are by default
  void (*read)(Call&);
  bool is_view = false;  ///< its results are parts of its first argument
};
std::span<const OpRow> binary_rows();
std::span<const OpRow> unary_rows();
std::span<const OpRow> spatial_rows();
std::span<const OpRow> movement_rows();
std::span<const OpRow> index_rows();
std::span<const OpRow> matrix_rows();
std::span<const OpRow> reduce_rows();
std::span<const OpRow> norm_rows();
std::span<const OpRow> making_rows();
std::span<const OpRow> recurrent_rows();
std::span<const OpRow> quantized_rows();
/// The row of an operator, or null.
const OpRow* find_row(std::string_view name);

/// The arguments of a call in the order of a row's signature. Throws Error(unsupported) for one that it does not know.
std::vector<Value> bind_arguments(const OpRow& row, Heap& heap, const std::vector<Value>& given,
                                  std::span<const std::string> keywords);

}  // namespace hone::torch
