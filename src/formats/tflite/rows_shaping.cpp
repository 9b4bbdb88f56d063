#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "formats/tflite/types.h"
#include "ops/binary.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

void read_shape(ReadNode& n) { n.emit(ShapeOf{.dtype = n.out_type(0).dtype}, {n.in(0)}); }

bool write_shape(WriteNode& n) {
  const ShapeOf& op = n.as<ShapeOf>();
  if (op.start != 0 || op.end < n.rank(0)) return false;
  fb::ShapeOptionsT o;
  o.out_type = file_type_of(op.dtype);
  n.emit(B::SHAPE, 1, o, {n.in(0)}, {n.out()});
  return true;
}

void read_rank(ReadNode& n) { n.bind(0, n.add_constant(Tensor::scalar(static_cast<int32_t>(n.rank(0))), "rank")); }

void read_fill(ReadNode& n) { n.emit(Fill{}, {n.list_i64(0), n.scalar(1)}); }

bool write_fill(WriteNode& n) {
  n.emit(B::FILL, Versions{1, 3, 3}.of(n.out_type()), fb::FillOptionsT(), {n.in_i32(0), n.in(1)}, {n.out()});
  return true;
}

bool write_constant_of_shape(WriteNode& n) {
  const Tensor& value = n.as<ConstantOfShape>().value;
  const Tensor one = value.exists() ? value.reshaped({}) : Tensor::scalar(0.0f);
  n.emit(B::FILL, 1, fb::FillOptionsT(), {n.in_i32(0), n.add_constant(one, "value")}, {n.out()});
  return true;
}

void read_zeros_like(ReadNode& n) {
  const Tensor zero = Tensor::zeros(n.type(0).dtype, {1});
  n.emit(ConstantOfShape{.value = zero}, {n.temp(ShapeOf{}, {n.in(0)})});
}

void read_range(ReadNode& n) { n.emit(Range{}, {n.scalar(0), n.scalar(1), n.scalar(2)}); }

bool write_range(WriteNode& n) {
  if (n.is_constant(0) && n.is_constant(1) && n.is_constant(2)) {
    const auto number = [&](size_t i) { return to_doubles(n.constant(i)).at(0); };
    if ((number(1) - number(0)) * number(2) < 0) throw unsupported("a range of no numbers, which the runtime refuses");
  }
  n.emit(B::RANGE, 1, fb::RangeOptionsT(), {n.in(0), n.in(1), n.in(2)}, {n.out()});
  return true;
}

void read_cumsum(ReadNode& n) {
  const auto o = n.options<fb::CumsumOptionsT>();
  n.emit(CumSum{.exclusive = o.exclusive, .reverse = o.reverse}, {n.in(0), n.scalar(1)});
}

bool write_cumsum(WriteNode& n) {
  fb::CumsumOptionsT o;
  o.exclusive = n.as<CumSum>().exclusive;
  o.reverse = n.as<CumSum>().reverse;
  const TensorIndex axis = n.add_constant(Tensor::scalar(static_cast<int32_t>(n.ints(1).at(0))), "axis");
  n.emit(B::CUMSUM, 1, o, {n.in(0), axis}, {n.out()});
  return true;
}

constexpr int64_t kLargestDiagonal = 4096;

/// [rows, columns] with true on the diagonal.
ValueId diagonal(ReadNode& n, int64_t rows, int64_t columns) {
  if (rows > kLargestDiagonal || columns > kLargestDiagonal)
    throw unsupported(cat("diagonal of a matrix of ", rows, " by ", columns));
  Tensor mask = Tensor::zeros(DType::kBool, {rows, columns});
  for (int64_t i = 0; i < std::min(rows, columns); ++i)
    mask.mutable_data<bool>()[static_cast<size_t>(i * columns + i)] = true;
  return n.add_constant(std::move(mask), "diagonal");
}

/// The size of axis i from the end. Throws Error(unsupported) when unknown.
int64_t from_end(ReadNode& n, size_t input, int64_t i) {
  if (n.rank(input) < i) throw invalid_model(cat("input ", input, " has rank ", n.rank(input)));
  const Dim& d = n.type(input).shape[n.rank(input) - i];
  if (!d.is_known()) throw unsupported("diagonal of unknown size");
  return d.value();
}

void read_matrix_diag(ReadNode& n) {
  const int64_t size = from_end(n, 0, 1);
  const ValueId row = n.temp(Unsqueeze{}, {n.in(0), n.add_ints({-2})});
  n.emit(Where{}, {diagonal(n, size, size), row, n.add_constant(Tensor::zeros(n.type(0).dtype, {}), "zero")});
}

void read_matrix_set_diag(ReadNode& n) {
  const int64_t rows = from_end(n, 0, 2), columns = from_end(n, 0, 1);
  if (rows < columns) throw unsupported("diagonal of a matrix with more columns than rows");
  n.emit(Where{}, {diagonal(n, rows, columns), n.temp(Unsqueeze{}, {n.in(1), n.add_ints({-2})}), n.in(0)});
}

/// How many boundaries are at most x.
void read_bucketize(ReadNode& n) {
  const auto o = n.options<fb::BucketizeOptionsT>();
  const Tensor limits = Tensor::of<float>({static_cast<int64_t>(o.boundaries.size())}, o.boundaries);
  const ValueId wide = n.temp(Unsqueeze{}, {n.temp(Cast{.to = DType::kF32}, {n.in(0)}), n.add_ints({-1})});
  const ValueId passed = n.temp(GreaterOrEqual{}, {wide, n.add_constant(limits, "boundaries")});
  n.emit(ReduceSum{.keepdims = false}, {n.temp(Cast{.to = DType::kI32}, {passed}), n.add_ints({-1})});
}

/// The shape that two shapes broadcast to; the shorter one gets ones in front.
void read_broadcast_args(ReadNode& n) {
  ValueId shapes[] = {n.in(0), n.in(1)};
  int64_t lengths[2];
  for (size_t i = 0; i < 2; ++i) {
    if (n.rank(i) != 1) throw invalid_model(cat("input ", i, " has rank ", n.rank(i), ", expected a shape"));
    const Dim& length = n.type(i).shape[0];
    if (!length.is_known()) throw unsupported("shape of unknown length");
    lengths[i] = length.value();
  }
  const auto ones = [&](int64_t count) {
    if (count > 64) throw invalid_model(cat("a shape has ", count, " more entries than the other"));
    const std::vector<int64_t> values(static_cast<size_t>(count), 1);
    return n.add_constant(cast(Tensor::of<int64_t>({count}, values), n.type(0).dtype), "ones");
  };
  for (size_t i = 0; i < 2; ++i)
    if (lengths[i] < lengths[1 - i])
      shapes[i] = n.temp(Concat{.axis = 0}, {ones(lengths[1 - i] - lengths[i]), shapes[i]});
  n.emit(Where{}, {n.temp(Equal{}, {shapes[0], ones(1)}), shapes[1], shapes[0]});
}

template <class Op>
Op seeded(const ReadNode& n, Op op) {
  const auto o = n.options<fb::RandomOptionsT>();
  op.has_seed = o.seed != 0 || o.seed2 != 0;
  op.seed = static_cast<float>(o.seed != 0 ? o.seed : o.seed2);
  return op;
}

/// Numbers of a given shape; the result of a shape that is known only at run time is like zeros of that shape.
template <class Op, class Like>
void read_random(ReadNode& n) {
  const DType dtype = n.out_type(0).dtype;
  if (n.is_constant(0)) return n.emit(seeded(n, Op{.shape = n.ints(0), .dtype = dtype}), {});
  const Tensor zero = Tensor::zeros(dtype, {1});
  n.emit(seeded(n, Like{}), {n.temp(ConstantOfShape{.value = zero}, {n.list_i64(0)})});
}

void read_multinomial(ReadNode& n) {
  const std::vector<int64_t> count = n.ints(1);
  if (count.size() != 1) throw invalid_model(cat("found ", count.size(), " sample counts, expected 1"));
  n.emit(seeded(n, Multinomial{.dtype = n.out_type(0).dtype, .sample_size = count[0]}), {n.in(0)});
}

template <class Op>
fb::RandomOptionsT random_options(const Op& op) {
  fb::RandomOptionsT o;
  if (op.has_seed && std::abs(op.seed) < 0x1p62f) o.seed = static_cast<int64_t>(op.seed);
  return o;
}

/// `drawn` · scale + offset as output 0.
void scale_and_shift(WriteNode& n, TensorIndex drawn, float scale, float offset) {
  const TensorIndex scaled = n.temp(n.out_type(), "scaled");
  n.emit(B::MUL, 1, fb::MulOptionsT(), {drawn, n.add_scalar(scale, "scale")}, {scaled});
  n.emit(B::ADD, 1, fb::AddOptionsT(), {scaled, n.add_scalar(offset, "offset")}, {n.out()});
}

/// Draws of the standard distribution `code` in the shape of output 0.
template <class Op>
void emit_random(WriteNode& n, B code, const Op& op, float scale, float offset) {
  if (n.out_type().dtype != DType::kF32) throw unsupported(cat("random numbers of ", to_string(n.out_type().dtype)));
  const TensorIndex shape = n.input_count() == 0 ? n.add_ints(n.out_dims(), "shape") : n.out_shape_from(0);
  const bool is_standard = scale == 1 && offset == 0;
  const TensorIndex drawn = is_standard ? n.out() : n.temp(n.out_type(), "standard");
  n.emit(code, 1, random_options(op), {shape}, {drawn});
  if (!is_standard) scale_and_shift(n, drawn, scale, offset);
}

template <class Op>
bool write_uniform(WriteNode& n) {
  const Op& op = n.as<Op>();
  emit_random(n, B::RANDOM_UNIFORM, op, op.high - op.low, op.low);
  return true;
}

template <class Op>
bool write_normal(WriteNode& n) {
  const Op& op = n.as<Op>();
  emit_random(n, B::RANDOM_STANDARD_NORMAL, op, op.scale, op.mean);
  return true;
}

bool write_multinomial(WriteNode& n) {
  const Multinomial& op = n.as<Multinomial>();
  if (n.type(0).dtype != DType::kF32 || n.type(0).quant || op.sample_size > std::numeric_limits<int32_t>::max())
    return false;
  const TensorIndex count = n.add_constant(Tensor::scalar(static_cast<int32_t>(op.sample_size)), "count");
  n.emit(B::MULTINOMIAL, 1, random_options(op), {n.in(0), count}, {n.out()});
  return true;
}

constexpr Row kRows[] = {
    {B::SHAPE, 1, read_shape, &ShapeOf::def, write_shape},
    {B::RANK, 1, read_rank, nullptr, nullptr},
    {B::FILL, 4, read_fill, &Fill::def, write_fill},
    {B::FILL, 1, nullptr, &ConstantOfShape::def, write_constant_of_shape},
    {B::ZEROS_LIKE, 1, read_zeros_like, nullptr, nullptr},
    {B::RANGE, 2, read_range, &Range::def, write_range},
    {B::CUMSUM, 1, read_cumsum, &CumSum::def, write_cumsum},
    {B::MATRIX_DIAG, 1, read_matrix_diag, nullptr, nullptr},
    {B::MATRIX_SET_DIAG, 1, read_matrix_set_diag, nullptr, nullptr},
    {B::BUCKETIZE, 1, read_bucketize, nullptr, nullptr},
    {B::BROADCAST_ARGS, 1, read_broadcast_args, nullptr, nullptr},
    {B::RANDOM_UNIFORM, 1, read_random<RandomUniform, RandomUniformLike>, &RandomUniform::def,
     write_uniform<RandomUniform>},
    {B::RANDOM_UNIFORM, 1, nullptr, &RandomUniformLike::def, write_uniform<RandomUniformLike>},
    {B::RANDOM_STANDARD_NORMAL, 1, read_random<RandomNormal, RandomNormalLike>, &RandomNormal::def,
     write_normal<RandomNormal>},
    {B::RANDOM_STANDARD_NORMAL, 1, nullptr, &RandomNormalLike::def, write_normal<RandomNormalLike>},
    {B::MULTINOMIAL, 1, read_multinomial, &Multinomial::def, write_multinomial},
};

}  // namespace

std::span<const Row> shaping_rows() { return kRows; }

}  // namespace hone::tflite
