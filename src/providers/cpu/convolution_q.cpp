#include "providers/cpu/convolution_q.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "ops/fixed_point.h"
#include "providers/cpu/kernels/variants.h"
#include "providers/cpu/tasks.h"

namespace hone::cpu {
namespace {

// As in convolution.cpp.
constexpr int64_t kSmallWeights = 256 * 1024;
constexpr int64_t kBlockBytes = 96 * 1024;
constexpr int64_t kLargeBlockBytes = 512 * 1024;
// The last run of the last line may be filled up beyond it.
constexpr int64_t kAfterLines = 64;

double multiplier(const ConvQuant& q, int64_t channel) {
  const float w_scale = q.w_scale[static_cast<size_t>(channel)];
  const double product = q.product_in_float ? double(q.in_scale * w_scale) : double(q.in_scale) * double(w_scale);
  return product / double(q.out_scale);
}

// Kernels of more than one tap, unless the copy or what fills up a run would be more than it saves.
LineBlocks plan_lines(const GemmS8Variant& gemm, const ConvShape& shape, const ConvQuant& quant) {
  constexpr int64_t kFewestPixels = 4;
  LineBlocks l;
  const int64_t run = shape.kernel_w * shape.in_c;
  l.run = (run + gemm.kr - 1) / gemm.kr * gemm.kr;
  l.width = (shape.out_w - 1) * shape.stride_w + shape.kernel_w;
  l.height = (shape.kernel_h - 1) * shape.dilation_h + 1;
  // Tiles end where lines do: where that leaves them far from full, heavy weights are read too often.
  const int64_t tiles = (shape.out_w + gemm.mr - 1) / gemm.mr;
  const bool divides_badly = shape.out_w * 4 < tiles * gemm.mr * 3;
  const bool is_heavy = shape.depth() * shape.out_c > kSmallWeights;
  l.is_used = shape.taps() > 1 && shape.groups == 1 && shape.dilation_w == 1 && quant.w_zero == 0 &&
              shape.stride_w <= shape.kernel_w && shape.stride_h <= l.height && shape.out_w >= kFewestPixels &&
              l.run * 2 <= run * 3 && !(is_heavy && divides_badly) && l.width <= shape.in_w + 2 * shape.kernel_w &&
              l.height <= shape.in_h + shape.kernel_h;
  l.stride = l.width * shape.in_c * gemm.element_bytes;
  return l;
}

// Rows that are divided together: a tile, or a line of outputs.
int64_t unit_rows(const GemmS8Variant& gemm, const ConvShape& shape, const LineBlocks& lines) {
  return lines.is_used ? shape.out_w : gemm.mr;
}

RowBlocks plan_blocks(const GemmS8Variant& gemm, const ConvShape& shape, const ConvQuant& quant,
                      const LineBlocks& lines, int threads) {
  RowBlocks b;
  const int64_t depth = shape.depth();
  // Unsigned bytes in whole groups are what the byte levels multiply: such rows need no gathering.
  b.is_direct = shape.is_pointwise() && gemm.element_bytes == 1 && quant.in_unsigned &&
                (quant.w_zero == 0 || shape.groups == 1) && depth % gemm.kr == 0 && shape.in_c % gemm.kr == 0;
  const bool is_flat = shape.is_pointwise();
  b.images = is_flat ? 1 : shape.batch;
  b.rows = is_flat ? shape.batch * shape.pixels() : shape.pixels();
  b.row_stride = b.is_direct ? shape.in_c : gemm.row_bytes(depth);
  if (!b.is_direct && b.row_stride % 4096 == 0) b.row_stride += 64;
  const int64_t unit = unit_rows(gemm, shape, lines);
  const int64_t unit_bytes = lines.is_used ? shape.stride_h * lines.stride : b.row_stride * unit;
  const int64_t bytes = depth * shape.out_c / shape.groups <= kSmallWeights ? kBlockBytes : kLargeBlockBytes;
  b.block = std::max<int64_t>(1, bytes / unit_bytes) * unit;
  // Accumulators that are finished later stay in the cache until then.
  if (quant.accumulates) {
    const int64_t sums = unit * shape.out_c / shape.groups * 4;
    b.block = std::min(b.block, std::max<int64_t>(1, kBlockBytes / sums) * unit);
  }
  const int64_t tiles = b.images * ((b.rows + unit - 1) / unit);
  b.splits_columns = tiles < threads;
  const int64_t panels = (shape.out_c / shape.groups + gemm.nr - 1) / gemm.nr;
  b.tasks = std::min<int64_t>(threads, b.splits_columns ? panels : tiles);
  return b;
}

ConvShape gathered_shape(ConvShape shape) {
  if (!shape.is_pointwise()) return shape;
  shape.in_w = shape.out_w = shape.batch * shape.pixels();
  shape.batch = shape.in_h = shape.out_h = 1;
  return shape;
}

// Weights with their runs filled up: [channels, kernel_h, run].
std::vector<int8_t> in_runs(const std::vector<int8_t>& w, int64_t run, int64_t filled) {
  std::vector<int8_t> out(w.size() / static_cast<size_t>(run) * static_cast<size_t>(filled));
  for (size_t i = 0; i < w.size() / static_cast<size_t>(run); ++i) {
    std::copy_n(w.begin() + static_cast<ptrdiff_t>(i) * run, run, out.begin() + static_cast<ptrdiff_t>(i) * filled);
  }
  return out;
}

// The best variant that takes these weights.
const DepthwiseS8Variant* depthwise_for(const KernelTable& table, bool fits_bytes, bool needs_raw) {
  for (const DepthwiseS8Variant* v : usable(table, table.depthwise_s8)) {
    if ((fits_bytes || !v->takes_bytes) && (v->has_raw || !needs_raw)) return v;
  }
  throw internal_error("no depthwise kernel takes everything");
}

}  // namespace

std::vector<float> float_scales(const ConvQuant& q) {
  std::vector<float> scales(q.w_scale.size());
  for (size_t c = 0; c < scales.size(); ++c) scales[c] = static_cast<float>(multiplier(q, static_cast<int64_t>(c)));
  return scales;
}

EpilogueS8 epilogue_of(const ConvQuant& q) {
  const std::vector<float> scales = float_scales(q);
  return {.lo = static_cast<float>(q.out_min - q.out_zero),
          .hi = static_cast<float>(q.out_max - q.out_zero),
          .zero_point = q.out_zero,
          .fits = std::all_of(scales.begin(), scales.end(), [](float s) { return std::abs(s) <= 0.5f; })};
}

FixedPointEpilogue::FixedPointEpilogue(const KernelTable& table, const ConvQuant& q)
    : requantize_(table.requantize_fixed),
      zero_(q.out_zero),
      min_(q.out_min),
      max_(q.out_max),
      halves_up_(q.halves_up) {
  if (!q.fixed_point) return;
  for (size_t c = 0; c < q.w_scale.size(); ++c) {
    const FixedMultiplier m = quantize_multiplier(multiplier(q, static_cast<int64_t>(c)));
    multipliers_.push_back(m.value);
    left_.push_back(std::max(m.shift, 0));
    right_.push_back(std::max(-m.shift, 0));
    is_small_ &= m.shift < 0;
  }
}

void FixedPointEpilogue::apply(const int32_t* acc, int64_t rows, int64_t n, int64_t channel, uint8_t* y,
                               int64_t y_stride) const {
  requantize_(acc, n, rows, n, y, y_stride, from(channel));
}

FixedRequant FixedPointEpilogue::from(int64_t channel) const {
  if (!is_used()) return {};
  return {.multiplier = multipliers_.data() + channel,
          .left = left_.data() + channel,
          .right = right_.data() + channel,
          .zero_point = zero_,
          .min = min_,
          .max = max_,
          .halves_up = halves_up_,
          .is_small = is_small_};
}

DenseQ::DenseQ(const KernelTable& table, const GemmS8Variant& gemm, const ConvShape& shape, const ConvQuant& q,
               int threads)
    : gemm_(gemm),
      shape_(shape),
      gathered_(gathered_shape(shape)),
      lines_(plan_lines(gemm, shape, q)),
      blocks_(plan_blocks(gemm, shape, q, lines_, threads)),
      epilogue_(epilogue_of(q)),
      fixed_(table, q),
      in_unsigned_(q.in_unsigned),
      in_zero_(q.in_zero),
      w_zero_(q.w_zero) {
  const int64_t depth = shape.depth();
  const int64_t n = shape.out_c / shape.groups;
  const int32_t in_zero = gemm.packed_zero_point(q.in_zero, q.in_unsigned);
  const std::vector<float> scales = float_scales(q);
  // Σ (x − zx)(w − zw) = Σ x·w − zx Σ w − zw Σ x + depth zx zw; the third term depends on the row.
  std::vector<int32_t> bias = q.bias;
  for (int64_t c = 0; c < shape.out_c; ++c) {
    int64_t sum = 0;
    for (int64_t i = 0; i < depth; ++i) sum += q.w[static_cast<size_t>(c * depth + i)];
    bias[static_cast<size_t>(c)] = static_cast<int32_t>(bias[static_cast<size_t>(c)] - int64_t{in_zero} * sum +
                                                        depth * in_zero * int64_t{q.w_zero});
  }
  const int64_t rows = std::min(blocks_.block, blocks_.rows);
  if (lines_.is_used) {
    const std::vector<int8_t> w = in_runs(q.w, shape.kernel_w * shape.in_c, lines_.run);
    const int64_t k = shape.kernel_h * lines_.run;
    packed_.push_back(packed(gemm, {.b = {w.data(), 1, k, k, n},
                                    .bias = bias.data(),
                                    .scale = scales.data(),
                                    .run = lines_.run,
                                    .run_stride = shape.dilation_h * lines_.stride}));
    const int64_t lines = (rows / shape.out_w - 1) * shape.stride_h + lines_.height;
    rows_bytes_ = align_64(lines * lines_.stride + kAfterLines);
  } else {
    for (int64_t g = 0; g < shape.groups; ++g) {
      packed_.push_back(packed(gemm, {.b = {q.w.data() + g * n * depth, 1, depth, depth, n},
                                      .bias = bias.data() + g * n,
                                      .scale = scales.data() + g * n}));
    }
    if (!blocks_.is_direct) rows_bytes_ = align_64(rows * blocks_.row_stride);
  }
  if (w_zero_ != 0) sums_bytes_ = align_64(rows * 4);
  task_scratch_ = rows_bytes_ + sums_bytes_ + (q.accumulates ? align_64(rows * n * 4) : 0);
}

void DenseQ::run(const uint8_t* x, uint8_t* y, ThreadPool& pool, void* scratch, const uint8_t* residual,
                 const BinaryQ& sum) const {
  run({x, y, nullptr, nullptr, residual, sum}, pool, scratch);
}

void DenseQ::accumulate(const uint8_t* x, const int32_t* image_zeros, const AccumulatorSink& sink, ThreadPool& pool,
                        void* scratch) const {
  run({x, nullptr, image_zeros, &sink, nullptr, {}}, pool, scratch);
}

void DenseQ::run(const Call& call, ThreadPool& pool, void* scratch) const {
  auto* bytes = static_cast<std::byte*>(scratch);
  const int64_t unit = unit_rows(gemm_, shape_, lines_);
  const int64_t nr = gemm_.nr;
  const int64_t n = shape_.out_c / shape_.groups;
  const int64_t tiles = blocks_.images * ((blocks_.rows + unit - 1) / unit);
  if (blocks_.splits_columns) {
    for_tasks(pool, (n + nr - 1) / nr, blocks_.tasks, [&](int64_t task, int64_t first, int64_t last) {
      run_rows(call, 0, tiles, first * nr, std::min(n, last * nr), bytes + task * task_scratch_);
    });
    return;
  }
  for_tasks(pool, tiles, blocks_.tasks, [&](int64_t task, int64_t first, int64_t last) {
    run_rows(call, first, last, 0, n, bytes + task * task_scratch_);
  });
}

// Units [begin, end) of rows of all images in order, output channels [n0, n1) of each group.
void DenseQ::run_rows(const Call& call, int64_t begin, int64_t end, int64_t n0, int64_t n1, std::byte* scratch) const {
  const int64_t each = unit_rows(gemm_, shape_, lines_);
  const int64_t units = (blocks_.rows + each - 1) / each;
  const int64_t depth = shape_.depth();
  const int64_t n = shape_.out_c / shape_.groups;
  const int64_t group_in = shape_.in_c / shape_.groups;
  auto* sums = reinterpret_cast<int32_t*>(scratch + rows_bytes_);
  auto* raw = reinterpret_cast<int32_t*>(scratch + rows_bytes_ + sums_bytes_);
  const bool is_flat = shape_.is_pointwise();
  for (int64_t unit = begin; unit < end;) {
    const int64_t image = unit / units;
    const int64_t stop = std::min({end, (image + 1) * units, unit + blocks_.block / each});
    const int64_t m0 = (unit - image * units) * each;
    const int64_t m1 = std::min(blocks_.rows, (stop - image * units) * each);
    for (int64_t g = 0; g < shape_.groups; ++g) {
      const uint8_t* from = call.x + image * gathered_.in_h * gathered_.in_w * shape_.in_c + g * group_in;
      const int64_t row = image * blocks_.rows + m0;
      const bool is_raw = call.sink != nullptr;
      const int64_t at = row * shape_.out_c + g * n + n0;
      uint8_t* to = is_raw ? nullptr : call.y + at;
      const uint8_t* residual = call.residual == nullptr ? nullptr : call.residual + at;
      GemmS8 gemm{.m = m1 - m0,
                  .n = n1 - n0,
                  .k = depth,
                  .a = from + m0 * shape_.in_c,
                  .a_stride = shape_.in_c,
                  .b = packed_[static_cast<size_t>(g)].data(),
                  .row_add = nullptr,
                  .c = to,
                  .c_stride = shape_.out_c,
                  .epilogue = epilogue_,
                  .raw = is_raw ? raw : nullptr,
                  .raw_stride = n1 - n0,
                  .residual = {residual, shape_.out_c, call.sum},
                  .first_column = n0,
                  .fixed = is_raw ? FixedRequant{} : fixed_.from(g * n)};
      // Pointwise rows have no padding: any zero will do for them.
      const int32_t zero = call.image_zeros == nullptr || is_flat ? in_zero_ : call.image_zeros[image];
      if (lines_.is_used) {
        const LineGather lines{.image = from,
                               .shape = shape_,
                               .first = m0 / shape_.out_w * shape_.stride_h - shape_.pad_top,
                               .count = ((m1 - m0) / shape_.out_w - 1) * shape_.stride_h + lines_.height,
                               .width = lines_.width};
        gemm_.pack_lines(lines, scratch, lines_.stride, in_unsigned_, static_cast<uint8_t>(zero));
        gemm.a = scratch;
        gemm.a_stride = shape_.stride_w * shape_.in_c * gemm_.element_bytes;
        gemm.k = shape_.kernel_h * lines_.run;
        gemm.line = shape_.out_w;
        gemm.line_stride = shape_.stride_h * lines_.stride;
        gemm.run = lines_.run;
        gemm.run_stride = shape_.dilation_h * lines_.stride;
      } else if (!blocks_.is_direct || w_zero_ != 0) {
        std::byte* rows = blocks_.is_direct ? nullptr : scratch;
        gemm_.pack_rows({from, gathered_, group_in}, m0, m1, rows, blocks_.row_stride, in_unsigned_,
                        static_cast<uint8_t>(zero), w_zero_ == 0 ? nullptr : sums);
        if (!blocks_.is_direct) {
          gemm.a = scratch;
          gemm.a_stride = blocks_.row_stride;
        }
        if (w_zero_ != 0) {
          for (int64_t i = 0; i < m1 - m0; ++i) sums[i] *= -w_zero_;
          gemm.row_add = sums;
        }
      }
      gemm_.run(gemm);
      if (is_raw) (*call.sink)(row, m1 - m0, g * n + n0, n1 - n0, raw);
    }
    unit = stop;
  }
}

DepthwiseQ::DepthwiseQ(const KernelTable& table, const ConvShape& shape, const ConvQuant& q, int threads)
    : shape_(shape),
      epilogue_(epilogue_of(q)),
      fixed_(table, q),
      in_unsigned_(q.in_unsigned),
      in_zero_(q.in_zero),
      tasks_(std::min<int64_t>(threads, shape.batch * shape.out_h)),
      taps_bytes_(align_64(shape.kernel_h * tap_columns(shape) * static_cast<int64_t>(sizeof(void*)))),
      outside_bytes_(align_64(shape.out_c)),
      input_bytes_(taps_bytes_ + outside_bytes_) {
  const int64_t taps = shape.taps();
  const int64_t channels = shape.out_c;
  std::vector<int16_t> by_tap(static_cast<size_t>(taps * channels));
  bool fits_bytes = true;
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t t = 0; t < taps; ++t) {
      const int32_t w = q.w[static_cast<size_t>(c * taps + t)] - q.w_zero;
      by_tap[static_cast<size_t>(t * channels + c)] = static_cast<int16_t>(w);
      fits_bytes &= w >= -128 && w <= 127;
    }
  }
  kernel_ = depthwise_for(table, fits_bytes, fixed_.is_used() || q.accumulates);
  const int32_t zero = kernel_->packed_zero_point(q.in_zero, q.in_unsigned);
  std::vector<int32_t> bias = q.bias;
  for (size_t i = 0; i < by_tap.size(); ++i) bias[i % bias.size()] -= by_tap[i] * zero;
  std::vector<float> scales = float_scales(q);
  int64_t packed_channels = channels;
  if (DepthwiseFold fold(shape, kernel_->block); fold.pixels() > 1) {
    by_tap = fold.repeated(by_tap);
    bias = fold.repeated(bias);
    scales = fold.repeated(scales);
    packed_channels *= fold.pixels();
    input_bytes_ = fold.scratch_bytes();
    fold_ = fold;
  }
  packed_ = packed(*kernel_, {.w = by_tap.data(),
                              .bias = bias.data(),
                              .scale = scales.data(),
                              .kernel_h = shape.kernel_h,
                              .kernel_w = shape.kernel_w,
                              .channels = packed_channels});
  task_scratch_ = input_bytes_ + (fixed_.is_used() || q.accumulates ? align_64(shape.out_w * channels * 4) : 0);
  if (shape.out_c != shape.in_c) expanded_bytes_ = align_64(shape.batch * shape.in_h * shape.in_w * channels);
}

void DepthwiseQ::run(const uint8_t* x, uint8_t* y, ThreadPool& pool, void* scratch) const {
  run(x, y, nullptr, nullptr, pool, scratch);
}

void DepthwiseQ::accumulate(const uint8_t* x, const int32_t* image_zeros, const AccumulatorSink& sink, ThreadPool& pool,
                            void* scratch) const {
  run(x, nullptr, image_zeros, &sink, pool, scratch);
}

void DepthwiseQ::run(const uint8_t* x, uint8_t* y, const int32_t* image_zeros, const AccumulatorSink* sink,
                     ThreadPool& pool, void* scratch) const {
  auto* bytes = static_cast<std::byte*>(scratch);
  if (expanded_bytes_ > 0) {
    expand_channels(x, bytes, shape_.batch * shape_.in_h * shape_.in_w, shape_.in_c, shape_.out_c / shape_.in_c, 1);
    x = reinterpret_cast<const uint8_t*>(bytes);
    bytes += expanded_bytes_;
  }
  const int64_t c = shape_.out_c;
  const bool is_raw = fixed_.is_used() || sink != nullptr;
  for_tasks(pool, shape_.batch * shape_.out_h, tasks_, [&](int64_t task, int64_t first, int64_t last) {
    std::byte* own = bytes + task * task_scratch_;
    auto** taps = reinterpret_cast<const void**>(own);
    std::byte* outside = own + taps_bytes_;
    auto* raw = is_raw ? reinterpret_cast<int32_t*>(own + input_bytes_) : nullptr;
    for (int64_t row = first; row < last; ++row) {
      const int64_t image = row / shape_.out_h;
      const int64_t oy = row % shape_.out_h;
      const bool is_next = row != first && oy != 0;
      const auto zero = static_cast<uint8_t>(image_zeros == nullptr ? in_zero_ : image_zeros[image]);
      const uint8_t* from = x + image * shape_.in_h * shape_.in_w * c;
      uint8_t* out = y == nullptr ? nullptr : y + row * shape_.out_w * c;
      if (fold_) {
        fold_->fill(from, oy, is_next, zero, own);
      } else {
        if (!is_next) std::memset(outside, zero, static_cast<size_t>(c));
        fill_taps(shape_, from, c, oy, outside, taps);
      }
      const DepthwiseRun run{.pixels = shape_.out_w,
                             .channels = c,
                             .kernel_h = shape_.kernel_h,
                             .kernel_w = shape_.kernel_w,
                             .stride_w = shape_.stride_w,
                             .dilation_w = shape_.dilation_w,
                             .taps = taps,
                             .taps_stride = tap_columns(shape_),
                             .weights = packed_.data(),
                             .out = out,
                             .out_stride = c,
                             .is_unsigned = in_unsigned_,
                             .f32 = {},
                             .s8 = epilogue_,
                             .raw = raw};
      if (fold_) {
        fold_->run(*kernel_, run, own);
      } else {
        kernel_->run(run);
      }
      if (sink != nullptr) {
        (*sink)(row * shape_.out_w, shape_.out_w, 0, c, raw);
      } else if (fixed_.is_used()) {
        fixed_.apply(raw, shape_.out_w, c, 0, out, c);
      }
    }
  });
}

}  // namespace hone::cpu
