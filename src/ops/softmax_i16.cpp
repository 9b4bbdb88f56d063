#include "ops/softmax_i16.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace hone {
namespace {

int16_t saturate(double v) { return static_cast<int16_t>(std::clamp(v, -32768.0, 32767.0)); }

/// Samples of f over low … high in steps of 2⁻¹⁵, each moved by half of what interpolation misses in the middle.
template <class F>
void fill(std::span<int16_t> table, double low, double high, F f) {
  const double step = (high - low) / static_cast<double>(table.size() - 1);
  auto sample = [&](double at) { return f(at) * 32768.0; };
  for (size_t i = 0; i + 1 < table.size(); ++i) {
    const double at = low + static_cast<double>(i) * step;
    const double here = std::round(sample(at));
    const double between = std::round((sample(low + static_cast<double>(i + 1) * step) + here) / 2);
    const double error = between - std::round(sample(at + step / 2));
    table[i] = saturate(here - std::round(error / 2));
  }
  table.back() = saturate(std::round(sample(high)));
}

/// The table at position (value + 32768) / 128, between entries by a straight line.
int32_t look_up(std::span<const int16_t> table, int32_t value) {
  const size_t index = static_cast<size_t>(256 + (value >> 7));
  const int32_t slope = table[index + 1] - table[index];
  return table[index] + ((slope * (value & 127) + 64) >> 7);
}

int32_t to_i16(int64_t v) { return static_cast<int32_t>(std::clamp<int64_t>(v, -32768, 32767)); }

}  // namespace

SoftmaxI16::SoftmaxI16(double scale) : to_table_(quantize_multiplier(scale / (10.0 / 65535.0))) {
  fill(exp_, -10, 0, [](double v) { return std::exp(v); });
  fill(inverse_, 0, 1, [](double v) { return 1 / (1 + v); });
}

void SoftmaxI16::run(std::span<const int16_t> x, std::span<int16_t> y) const {
  const int32_t top = *std::max_element(x.begin(), x.end());
  int64_t sum = 0;  // steps of 2⁻¹⁵
  for (size_t i = 0; i < x.size(); ++i) {
    const int64_t place = int64_t{multiply_by_quantized_multiplier(x[i] - top, to_table_)} + 32767;
    y[i] = static_cast<int16_t>(look_up(exp_, to_i16(place)));
    sum += y[i];
  }
  sum = std::clamp<int64_t>(sum, 1, std::numeric_limits<int32_t>::max());
  // sum · 2^(headroom − 1) in 1 … 2 as 16 bits; the table takes what exceeds 1.
  const int headroom = std::countl_zero(static_cast<uint32_t>(sum));
  const int64_t normal = ((sum << (headroom - 1)) + (1 << 13)) >> 14;
  const int64_t inverse = look_up(inverse_, to_i16(normal - (1 << 15) - (1 << 16)));
  const int shift = 31 - headroom;
  const int64_t half = shift > 0 ? int64_t(1) << (shift - 1) : 0;
  for (int16_t& v : y) v = static_cast<int16_t>(std::clamp<int64_t>((v * inverse + half) >> shift, 0, 32767));
}

}  // namespace hone
