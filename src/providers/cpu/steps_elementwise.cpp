// Elementwise operators: one and two inputs, f32 and quantized bytes, and conversions between them.
#include <array>
#include <cmath>
#include <limits>

#include "ops/activation_fields.h"
#include "ops/binary.h"
#include "ops/fixed_point.h"
#include "ops/interpreter.h"
#include "ops/norm.h"
#include "ops/quantize.h"
#include "ops/unary.h"
#include "providers/cpu/broadcast.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct UnaryChoice {
  Unary op = Unary::kCount;
  float a = 0, b = 0;
};

UnaryChoice parameterised_unary(const Node& n) {
  if (n.is<Clamp>()) return {Unary::kClamp, n.as<Clamp>().min, n.as<Clamp>().max};
  if (n.is<LeakyRelu>()) return {Unary::kLeakyRelu, n.as<LeakyRelu>().alpha};
  if (n.is<HardSigmoid>()) return {Unary::kHardSigmoid, n.as<HardSigmoid>().alpha, n.as<HardSigmoid>().beta};
  if (n.is<Gelu>()) return {n.as<Gelu>().approximate ? Unary::kGeluTanh : Unary::kGelu};
  if (n.is<Elu>()) return {Unary::kElu, n.as<Elu>().alpha};
  return {};
}

UnaryChoice unary_of(const Node& n) {
  static const std::pair<const OpDef*, UnaryChoice> kPlain[] = {
      {&Relu::def, {Unary::kClamp, 0, kInf}},
      {&Sigmoid::def, {Unary::kSigmoid}},
      {&Tanh::def, {Unary::kTanh}},
      {&HardSwish::def, {Unary::kHardSwish}},
      {&Exp::def, {Unary::kExp}},
      {&Erf::def, {Unary::kErf}},
      {&Sqrt::def, {Unary::kSqrt}},
      {&Rsqrt::def, {Unary::kRsqrt}},
      {&Neg::def, {Unary::kNeg}},
      {&Abs::def, {Unary::kAbs}},
      {&Reciprocal::def, {Unary::kReciprocal}},
      {&Floor::def, {Unary::kFloor}},
      {&Ceil::def, {Unary::kCeil}},
      {&Round::def, {Unary::kRound}},
      {&Mish::def, {Unary::kMish}},
  };
  for (const auto& [def, choice] : kPlain) {
    if (n.def == def) return choice;
  }
  return parameterised_unary(n);
}

Binary binary_of(const Node& n) {
  static const std::pair<const OpDef*, Binary> kAll[] = {
      {&Add::def, Binary::kAdd},
      {&Sub::def, Binary::kSub},
      {&Mul::def, Binary::kMul},
      {&Div::def, Binary::kDiv},
      {&Maximum::def, Binary::kMax},
      {&Minimum::def, Binary::kMin},
      {&SquaredDifference::def, Binary::kSquaredDifference},
  };
  for (const auto& [def, op] : kAll) {
    if (n.def == def) return op;
  }
  return Binary::kCount;
}

// The input that the output may overwrite: one of the output's own size.
int in_place_of(const KernelRequest& r) {
  for (size_t i = 0; i < 2; ++i) {
    if (!r.constant(i).exists() && r.input(i).shape == r.output().shape) return static_cast<int>(i);
  }
  return -1;
}

// One input stays on a short row while the other steps on, as a factor for each channel does over all pixels. Copies of
// the short row let kernels run over many rows at once.
template <class T, class F>
class RepeatedRows {
 public:
  RepeatedRows(const BroadcastRows& rows, const F& f)
      : n_(rows.inner), copies_(kSize / std::max<int64_t>(n_, 1)), f_(f) {
    if (rows.rows == 1 || !rows.a_moves || !rows.b_moves) return;
    const int64_t a = rows.a_strides.back(), b = rows.b_strides.back();
    b_stays_ = b == 0 && a == n_;
    a_stays_ = a == 0 && b == n_;
  }
  bool is_worthwhile() const { return copies_ >= 2 && (a_stays_ || b_stays_); }

  // Rows in order; those that continue the last ones are kept until `flush`.
  void add(const T* a, const T* b, T* y) {
    const bool continues =
        count_ > 0 && (b_stays_ ? b == b_ && a == a_ + count_ * n_ : a == a_ && b == b_ + count_ * n_);
    if (!continues) {
      flush();
      a_ = a;
      b_ = b;
      y_ = y;
    }
    ++count_;
  }

  void flush() {
    const T* still = b_stays_ ? b_ : a_;
    for (int64_t k = 0; k < std::min(copies_, count_); ++k) std::copy_n(still, n_, copied_.data() + k * n_);
    for (int64_t k = 0; k < count_; k += copies_) {
      const int64_t n = std::min(copies_, count_ - k) * n_;
      f_(b_stays_ ? a_ + k * n_ : copied_.data(), b_stays_ ? copied_.data() : b_ + k * n_, y_ + k * n_, n);
    }
    count_ = 0;
  }

 private:
  static constexpr int64_t kSize = 1024;
  std::array<T, kSize> copied_;
  const T *a_ = nullptr, *b_ = nullptr;
  T* y_ = nullptr;
  int64_t n_, copies_, count_ = 0;
  bool a_stays_ = false, b_stays_ = false;
  const F& f_;
};

// Runs f(a, b, out, n) over rows, or parts of a single row, in parallel.
template <class T, class F>
void run_rows(const RunContext& c, const BroadcastRows& rows, int64_t tasks, const F& f) {
  const T* a = in<T>(c, 0);
  const T* b = in<T>(c, 1);
  T* y = out<T>(c);
  if (rows.rows == 1) {
    for_tasks(*c.pool, rows.inner, tasks, [&](int64_t, int64_t from, int64_t to) {
      f(a + (rows.a_moves ? from : 0), b + (rows.b_moves ? from : 0), y + from, to - from);
    });
    return;
  }
  for_tasks(*c.pool, rows.rows, tasks, [&](int64_t, int64_t from, int64_t to) {
    RepeatedRows<T, F> repeated(rows, f);
    rows.for_rows(from, to, [&](int64_t row, int64_t at_a, int64_t at_b) {
      T* at_y = y + row * rows.inner;
      if (repeated.is_worthwhile()) return repeated.add(a + at_a, b + at_b, at_y);
      f(a + at_a, b + at_b, at_y, rows.inner);
    });
    repeated.flush();
  });
}

// An input that stays on one element, spread out so that vector kernels take it: calls f(part of n) piecewise.
template <class T, class F>
void with_repeated(T value, int64_t n, const F& f) {
  std::array<T, 256> repeated;
  repeated.fill(value);
  for (int64_t i = 0; i < n; i += 256) f(repeated.data(), i, std::min<int64_t>(256, n - i));
}

BinaryQ binary_numbers(const KernelRequest& r, bool is_product) {
  const QuantParams& x = *r.input(0).quant;
  const QuantParams& y = *r.input(1).quant;
  const TensorType& z = r.output();
  const auto [min, max] = activation_of(r.node()).value_or(Bounds{});
  const QuantizedRange range = activation_range(min, max, z.dtype, z.quant);
  const double out_scale = z.quant->scale();
  BinaryQ q{};
  q.x_zero = x.zero_point();
  q.y_zero = y.zero_point();
  q.z_zero = z.quant->zero_point();
  q.x_scale = static_cast<float>(double(x.scale()) * (is_product ? double(y.scale()) : 1.0) / out_scale);
  q.y_scale = static_cast<float>(double(y.scale()) / out_scale) * (r.node().is<Sub>() ? -1.0f : 1.0f);
  q.lo = static_cast<float>(range.min - q.z_zero);
  q.hi = static_cast<float>(range.max - q.z_zero);
  q.x_unsigned = is_unsigned_byte(r.input(0));
  q.y_unsigned = is_unsigned_byte(r.input(1));
  return q;
}

}  // namespace

Addend addend_of(const SumRequest& pair) {
  const KernelRequest& r = pair.sum;
  const TensorType& own = r.input(pair.at);
  const TensorType& other = r.input(1 - pair.at);
  if (!r.is_static() || other.shape != own.shape) return {};
  const auto [min, max] = activation_of(r.node()).value_or(Bounds{});
  Addend addend{.input = static_cast<int>(pair.layer.node().inputs.size()), .act_min = min, .act_max = max};
  if (is_f32(own) && is_f32(other) && is_f32(r.output())) return addend;
  if (wants_fixed_point(r) || !is_quantized_bytes(own) || !is_quantized_bytes(other) || !is_quantized_bytes(r.output()))
    return {};
  addend.sum = binary_numbers(r, false);
  if (pair.at == 1) {
    std::swap(addend.sum.x_zero, addend.sum.y_zero);
    std::swap(addend.sum.x_scale, addend.sum.y_scale);
    std::swap(addend.sum.x_unsigned, addend.sum.y_unsigned);
  }
  return addend;
}

namespace {

std::unique_ptr<Step> unary_step(const KernelRequest& r, const KernelTable& table, const UnaryChoice& choice) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.output())) return nullptr;
  const int64_t n = r.output().shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  const auto f = table.unary[static_cast<int>(choice.op)];
  return make_step(
      [=](RunContext& c) {
        for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) {
          f(in<float>(c, 0) + from, out<float>(c) + from, to - from, choice.a, choice.b);
        });
      },
      0, 0);
}

}  // namespace

std::unique_ptr<Step> make_unary_f32(const KernelRequest& r, const KernelTable& table) {
  const UnaryChoice choice = unary_of(r.node());
  return choice.op == Unary::kCount ? nullptr : unary_step(r, table, choice);
}

std::unique_ptr<Step> make_silu_f32(const KernelRequest& sigmoid, const KernelTable& table) {
  return unary_step(sigmoid, table, {Unary::kSilu, 1});
}

// Any function of one byte is a table of 256; the reference fills it, so the results are the reference's own.
std::unique_ptr<Step> make_lookup(const KernelRequest& r, const KernelTable& table) {
  const Node& node = r.node();
  if (!r.is_static() || !is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.output())) return nullptr;
  if (node.inputs.size() != 1 || node.outputs.size() != 1) return nullptr;
  Tensor all = Tensor::empty(r.input(0).dtype, {256}, r.input(0).quant);
  for (int i = 0; i < 256; ++i) static_cast<uint8_t*>(all.mutable_raw())[i] = static_cast<uint8_t>(i);
  const TensorType type{r.output().dtype, Shape(Dims{256}), r.output().quant};
  const TensorType* types[] = {&type};
  const std::vector<Tensor> results = evaluate_node(node, types, std::span(&all, 1), r.graph.arithmetic);
  std::array<uint8_t, 256> values;
  std::copy_n(static_cast<const uint8_t*>(results[0].raw()), 256, values.begin());
  const int64_t n = r.output().shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  const auto lookup = table.lookup;
  return make_step(
      [=](RunContext& c) {
        for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) {
          lookup(in<uint8_t>(c, 0) + from, out<uint8_t>(c) + from, to - from, values.data());
        });
      },
      0, 0);
}

std::unique_ptr<Step> make_binary_f32(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.input(1)) || !is_f32(r.output())) return nullptr;
  const Binary op = binary_of(r.node());
  if (op == Binary::kCount) return nullptr;
  const BroadcastRows rows =
      BroadcastRows::of(r.input(0).shape.dims(), r.input(1).shape.dims(), r.output().shape.dims());
  const auto [min, max] = activation_of(r.node()).value_or(Bounds{});
  const auto both = table.binary[static_cast<int>(op)];
  const auto one = table.binary_scalar[static_cast<int>(op)];
  const int64_t tasks = tasks_for(r.output().shape.elements(), r.threads);
  return make_step(
      [=, min = min, max = max](RunContext& c) {
        run_rows<float>(c, rows, tasks, [&](const float* a, const float* b, float* y, int64_t n) {
          if (rows.a_moves && rows.b_moves) return both(a, b, y, n, min, max);
          if (rows.a_moves) return one(a, *b, y, n, min, max);
          with_repeated(*a, n, [&](const float* x, int64_t i, int64_t m) {
            both(x, rows.b_moves ? b + i : b, y + i, m, min, max);
          });
        });
      },
      0, in_place_of(r));
}

std::unique_ptr<Step> make_binary_bytes(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || wants_fixed_point(r) || !is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.input(1)) ||
      !is_quantized_bytes(r.output())) {
    return nullptr;
  }
  const bool is_product = r.node().is<Mul>();
  const BroadcastRows rows =
      BroadcastRows::of(r.input(0).shape.dims(), r.input(1).shape.dims(), r.output().shape.dims());
  const BinaryQ q = binary_numbers(r, is_product);
  const auto f = is_product ? table.mul_q : table.add_q;
  const int64_t tasks = tasks_for(r.output().shape.elements(), r.threads);
  return make_step(
      [=](RunContext& c) {
        run_rows<uint8_t>(c, rows, tasks, [&](const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
          if (rows.a_moves && rows.b_moves) return f(a, b, y, n, q);
          if (rows.a_moves) {
            return with_repeated(*b, n, [&](const uint8_t* x, int64_t i, int64_t m) { f(a + i, x, y + i, m, q); });
          }
          with_repeated(*a, n,
                        [&](const uint8_t* x, int64_t i, int64_t m) { f(x, rows.b_moves ? b + i : b, y + i, m, q); });
        });
      },
      0, in_place_of(r));
}

// Bytes of one scale and zero point throughout: the larger or smaller as stored.
std::unique_ptr<Step> make_extremum_bytes(const KernelRequest& r, const KernelTable&) {
  const TensorType& y = r.output();
  if (!r.is_static() || !is_quantized_bytes(y)) return nullptr;
  for (size_t i : {0, 1}) {
    if (r.input(i).dtype != y.dtype || !same_quant(r.input(i).quant, y.quant)) return nullptr;
  }
  const BroadcastRows rows =
      BroadcastRows::of(r.input(0).shape.dims(), r.input(1).shape.dims(), r.output().shape.dims());
  const bool is_max = r.node().is<Maximum>();
  const uint8_t flip = is_unsigned_byte(y) ? 0 : 0x80;  // makes signed bytes compare as unsigned ones
  const int64_t tasks = tasks_for(y.shape.elements(), r.threads);
  return make_step(
      [=](RunContext& c) {
        run_rows<uint8_t>(c, rows, tasks, [&](const uint8_t* a, const uint8_t* b, uint8_t* z, int64_t n) {
          const int64_t a_step = rows.a_moves ? 1 : 0;
          const int64_t b_step = rows.b_moves ? 1 : 0;
          for (int64_t i = 0; i < n; ++i) {
            const uint8_t x = a[i * a_step] ^ flip;
            const uint8_t w = b[i * b_step] ^ flip;
            z[i] = static_cast<uint8_t>((is_max == (x > w) ? x : w) ^ flip);
          }
        });
      },
      0, in_place_of(r));
}

// As make_lookup, a table for each channel's slope.
std::unique_ptr<Step> make_prelu_lookup(const KernelRequest& r, const KernelTable& table) {
  const Tensor slope = r.constant(1);
  if (!r.is_static() || !is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.output()) || !slope.exists() ||
      r.output().shape.rank() == 0 || r.output().shape.elements() == 0) {
    return nullptr;
  }
  const int64_t channels = slope.elements();
  const bool is_row =
      channels == r.output().shape.dims().back() && (slope.rank() == 0 || slope.dims().back() == channels);
  if (!is_row && channels != 1) return nullptr;
  Dims dims = slope.dims();
  dims.insert(dims.begin(), 256);
  Tensor all = Tensor::empty(r.input(0).dtype, dims, r.input(0).quant);
  for (int64_t i = 0; i < all.elements(); ++i) {
    static_cast<uint8_t*>(all.mutable_raw())[i] = static_cast<uint8_t>(i / channels);
  }
  const TensorType type{r.output().dtype, Shape(dims), r.output().quant};
  const TensorType* types[] = {&type};
  const Tensor inputs[] = {all, slope};
  const Tensor result = evaluate_node(r.node(), types, inputs, r.graph.arithmetic)[0];
  std::vector<uint8_t> tables(static_cast<size_t>(channels * 256));  // [channels, 256]
  for (int64_t i = 0; i < all.elements(); ++i) {
    tables[static_cast<size_t>(i % channels * 256 + i / channels)] = static_cast<const uint8_t*>(result.raw())[i];
  }
  const int64_t n = r.output().shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  const auto lookup = table.lookup;
  return make_step(
      [=, tables = std::move(tables)](RunContext& c) {
        const uint8_t* x = in<uint8_t>(c, 0);
        uint8_t* y = out<uint8_t>(c);
        if (channels == 1) return lookup(x, y, n, tables.data());
        for_tasks(*c.pool, n / channels, tasks, [&](int64_t, int64_t from, int64_t to) {
          for (int64_t i = from * channels; i < to * channels; i += channels) {
            for (int64_t j = 0; j < channels; ++j) y[i + j] = tables[static_cast<size_t>(j * 256 + x[i + j])];
          }
        });
      },
      0, 0);
}

// max(x, 0) + slope · min(x, 0), slope along the last axis or one number.
std::unique_ptr<Step> make_prelu_f32(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.output())) return nullptr;
  const Tensor slope = constant_f32(r, 1);
  const int64_t n = r.output().shape.elements();
  if (!slope.exists() || n == 0 || r.output().shape.rank() == 0) return nullptr;
  const Dims dims = r.output().shape.dims();
  const int64_t channels = dims.back();
  const bool is_row = slope.elements() == channels && (slope.rank() == 0 || slope.dims().back() == channels);
  if (!is_row && slope.elements() != 1) return nullptr;
  const auto leaky = table.unary[static_cast<int>(Unary::kLeakyRelu)];
  if (slope.elements() == 1) {
    const float a = slope.data<float>()[0];
    return make_step([=](RunContext& c) { leaky(in<float>(c, 0), out<float>(c), n, a, 0); }, 0, 0);
  }
  const int64_t tasks = tasks_for(n, r.threads);
  return make_step(
      [=](RunContext& c) {
        const float* s = slope.data<float>().data();
        for_tasks(*c.pool, n / channels, tasks, [&](int64_t, int64_t from, int64_t to) {
          const float* x = in<float>(c, 0);
          float* y = out<float>(c);
          for (int64_t i = from * channels; i < to * channels; i += channels) {
            for (int64_t j = 0; j < channels; ++j) y[i + j] = x[i + j] < 0 ? x[i + j] * s[j] : x[i + j];
          }
        });
      },
      0, 0);
}

std::unique_ptr<Step> make_quantize(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_quantized_bytes(r.output())) return nullptr;
  const QuantParams& q = *r.output().quant;
  const float scale = q.scale();
  const int32_t zero = q.zero_point();
  const bool is_unsigned = is_unsigned_byte(r.output());
  const int64_t n = r.output().shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  const auto f = wants_fixed_point(r) ? table.quantize_fixed : table.quantize;
  return make_step([=](RunContext& c) {
    for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) {
      f(in<float>(c, 0) + from, out<uint8_t>(c) + from, to - from, scale, zero, is_unsigned);
    });
  });
}

std::unique_ptr<Step> make_dequantize(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_quantized_bytes(r.input(0)) || !is_f32(r.output())) return nullptr;
  const QuantParams& q = *r.input(0).quant;
  const float scale = q.scale();
  const int32_t zero = q.zero_point();
  const bool is_unsigned = is_unsigned_byte(r.input(0));
  const int64_t n = r.output().shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  const auto f = table.dequantize;
  return make_step([=](RunContext& c) {
    for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) {
      f(in<uint8_t>(c, 0) + from, out<float>(c) + from, to - from, scale, zero, is_unsigned);
    });
  });
}

// (x − mean) / √(var + ε) · scale + bias as one multiply and one add per channel.
std::unique_ptr<Step> make_batch_norm_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<BatchNorm>();
  if (!r.is_static() || op.training || r.node().outputs.size() != 1 || !is_f32(r.input(0)) || !is_f32(r.output())) {
    return nullptr;
  }
  Tensor p[4];
  for (size_t i = 0; i < 4; ++i) {
    p[i] = constant_f32(r, i + 1);
    if (!p[i].exists()) return nullptr;
  }
  const int64_t channels = p[0].elements();
  if (channels == 0 || r.output().shape.elements() == 0) return nullptr;
  std::vector<float> scale(static_cast<size_t>(channels)), shift(scale.size());
  for (size_t i = 0; i < scale.size(); ++i) {
    const double s = p[0].data<float>()[i] / std::sqrt(double(p[3].data<float>()[i]) + double(op.epsilon));
    scale[i] = static_cast<float>(s);
    shift[i] = static_cast<float>(p[1].data<float>()[i] - p[2].data<float>()[i] * s);
  }
  const int64_t rows = r.output().shape.elements() / channels;
  const int64_t tasks = tasks_for(rows * channels, r.threads);
  const auto mul = table.binary[static_cast<int>(Binary::kMul)];
  const auto add = table.binary[static_cast<int>(Binary::kAdd)];
  return make_step(
      [=, scale = std::move(scale), shift = std::move(shift)](RunContext& c) {
        for_tasks(*c.pool, rows, tasks, [&](int64_t, int64_t from, int64_t to) {
          for (int64_t i = from; i < to; ++i) {
            float* y = out<float>(c) + i * channels;
            mul(in<float>(c, 0) + i * channels, scale.data(), y, channels, -kInf, kInf);
            add(y, shift.data(), y, channels, -kInf, kInf);
          }
        });
      },
      0, 0);
}

}  // namespace hone::cpu
