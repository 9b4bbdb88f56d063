// Reductions, softmax and normalisation.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/checked.h"
#include "ops/fixed_point.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

// A reduction whose axes are neighbours: x as [outer, count, inner], y as [outer, inner].
struct Reduction {
  int64_t outer = 1, count = 1, inner = 1;
};

std::optional<Reduction> reduction_of(const KernelRequest& r, bool noop_with_empty_axes) {
  if (!r.is_static() || r.input(0).shape.elements() == 0) return std::nullopt;
  const Dims x = r.input(0).shape.dims();
  std::vector<bool> is_reduced(x.size(), false);
  std::vector<int64_t> axes;
  if (r.has_input(1)) {
    const auto given = constant_ints(r, 1);
    if (!given) return std::nullopt;
    axes = *given;
  }
  if (axes.empty()) {
    if (noop_with_empty_axes) return std::nullopt;
    is_reduced.assign(x.size(), true);
  }
  for (int64_t a : axes)
    is_reduced[static_cast<size_t>(normalize_axis(a, static_cast<int64_t>(x.size()), "reduce"))] = true;
  Reduction out;
  int stage = 0;  // before, in, after the reduced axes
  for (size_t i = 0; i < x.size(); ++i) {
    if (x[i] == 1) continue;
    if (is_reduced[i] && stage == 2) return std::nullopt;
    if (is_reduced[i]) stage = 1;
    if (!is_reduced[i] && stage == 1) stage = 2;
    (stage == 0 ? out.outer : stage == 1 ? out.count : out.inner) *= x[i];
  }
  return out;
}

// Softmax as rows: the axis is last but for dims of one.
std::optional<Reduction> rows_of(const KernelRequest& r, int64_t axis) {
  if (!r.is_static() || r.input(0).shape.rank() == 0 || r.input(0).shape.elements() == 0) return std::nullopt;
  const Dims x = r.input(0).shape.dims();
  const auto a = static_cast<size_t>(normalize_axis(axis, static_cast<int64_t>(x.size()), "softmax"));
  for (size_t i = a + 1; i < x.size(); ++i) {
    if (x[i] != 1) return std::nullopt;
  }
  return Reduction{r.input(0).shape.elements() / x[a], x[a], 1};
}

bool is_noop_flag(const Node& n) {
  if (n.is<ReduceMean>()) return n.as<ReduceMean>().noop_with_empty_axes;
  if (n.is<ReduceSum>()) return n.as<ReduceSum>().noop_with_empty_axes;
  return n.as<ReduceMax>().noop_with_empty_axes;
}

}  // namespace

std::unique_ptr<Step> make_reduce_f32(const KernelRequest& r, const KernelTable& table) {
  if (!is_f32(r.input(0)) || !is_f32(r.output())) return nullptr;
  const auto d = reduction_of(r, is_noop_flag(r.node()));
  const bool is_max = r.node().is<ReduceMax>();
  if (!d || (is_max && d->inner != 1)) return nullptr;
  const float factor = r.node().is<ReduceMean>() ? 1.0f / static_cast<float>(d->count) : 1.0f;
  const int64_t tasks = tasks_for(d->outer * d->count * d->inner, r.threads);
  const KernelTable* t = &table;
  return make_step([=, d = *d](RunContext& c) {
    for_tasks(*c.pool, d.outer, tasks, [&](int64_t, int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        const float* x = in<float>(c, 0) + i * d.count * d.inner;
        float* y = out<float>(c) + i * d.inner;
        if (is_max) {
          *y = t->max(x, d.count);
        } else if (d.inner == 1) {
          *y = t->sum(x, d.count) * factor;
        } else {
          std::fill(y, y + d.inner, 0.0f);
          t->add_rows(x, d.count, d.inner, y, d.inner);
          t->unary[static_cast<int>(Unary::kAffine)](y, y, d.inner, factor, 0);
        }
      }
    });
  });
}

std::unique_ptr<Step> make_mean_bytes(const KernelRequest& r, const KernelTable& table) {
  if (!is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.output()) || wants_fixed_point(r)) return nullptr;
  const auto d = reduction_of(r, is_noop_flag(r.node()));
  if (!d || d->count > (1 << 22)) return nullptr;
  const QuantParams& x = *r.input(0).quant;
  const QuantParams& y = *r.output().quant;
  const auto scale = static_cast<float>(double(x.scale()) / (double(y.scale()) * static_cast<double>(d->count)));
  const auto offset = static_cast<int32_t>(d->count * x.zero_point());
  const int32_t zero = y.zero_point();
  const auto low = static_cast<float>(min_of(r.output().dtype) - zero);
  const auto high = static_cast<float>(max_of(r.output().dtype) - zero);
  const bool is_unsigned = is_unsigned_byte(r.input(0));
  const auto add_rows = table.add_rows_s8;
  return make_step(
      [=, d = *d](RunContext& c) {
        auto* sums = static_cast<int32_t*>(c.scratch);
        for (int64_t i = 0; i < d.outer; ++i) {
          std::fill(sums, sums + d.inner, 0);
          add_rows(in<uint8_t>(c, 0) + i * d.count * d.inner, d.count, d.inner, sums, d.inner, is_unsigned);
          for (int64_t j = 0; j < d.inner; ++j) {
            const float v = std::clamp(static_cast<float>(sums[j] - offset) * scale, low, high);
            out<uint8_t>(c)[i * d.inner + j] = static_cast<uint8_t>(saturated<int32_t>(std::nearbyint(v)) + zero);
          }
        }
      },
      align_64(d->inner * 4));
}

std::unique_ptr<Step> make_softmax_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<Softmax>();
  if (!is_f32(r.input(0)) || !is_f32(r.output())) return nullptr;
  const auto d = rows_of(r, op.axis);
  if (!d) return nullptr;
  const int64_t tasks = tasks_for(d->outer * d->count, r.threads);
  const auto f = table.softmax;
  return make_step(
      [=, d = *d, beta = op.beta](RunContext& c) {
        for_tasks(*c.pool, d.outer, tasks, [&](int64_t, int64_t from, int64_t to) {
          f(in<float>(c, 0) + from * d.count, out<float>(c) + from * d.count, to - from, d.count, beta);
        });
      },
      0, 0);
}

// Over an axis that is not the last: rows of `inner` numbers at once.
std::unique_ptr<Step> make_softmax_rows_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<Softmax>();
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.output()) || op.beta != 1 ||
      r.input(0).shape.elements() == 0 || r.input(0).shape.rank() == 0) {
    return nullptr;
  }
  const Dims x = r.input(0).shape.dims();
  const auto axis = normalize_axis(op.axis, static_cast<int64_t>(x.size()), "softmax");
  Reduction d{1, x[static_cast<size_t>(axis)], 1};
  for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
    if (i != axis) (i < axis ? d.outer : d.inner) *= x[static_cast<size_t>(i)];
  }
  const int64_t tasks = std::min(d.outer, tasks_for(d.outer * d.count * d.inner, r.threads));
  const int64_t scratch = align_64(d.inner * 4);
  const KernelTable* t = &table;
  return make_step(
      [=](RunContext& c) {
        const float inf = std::numeric_limits<float>::infinity();
        const auto of = [&](Binary op, const float* a, const float* b, float* y) {
          t->binary[static_cast<int>(op)](a, b, y, d.inner, -inf, inf);
        };
        for_tasks(*c.pool, d.outer, tasks, [&](int64_t task, int64_t from, int64_t to) {
          auto* row = reinterpret_cast<float*>(static_cast<std::byte*>(c.scratch) + task * scratch);
          for (int64_t o = from; o < to; ++o) {
            const float* source = in<float>(c, 0) + o * d.count * d.inner;
            float* y = out<float>(c) + o * d.count * d.inner;
            std::copy_n(source, d.inner, row);
            for (int64_t i = 1; i < d.count; ++i) of(Binary::kMax, row, source + i * d.inner, row);
            for (int64_t i = 0; i < d.count; ++i) of(Binary::kSub, source + i * d.inner, row, y + i * d.inner);
            t->unary[static_cast<int>(Unary::kExp)](y, y, d.count * d.inner, 0, 0);
            std::fill_n(row, d.inner, 0.0f);
            t->add_rows(y, d.count, d.inner, row, d.inner);
            for (int64_t i = 0; i < d.count; ++i) of(Binary::kDiv, y + i * d.inner, row, y + i * d.inner);
          }
        });
      },
      tasks * scratch, 0);
}

// exp(beta · scale · (x − max)) takes 256 values at most: a table, summed in double, the same on every level.
std::unique_ptr<Step> make_softmax_bytes(const KernelRequest& r, const KernelTable&) {
  const auto& op = r.node().as<Softmax>();
  if (!is_quantized_bytes(r.input(0)) || !is_quantized_bytes(r.output()) || wants_fixed_point(r)) return nullptr;
  const auto d = rows_of(r, op.axis);
  if (!d) return nullptr;
  std::vector<double> table(256);
  for (size_t i = 0; i < table.size(); ++i) {
    table[i] = std::exp(-double(op.beta) * double(r.input(0).quant->scale()) * static_cast<double>(i));
  }
  const double inverse_scale = 1.0 / double(r.output().quant->scale());
  const int32_t zero = r.output().quant->zero_point();
  const auto low = static_cast<double>(min_of(r.output().dtype));
  const auto high = static_cast<double>(max_of(r.output().dtype));
  const uint8_t flip = is_unsigned_byte(r.input(0)) ? 0 : 0x80;  // makes signed bytes compare as unsigned ones
  return make_step([=, d = *d, table = std::move(table)](RunContext& c) {
    for (int64_t row = 0; row < d.outer; ++row) {
      const uint8_t* x = in<uint8_t>(c, 0) + row * d.count;
      uint8_t* y = out<uint8_t>(c) + row * d.count;
      uint8_t top = 0;
      for (int64_t i = 0; i < d.count; ++i) top = std::max<uint8_t>(top, x[i] ^ flip);
      double sum = 0;
      for (int64_t i = 0; i < d.count; ++i) sum += table[static_cast<size_t>(top - (x[i] ^ flip))];
      for (int64_t i = 0; i < d.count; ++i) {
        const double v = table[static_cast<size_t>(top - (x[i] ^ flip))] / sum * inverse_scale;
        y[i] = static_cast<uint8_t>(saturated<int32_t>(std::clamp(std::nearbyint(v) + zero, low, high)));
      }
    }
  });
}

std::unique_ptr<Step> make_layer_norm_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<LayerNorm>();
  if (!r.is_static() || r.node().outputs.size() != 1 || r.input(0).shape.elements() == 0) return nullptr;
  for (size_t i = 0; i < 3; ++i) {
    if (r.has_input(i) && !is_f32(r.input(i))) return nullptr;
  }
  const Dims x = r.input(0).shape.dims();
  const auto axis = static_cast<size_t>(normalize_axis(op.axis, static_cast<int64_t>(x.size()), "layer norm"));
  const int64_t n = std::accumulate(x.begin() + static_cast<ptrdiff_t>(axis), x.end(), int64_t{1}, std::multiplies<>());
  for (size_t i = 1; i < 3; ++i) {
    if (r.has_input(i) && r.input(i).shape.elements() != n) return nullptr;
  }
  if (!is_f32(r.output()) || !r.has_input(1)) return nullptr;
  const bool has_bias = r.has_input(2);
  const int64_t rows = r.input(0).shape.elements() / n;
  const int64_t tasks = tasks_for(rows * n, r.threads);
  const auto f = table.layer_norm;
  return make_step([=, epsilon = op.epsilon](RunContext& c) {
    const float* bias = has_bias ? in<float>(c, 2) : nullptr;
    for_tasks(*c.pool, rows, tasks, [&](int64_t, int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) {
        f(in<float>(c, 0) + i * n, out<float>(c) + i * n, n, epsilon, in<float>(c, 1), bias);
      }
    });
  });
}

}  // namespace hone::cpu
