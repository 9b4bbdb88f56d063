#include "ops/hybrid.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/compute.h"

namespace hone {
namespace {

struct RowScale {
  float scale = 1;
  int32_t zero_point = 0;
};

/// The zero point is taken from the end of the range where it loses less to rounding.
RowScale asymmetric_scale(std::span<const float> row) {
  const auto [low, high] = std::minmax_element(row.begin(), row.end());
  const double min = std::fmin(0.0, static_cast<double>(*low)), max = std::fmax(0.0, static_cast<double>(*high));
  if (min == max) return {};
  constexpr double kMin = -128, kMax = 127;
  const double scale = (max - min) / (kMax - kMin);
  const double from_min = kMin - min / scale, from_max = kMax - max / scale;
  const bool min_is_safer = std::abs(kMin) + std::abs(min / scale) < std::abs(kMax) + std::abs(max / scale);
  const double zero = std::clamp(std::round(min_is_safer ? from_min : from_max), kMin, kMax);
  return {static_cast<float>(scale), saturated<int32_t>(zero)};
}

float largest_magnitude(std::span<const float> row) {
  float largest = 0;
  for (const float v : row) largest = std::max(largest, std::abs(v));
  return largest;
}

int32_t rounded(float v, int32_t low, int32_t high) {
  if (std::isnan(v)) return 0;
  return static_cast<int32_t>(std::clamp(std::round(v), static_cast<float>(low), static_cast<float>(high)));
}

}  // namespace

QuantizedRows quantize_rows(std::span<const float> x, int64_t rows, bool asymmetric) {
  QuantizedRows out;
  out.centered.resize(x.size());
  const size_t length = rows == 0 ? 0 : x.size() / static_cast<size_t>(rows);
  for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
    const auto row = x.subspan(r * length, length);
    const float magnitude = largest_magnitude(row);
    if (row.empty() || magnitude == 0 || !std::isfinite(magnitude)) {
      out.scales.push_back(1);
      continue;
    }
    const RowScale s = asymmetric ? asymmetric_scale(row) : RowScale{magnitude / 127, 0};
    const float inverse = asymmetric ? static_cast<float>(1.0 / static_cast<double>(s.scale)) : 127.0f / magnitude;
    const int32_t low = asymmetric ? -128 : -127;
    for (size_t i = 0; i < length; ++i) {
      const int32_t q = rounded(static_cast<float>(s.zero_point) + row[i] * inverse, low, 127);
      out.centered[r * length + i] = static_cast<uint32_t>(q - s.zero_point);
    }
    out.scales.push_back(s.scale);
  }
  return out;
}

bool is_hybrid(const Tensor& x, const Tensor& w, const TensorType& out, int64_t weight_axis) {
  if (x.dtype() != DType::kF32 || x.quant() || out.quant || !w.quant()) return false;
  if (w.dtype() != DType::kI8 && w.dtype() != DType::kI4) return false;
  const QuantParams& q = *w.quant();
  if (q.block_size > 0 || (q.axis >= 0 && q.axis != weight_axis)) return false;
  return std::all_of(q.zero_points.begin(), q.zero_points.end(), [](int32_t z) { return z == 0; });
}

void store_hybrid(const HybridResult& r, const std::vector<uint32_t>& sums, const QuantizedRows& rows, Tensor& y) {
  if (sums.empty()) return;
  const auto channels = static_cast<size_t>(y.dim(y.rank() - 1));
  const size_t row_size = sums.size() / rows.scales.size();
  const QuantParams& q = *r.w.quant();
  const Tensor bias = r.bias.exists() ? cast(r.bias.quant() ? dequantize(r.bias) : r.bias, DType::kF32) : Tensor();
  auto out = y.mutable_data<float>();
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t c = i % channels;
    const float sum = static_cast<float>(static_cast<int32_t>(sums[i]));
    float v = sum * q.scale(static_cast<int64_t>(c)) * rows.scales[i / row_size];
    if (bias.exists()) v += bias.data<float>()[c];
    out[i] = v < r.act_min ? r.act_min : v > r.act_max ? r.act_max : v;
  }
}

}  // namespace hone
