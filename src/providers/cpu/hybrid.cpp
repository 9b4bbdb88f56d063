#include "providers/cpu/hybrid.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "providers/cpu/tasks.h"

namespace hone::cpu {
namespace {

// The zero point is taken from the end of the range where it loses less to rounding (TFLite, AsymmetricQuantizeFloats).
RowQuant asymmetric_quant(double low, double high) {
  const double min = std::fmin(0.0, low);
  const double max = std::fmax(0.0, high);
  const double scale = (max - min) / 255;
  const double from_min = -128 - min / scale;
  const double from_max = 127 - max / scale;
  const bool is_min_safer = 128 + std::abs(min / scale) < 127 + std::abs(max / scale);
  const double zero = std::clamp(std::round(is_min_safer ? from_min : from_max), -128.0, 127.0);
  return {static_cast<float>(scale), saturated<int32_t>(zero)};
}

ConvQuant prepared(ConvQuant q, const ConvShape& shape) {
  q.in_unsigned = false;
  q.in_zero = 0;
  q.in_scale = q.out_scale = 1;
  q.fixed_point = false;
  q.accumulates = true;
  q.bias.assign(static_cast<size_t>(shape.out_c), 0);
  return q;
}

}  // namespace

RowQuant quantize_row(const KernelTable& table, const float* x, int64_t n, bool is_asymmetric, int8_t* y) {
  const FloatRange range = table.range(x, n);
  const float magnitude = std::max(std::abs(range.min), std::abs(range.max));
  if (n == 0 || magnitude == 0 || !std::isfinite(magnitude) || range.has_nan) {
    std::fill(y, y + n, int8_t{0});
    return {};
  }
  const RowQuant q =
      is_asymmetric ? asymmetric_quant(double(range.min), double(range.max)) : RowQuant{magnitude / 127, 0};
  const float inverse = is_asymmetric ? static_cast<float>(1.0 / double(q.scale)) : 127.0f / magnitude;
  table.quantize_away(x, reinterpret_cast<uint8_t*>(y), n, inverse, q.zero, is_asymmetric ? -128 : -127);
  return q;
}

HybridConv::HybridConv(const KernelTable& table, const GemmS8Variant& gemm, const ConvShape& shape, ConvQuant quant,
                       std::vector<float> bias, bool is_asymmetric, bool is_per_pixel, int threads)
    : table_(table),
      shape_(shape),
      is_asymmetric_(is_asymmetric),
      rows_(is_per_pixel ? shape.batch * shape.pixels() : shape.batch),
      row_length_(shape.batch * shape.in_h * shape.in_w * shape.in_c / rows_),
      threads_(threads),
      w_scale_(quant.w_scale),
      bias_(std::move(bias)) {
  const int64_t depth = shape.depth();
  for (int64_t c = 0; c < shape.out_c; ++c) {
    int32_t sum = 0;
    for (int64_t i = 0; i < depth; ++i) sum += quant.w[static_cast<size_t>(c * depth + i)];
    w_sum_.push_back(sum);
  }
  bias_.resize(static_cast<size_t>(shape.out_c));
  const ConvQuant q = prepared(std::move(quant), shape);
  if (shape.is_depthwise()) {
    depthwise_ = std::make_unique<DepthwiseQ>(table, shape, q, threads);
  } else {
    dense_ = std::make_unique<DenseQ>(table, gemm, shape, q, threads);
  }
}

int64_t HybridConv::scratch_bytes() const {
  const int64_t conv = depthwise_ ? depthwise_->scratch_bytes() : dense_->scratch_bytes();
  return align_64(conv) + align_64(rows_ * row_length_) + 2 * align_64(rows_ * 4);
}

void HybridConv::run(const float* x, float* y, float act_min, float act_max, ThreadPool& pool, void* scratch) const {
  const int64_t conv_bytes = align_64(depthwise_ ? depthwise_->scratch_bytes() : dense_->scratch_bytes());
  auto* stored = reinterpret_cast<int8_t*>(static_cast<std::byte*>(scratch) + conv_bytes);
  auto* zeros = reinterpret_cast<int32_t*>(stored + align_64(rows_ * row_length_));
  auto* scales = reinterpret_cast<float*>(zeros + align_64(rows_ * 4) / 4);
  for_tasks(pool, rows_, threads_, [&](int64_t, int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) {
      const RowQuant q =
          quantize_row(table_, x + i * row_length_, row_length_, is_asymmetric_, stored + i * row_length_);
      zeros[i] = q.zero;
      scales[i] = q.scale;
    }
  });
  const int64_t pixels_per_row = shape_.batch * shape_.pixels() / rows_;
  const AccumulatorSink sink = [&](int64_t row, int64_t rows, int64_t channel, int64_t n, const int32_t* acc) {
    for (int64_t r = row; r < row + rows; ++r, acc += n) {
      table_.finish_hybrid(acc, y + r * shape_.out_c + channel, n,
                           {.w_sum = w_sum_.data() + channel,
                            .w_scale = w_scale_.data() + channel,
                            .bias = bias_.data() + channel,
                            .zero = zeros[r / pixels_per_row],
                            .scale = scales[r / pixels_per_row],
                            .min = act_min,
                            .max = act_max});
    }
  };
  const auto* bytes = reinterpret_cast<const uint8_t*>(stored);
  if (depthwise_) {
    depthwise_->accumulate(bytes, zeros, sink, pool, scratch);
  } else {
    dense_->accumulate(bytes, zeros, sink, pool, scratch);
  }
}

}  // namespace hone::cpu
