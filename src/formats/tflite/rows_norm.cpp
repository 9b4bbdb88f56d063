#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "ops/norm.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

void read_softmax(ReadNode& n) { n.emit(Softmax{.beta = n.options<fb::SoftmaxOptionsT>().beta}, {n.in(0)}); }

void read_log_softmax(ReadNode& n) { n.emit(LogSoftmax{}, {n.in(0)}); }

void read_l2_normalization(ReadNode& n) { n.emit(L2Normalize{.epsilon = 1e-6f}, {n.in(0)}); }

void read_lrn(ReadNode& n) {
  const auto o = n.options<fb::LocalResponseNormalizationOptionsT>();
  if (o.radius < 0 || o.radius > 1 << 20) throw invalid_model(cat("radius is ", o.radius));
  const int64_t size = 2 * int64_t(o.radius) + 1;
  n.emit(Lrn{.size = size, .alpha = o.alpha * static_cast<float>(size), .beta = o.beta, .bias = o.bias}, {n.in(0)});
}

bool is_last(const WriteNode& n, int64_t axis) { return axis == -1 || axis == n.rank(0) - 1; }

/// Runs `emit(from, to)` with `axis` swapped to the last place where it is not there already.
template <class Emit>
void over_last_axis(WriteNode& n, int64_t axis, Emit emit) {
  if (is_last(n, axis)) return emit(n.in(0), n.out());
  std::vector<int64_t> perm(static_cast<size_t>(n.rank(0)));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[static_cast<size_t>(normalize_axis(axis, n.rank(0), "softmax"))], perm.back());
  const TensorIndex from = n.permuted(0, perm);
  TensorType type = n.type_of(from);
  type.dtype = n.out_type().dtype;
  type.quant = n.out_type().quant;
  const TensorIndex to = n.temp(type, "result");
  emit(from, to);
  n.transpose(to, n.out(), perm);
}

bool write_softmax(WriteNode& n) {
  const Softmax& op = n.as<Softmax>();
  if (n.rank(0) < 1) throw unsupported("softmax of a scalar");
  over_last_axis(n, op.axis, [&](TensorIndex from, TensorIndex to) {
    fb::SoftmaxOptionsT o;
    o.beta = op.beta;
    n.emit(B::SOFTMAX, Versions{}.of(n.type(0)), o, {from}, {to});
  });
  return true;
}

bool write_log_softmax(WriteNode& n) {
  over_last_axis(n, n.as<LogSoftmax>().axis, [&](TensorIndex from, TensorIndex to) {
    n.emit(B::LOG_SOFTMAX, Versions{}.of(n.type(0)), fb::LogSoftmaxOptionsT(), {from}, {to});
  });
  return true;
}

bool write_l2_normalize(WriteNode& n) {
  over_last_axis(n, n.as<L2Normalize>().axis, [&](TensorIndex from, TensorIndex to) {
    n.emit(B::L2_NORMALIZATION, Versions{}.of(n.type(0)), fb::L2NormOptionsT(), {from}, {to});
  });
  return true;
}

bool write_lp_normalize(WriteNode& n) {
  if (n.as<LpNormalize>().p != 2 || n.type(0).quant) return false;
  over_last_axis(n, n.as<LpNormalize>().axis, [&](TensorIndex from, TensorIndex to) {
    n.emit(B::L2_NORMALIZATION, 1, fb::L2NormOptionsT(), {from}, {to});
  });
  return true;
}

bool write_lrn(WriteNode& n) {
  const Lrn& op = n.as<Lrn>();
  if (op.size % 2 == 0 || n.type(0).quant || n.rank(0) != 4)
    throw unsupported(cat("lrn over ", op.size, " channels, expected an odd count in an image"));
  fb::LocalResponseNormalizationOptionsT o;
  o.radius = static_cast<int32_t>(op.size / 2);
  o.alpha = op.alpha / static_cast<float>(op.size);
  o.beta = op.beta;
  o.bias = op.bias;
  n.emit(B::LOCAL_RESPONSE_NORMALIZATION, 1, o, {n.in(0)}, {n.out()});
  return true;
}

bool write_batch_norm(WriteNode& n) {
  const BatchNorm& op = n.as<BatchNorm>();
  if (op.training || n.type(0).quant) return false;
  std::vector<double> scale = to_doubles(n.constant(1)), bias = to_doubles(n.constant(2)),
                      mean = to_doubles(n.constant(3)), variance = to_doubles(n.constant(4));
  std::vector<float> factor, offset;
  for (size_t i = 0; i < scale.size(); ++i) {
    const double f = scale[i] / std::sqrt(variance[i] + static_cast<double>(op.epsilon));
    factor.push_back(static_cast<float>(f));
    offset.push_back(static_cast<float>(bias[i] - mean[i] * f));
  }
  const Dims dims{static_cast<int64_t>(factor.size())};
  const TensorIndex scaled = n.temp(n.out_type(), "scaled");
  n.emit(B::MUL, 1, fb::MulOptionsT(), {n.in(0), n.add_constant(Tensor::of<float>(dims, factor), "scale")}, {scaled});
  n.emit(B::ADD, 1, fb::AddOptionsT(), {scaled, n.add_constant(Tensor::of<float>(dims, offset), "offset")}, {n.out()});
  return true;
}

TensorType reduced(const TensorType& type, const std::vector<int64_t>& axes) {
  TensorType out = type;
  for (const int64_t axis : axes) out.shape[axis] = Dim(1);
  return out;
}

TensorIndex emit_mean(WriteNode& n, TensorIndex x, const std::vector<int64_t>& axes) {
  const TensorIndex to = n.temp(reduced(n.type_of(x), axes), "mean");
  fb::ReducerOptionsT o;
  o.keep_dims = true;
  n.emit(B::MEAN, 1, o, {x, n.add_ints(axes, "axes")}, {to});
  return to;
}

/// (x − mean) / √(variance + epsilon) over `axes`; float.
TensorIndex standardized(WriteNode& n, TensorIndex x, const std::vector<int64_t>& axes, float epsilon) {
  const TensorType type = n.type_of(x);
  const TensorIndex mean = emit_mean(n, x, axes);
  const TensorIndex squares = n.temp(type, "squares"), centered = n.temp(type, "centered");
  n.emit(B::SQUARED_DIFFERENCE, 1, fb::SquaredDifferenceOptionsT(), {x, mean}, {squares});
  const TensorIndex variance = emit_mean(n, squares, axes);
  const TensorIndex safe = n.temp(n.type_of(variance), "safe"), inverse = n.temp(n.type_of(variance), "inverse");
  n.emit(B::ADD, 1, fb::AddOptionsT(), {variance, n.add_scalar(epsilon)}, {safe});
  n.emit(B::RSQRT, 1, {safe}, {inverse});
  n.emit(B::SUB, 1, fb::SubOptionsT(), {x, mean}, {centered});
  const TensorIndex to = n.temp(type, "standardized");
  n.emit(B::MUL, 1, fb::MulOptionsT(), {centered, inverse}, {to});
  return to;
}

/// to = x · scale + bias, which broadcast along the last axes; without a bias it is −1.
void affine(WriteNode& n, TensorIndex x, TensorIndex scale, TensorIndex bias, TensorIndex to) {
  const TensorIndex scaled = bias >= 0 ? n.temp(n.type_of(x), "scaled") : to;
  n.emit(B::MUL, 1, fb::MulOptionsT(), {x, scale}, {scaled});
  if (bias >= 0) n.emit(B::ADD, 1, fb::AddOptionsT(), {scaled, bias}, {to});
}

void affine(WriteNode& n, TensorIndex x, TensorIndex to) { affine(n, x, n.in(1), n.optional(2), to); }

/// [N,s…,C] as [N,Πs,C].
Shape with_one_inner_axis(const WriteNode& n) {
  const Shape& shape = n.type(0).shape;
  const int64_t last = n.rank(0) - 1;
  int64_t inner = 1;
  for (int64_t i = 1; i < last; ++i) inner *= n.dim(0, i);
  return {shape[0], Dim(inner), shape[last]};
}

/// Axes that the runtime's arithmetic broadcasts over.
constexpr int64_t kMostBroadcast = 4;

void check_float(const WriteNode& n) {
  if (n.type(0).quant || n.type(0).dtype != DType::kF32)
    throw unsupported(cat("tflite has no ", n.node().def->name, " of ", to_text(n.type(0))));
}

/// Over more axes than the runtime's arithmetic broadcasts: rows of what is normalised together.
bool write_layer_norm_by_rows(WriteNode& n, int64_t axis) {
  int64_t count = 1, size = 1;
  const Dims dims = n.dims(0);
  for (size_t i = 0; i < dims.size(); ++i) (static_cast<int64_t>(i) < axis ? count : size) *= dims[i];
  const auto parameter = [&](size_t i) {
    if (!n.has(i)) return TensorIndex{-1};
    const Tensor& p = n.constant(i);
    if (p.elements() != size && p.elements() != 1) throw unsupported("layer normalisation by scales that broadcast");
    return n.add_constant(p.reshaped({p.elements()}), "parameter");
  };
  const TensorType rows{DType::kF32, Shape(Dims{count, size}), nullptr};
  const TensorIndex x = n.temp(rows, "rows"), y = n.temp(rows, "normalised");
  n.reshape(n.in(0), x);
  affine(n, standardized(n, x, {1}, n.as<LayerNorm>().epsilon), parameter(1), parameter(2), y);
  n.reshape(y, n.out());
  return true;
}

bool write_layer_norm(WriteNode& n) {
  check_float(n);
  if (n.is_used(1) || n.is_used(2)) return false;
  const int64_t first = normalize_axis(n.as<LayerNorm>().axis, n.rank(0), "layernorm");
  if (n.rank(0) > kMostBroadcast) return write_layer_norm_by_rows(n, first);
  std::vector<int64_t> axes;
  for (int64_t i = first; i < n.rank(0); ++i) axes.push_back(i);
  affine(n, standardized(n, n.in(0), axes, n.as<LayerNorm>().epsilon), n.out());
  return true;
}

bool write_instance_norm(WriteNode& n) {
  check_float(n);
  const float epsilon = n.as<InstanceNorm>().epsilon;
  if (n.rank(0) > kMostBroadcast) {
    const TensorType flat{DType::kF32, with_one_inner_axis(n), nullptr};
    const TensorIndex x = n.temp(flat, "flat"), y = n.temp(flat, "normalised");
    n.reshape(n.in(0), x);
    affine(n, standardized(n, x, {1}, epsilon), y);
    n.reshape(y, n.out());
    return true;
  }
  std::vector<int64_t> axes;
  for (int64_t i = 1; i + 1 < n.rank(0); ++i) axes.push_back(i);
  affine(n, standardized(n, n.in(0), axes, epsilon), n.out());
  return true;
}

bool write_group_norm(WriteNode& n) {
  check_float(n);
  const GroupNorm& op = n.as<GroupNorm>();
  const Shape flat = with_one_inner_axis(n);
  const Shape grouped{flat[0], flat[1], Dim(op.groups), Dim(n.dim(0, n.rank(0) - 1) / op.groups)};
  const TensorIndex split = n.temp({DType::kF32, grouped, nullptr}, "groups");
  n.reshape(n.in(0), split);
  const bool is_deep = n.rank(0) > kMostBroadcast;
  const TensorType type = is_deep ? TensorType{DType::kF32, flat, nullptr} : n.out_type();
  const TensorIndex joined = n.temp(type, "joined"), to = is_deep ? n.temp(type, "normalised") : n.out();
  n.reshape(standardized(n, split, {1, 3}, op.epsilon), joined);
  affine(n, joined, to);
  if (is_deep) n.reshape(to, n.out());
  return true;
}

bool write_mean_variance(WriteNode& n) {
  check_float(n);
  std::vector<int64_t> axes;
  for (const int64_t axis : n.as<MeanVarianceNormalize>().axes)
    axes.push_back(normalize_axis(axis, n.rank(0), "meanvariancenormalize"));
  n.reshape(standardized(n, n.in(0), axes, 1e-9f), n.out());
  return true;
}

constexpr Row kRows[] = {
    {B::SOFTMAX, 3, read_softmax, &Softmax::def, write_softmax},
    {B::LOG_SOFTMAX, 2, read_log_softmax, &LogSoftmax::def, write_log_softmax},
    {B::L2_NORMALIZATION, 2, read_l2_normalization, &L2Normalize::def, write_l2_normalize},
    {B::LOCAL_RESPONSE_NORMALIZATION, 1, read_lrn, &Lrn::def, write_lrn},
    {B::L2_NORMALIZATION, 1, nullptr, &LpNormalize::def, write_lp_normalize},
    {B::MUL, 1, nullptr, &BatchNorm::def, write_batch_norm},
    {B::MUL, 1, nullptr, &LayerNorm::def, write_layer_norm},
    {B::MUL, 1, nullptr, &InstanceNorm::def, write_instance_norm},
    {B::MUL, 1, nullptr, &GroupNorm::def, write_group_norm},
    {B::MUL, 1, nullptr, &MeanVarianceNormalize::def, write_mean_variance},
};

}  // namespace

std::span<const Row> norm_rows() { return kRows; }

}  // namespace hone::tflite
