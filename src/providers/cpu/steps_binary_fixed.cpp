// Sums and differences of bytes in TFLite's fixed point.
#include <algorithm>
#include <array>
#include <vector>

#include "ops/binary.h"
#include "ops/fixed_point.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

/// The term of a sum for each of 256 bytes: (stored − zero) · 2^20 · multiplier, as the reference rounds it
/// (ops/quantized_binary.cpp).
using Terms = std::array<int32_t, 256>;

constexpr int kShift = 20;

Terms terms_of(const TensorType& type, double twice_max, int32_t sign) {
  const FixedMultiplier m = quantize_multiplier(double(type.quant->scale()) / twice_max);
  Terms terms{};
  for (int i = 0; i < 256; ++i) {
    const int32_t stored = is_unsigned_byte(type) ? i : static_cast<int8_t>(i);
    const uint32_t shifted = static_cast<uint32_t>(stored - type.quant->zero_point()) << kShift;
    terms[static_cast<size_t>(i)] = sign * multiply_by_quantized_multiplier(static_cast<int32_t>(shifted), m);
  }
  return terms;
}

struct FixedSum {
  // Sums that are finished together, as rows of so many channels of one multiplier.
  static constexpr int64_t kChunk = 512;
  static constexpr int64_t kChannels = 16;

  Terms a, b;
  QuantizedRange range;
  int32_t zero;
  std::array<int32_t, kChannels> multiplier, left, right;
  bool is_small;

  void run(const KernelTable& table, const uint8_t* x, const uint8_t* y, uint8_t* z, int64_t n) const {
    const FixedRequant q{.multiplier = multiplier.data(),
                         .left = left.data(),
                         .right = right.data(),
                         .zero_point = zero,
                         .min = range.min,
                         .max = range.max,
                         .halves_up = false,
                         .is_small = is_small};
    int32_t sums[kChunk];
    for (int64_t i = 0; i < n; i += kChunk) {
      const int64_t count = std::min(kChunk, n - i);
      for (int64_t j = 0; j < count; ++j) sums[j] = a[x[i + j]] + b[y[i + j]];
      const int64_t rows = count / kChannels;
      const int64_t whole = rows * kChannels;
      table.requantize_fixed(sums, kChannels, rows, kChannels, z + i, kChannels, q);
      if (whole < count) table.requantize_fixed(sums + whole, 0, 1, count - whole, z + i + whole, 0, q);
    }
  }
};

}  // namespace

std::unique_ptr<Step> make_sum_fixed(const KernelRequest& r, const KernelTable& table) {
  const bool is_sum = r.node().is<Add>();
  if (!r.is_static() || !wants_fixed_point(r) || (!is_sum && !r.node().is<Sub>())) return nullptr;
  const TensorType& x = r.input(0);
  const TensorType& y = r.input(1);
  const TensorType& z = r.output();
  for (const TensorType* t : {&x, &y, &z}) {
    if (!is_quantized_bytes(*t) || t->dtype != z.dtype || t->shape.dims() != z.shape.dims()) return nullptr;
  }
  const float min = is_sum ? r.node().as<Add>().act_min : r.node().as<Sub>().act_min;
  const float max = is_sum ? r.node().as<Add>().act_max : r.node().as<Sub>().act_max;
  const double twice_max = static_cast<double>(2 * std::max(x.quant->scale(), y.quant->scale()));
  const FixedMultiplier result =
      quantize_multiplier(twice_max / ((1 << kShift) * static_cast<double>(z.quant->scale())));
  auto sum = std::make_shared<FixedSum>(FixedSum{.a = terms_of(x, twice_max, 1),
                                                 .b = terms_of(y, twice_max, is_sum ? 1 : -1),
                                                 .range = activation_range(min, max, z.dtype, z.quant),
                                                 .zero = z.quant->zero_point(),
                                                 .multiplier = {},
                                                 .left = {},
                                                 .right = {},
                                                 .is_small = result.shift < 0});
  sum->multiplier.fill(result.value);
  sum->left.fill(std::max(result.shift, 0));
  sum->right.fill(std::max(-result.shift, 0));
  const int64_t n = z.shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  const KernelTable* kernels = &table;
  return make_step([=](RunContext& c) {
    for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) {
      sum->run(*kernels, in<uint8_t>(c, 0) + from, in<uint8_t>(c, 1) + from, hone::cpu::out<uint8_t>(c) + from,
               to - from);
    });
  });
}

}  // namespace hone::cpu
