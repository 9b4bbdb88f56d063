// What gradients are written with: weights' gradients as products, inputs' gradients as convolutions.
#include <algorithm>
#include <limits>
#include <optional>
#include <type_traits>

#include "ops/backward.h"
#include "ops/conv.h"
#include "providers/cpu/convolution.h"
#include "providers/cpu/kernels/pack.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Sums over images are taken in so many parts, each in order, so that they do not depend on the number of threads.
constexpr int64_t kParts = 8;
// Rows of pixels that are gathered and packed at a time stay in the second level cache.
constexpr int64_t kBlockFloats = 64 * 1024;

int64_t entry(const std::vector<int64_t>& list, size_t i, int64_t otherwise) {
  return list.empty() ? otherwise : list[i];
}

/// The convolution whose weights' gradient this is.
std::optional<ConvShape> shape_of(const KernelRequest& r, const ConvWeightGradient& op) {
  const Dims x = r.input(0).shape.dims(), dy = r.input(1).shape.dims();
  const size_t axes = op.kernel.size();
  if (axes < 1 || axes > 2) return std::nullopt;
  ConvShape s{
      .batch = x[0], .in_w = x[axes], .in_c = x.back(), .out_w = dy[axes], .out_c = dy.back(), .groups = op.groups};
  s.kernel_w = op.kernel[axes - 1];
  s.stride_w = entry(op.strides, axes - 1, 1);
  s.dilation_w = entry(op.dilations, axes - 1, 1);
  s.pad_left = entry(op.pads, axes - 1, 0);
  if (axes == 2) {
    s.in_h = x[1];
    s.out_h = dy[1];
    s.kernel_h = op.kernel[0];
    s.stride_h = entry(op.strides, 0, 1);
    s.dilation_h = entry(op.dilations, 0, 1);
    s.pad_top = entry(op.pads, 0, 0);
  }
  if (s.batch * s.pixels() * s.out_c * s.depth() == 0 || s.pad_top < 0 || s.pad_left < 0) return std::nullopt;
  return s;
}

/// dw: [out_c, depth] of the images of one part.
class DenseProducts {
 public:
  DenseProducts(const KernelTable& table, const ConvShape& shape)
      : table_(table), gemm_(gemm_f32_of(table)), shape_(shape) {
    const int64_t depth = shape.depth();
    block_ = std::clamp<int64_t>(kBlockFloats / depth, 16, std::max<int64_t>(shape.pixels(), 16));
    block_ = std::min(block_, shape.pixels());
    rows_bytes_ = shape.is_pointwise() ? 0 : align_64(block_ * depth * 4);
    panels_bytes_ = align_64(packed_f32_size(gemm_, block_, depth) * 4);
    slopes_bytes_ = align_64(block_ * shape.out_c / shape.groups * 4);
  }

  int64_t scratch_bytes() const { return rows_bytes_ + panels_bytes_ + slopes_bytes_; }

  void run(const float* x, const float* dy, int64_t image, bool is_first, float* dw, std::byte* scratch) const {
    x += image * shape_.in_h * shape_.in_w * shape_.in_c;
    dy += image * shape_.pixels() * shape_.out_c;
    for (int64_t from = 0; from < shape_.pixels(); from += block_) {
      for (int64_t g = 0; g < shape_.groups; ++g) {
        add_block(x, dy, from, std::min(shape_.pixels(), from + block_), g, is_first && from == 0, dw, scratch);
      }
    }
  }

 private:
  // dw of the group += dyᵀ · (what the taps of pixels from … to − 1 read).
  void add_block(const float* x, const float* dy, int64_t from, int64_t to, int64_t g, bool is_first, float* dw,
                 std::byte* scratch) const {
    const int64_t depth = shape_.depth(), count = to - from;
    const int64_t group_in = shape_.in_c / shape_.groups, group_out = shape_.out_c / shape_.groups;
    auto* rows = reinterpret_cast<float*>(scratch);
    auto* panels = reinterpret_cast<float*>(scratch + rows_bytes_);
    auto* slopes = reinterpret_cast<float*>(scratch + rows_bytes_ + panels_bytes_);
    MatrixView<float> view{rows, depth, 1, count, depth};
    if (shape_.is_pointwise()) {
      view = {x + from * shape_.in_c + g * group_in, shape_.in_c, 1, count, depth};
    } else {
      gemm_.pack_rows({x + g * group_in, shape_, group_in}, from, to, rows, depth);
    }
    pack_f32(gemm_, view, nullptr, panels);
    table_.transpose_32(reinterpret_cast<const uint32_t*>(dy + from * shape_.out_c + g * group_out), shape_.out_c,
                        reinterpret_cast<uint32_t*>(slopes), count, count, group_out);
    float* to_sum = dw + g * group_out * depth;
    gemm_.run({group_out,
               depth,
               count,
               slopes,
               count,
               panels,
               to_sum,
               depth,
               {-kInf, kInf, is_first ? nullptr : to_sum, depth}});
  }

  const KernelTable& table_;
  const GemmF32Variant& gemm_;
  ConvShape shape_;
  int64_t block_, rows_bytes_, panels_bytes_, slopes_bytes_;
};

/// dw: [out_c, taps] of one channel in, one or more out, for one part; kept as [taps, out_c] while it is summed.
class DepthwiseProducts {
 public:
  DepthwiseProducts(const KernelTable&, const ConvShape& shape) : shape_(shape) {}

  int64_t scratch_bytes() const { return 0; }

  void run(const float* x, const float* dy, int64_t image, bool is_first, float* dw, std::byte*) const {
    const ConvShape& s = shape_;
    x += image * s.in_h * s.in_w * s.in_c;
    dy += image * s.pixels() * s.out_c;
    if (is_first) std::fill_n(dw, s.taps() * s.out_c, 0.0f);
    for (int64_t kh = 0; kh < s.kernel_h; ++kh) {
      for (int64_t kw = 0; kw < s.kernel_w; ++kw) add_tap(x, dy, kh, kw, dw + (kh * s.kernel_w + kw) * s.out_c);
    }
  }

 private:
  void add_tap(const float* x, const float* dy, int64_t kh, int64_t kw, float* dw) const {
    const ConvShape& s = shape_;
    const int64_t multiplier = s.out_c / s.in_c;
    for (int64_t oh = 0; oh < s.out_h; ++oh) {
      const int64_t ih = oh * s.stride_h - s.pad_top + kh * s.dilation_h;
      if (ih < 0 || ih >= s.in_h) continue;
      for (int64_t ow = 0; ow < s.out_w; ++ow) {
        const int64_t iw = ow * s.stride_w - s.pad_left + kw * s.dilation_w;
        if (iw < 0 || iw >= s.in_w) continue;
        const float* from = x + (ih * s.in_w + iw) * s.in_c;
        const float* slope = dy + (oh * s.out_w + ow) * s.out_c;
        if (multiplier == 1) {
          for (int64_t c = 0; c < s.out_c; ++c) dw[c] += slope[c] * from[c];
        } else {
          for (int64_t c = 0; c < s.out_c; ++c) dw[c] += slope[c] * from[c / multiplier];
        }
      }
    }
  }

  ConvShape shape_;
};

template <class Products>
std::unique_ptr<Step> products_step(const KernelRequest& r, const KernelTable& table, const ConvShape& shape) {
  const int64_t size = shape.out_c * shape.depth();
  const int64_t parts = std::min(kParts, shape.batch);
  const int64_t tasks = std::min<int64_t>(r.threads, parts);
  const Products products(table, shape);
  const int64_t part_bytes = align_64(size * 4);
  const auto add = table.binary[static_cast<int>(Binary::kAdd)];
  return make_step(
      [=](RunContext& c) {
        auto* scratch = static_cast<std::byte*>(c.scratch);
        const auto part = [&](int64_t i) { return reinterpret_cast<float*>(scratch + i * part_bytes); };
        for_tasks(*c.pool, parts, tasks, [&](int64_t task, int64_t from, int64_t to) {
          std::byte* own = scratch + parts * part_bytes + task * products.scratch_bytes();
          for (int64_t i = from; i < to; ++i) {
            const int64_t first = shape.batch * i / parts, last = shape.batch * (i + 1) / parts;
            for (int64_t image = first; image < last; ++image) {
              products.run(in<float>(c, 0), in<float>(c, 1), image, image == first, part(i), own);
            }
          }
        });
        for (int64_t i = 1; i < parts; ++i) add(part(0), part(i), part(0), size, -kInf, kInf);
        float* dw = out<float>(c);
        if (std::is_same_v<Products, DenseProducts>) {
          std::copy_n(part(0), size, dw);
          return;
        }
        const int64_t taps = shape.taps();
        for (int64_t o = 0; o < shape.out_c; ++o) {
          for (int64_t t = 0; t < taps; ++t) dw[o * taps + t] = part(0)[t * shape.out_c + o];
        }
      },
      parts * part_bytes + tasks * products.scratch_bytes());
}

}  // namespace

std::unique_ptr<Step> make_clamp_gradient_f32(const KernelRequest& r, const KernelTable&) {
  if (!r.is_static() || !is_f32(r.input(0)) || !(r.input(0).shape == r.input(1).shape)) return nullptr;
  const auto& op = r.node().as<ClampGradient>();
  const int64_t n = r.output().shape.elements();
  const int64_t tasks = tasks_for(n, r.threads);
  return make_step(
      [n, tasks, min = op.min, max = op.max](RunContext& c) {
        for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) {
          const float *dy = in<float>(c, 0), *y = in<float>(c, 1);
          float* dx = out<float>(c);
          // Without a branch, so that it is done in vectors.
          for (int64_t i = from; i < to; ++i) {
            const float slope = dy[i];
            const bool is_inside = static_cast<int>(y[i] > min) & static_cast<int>(y[i] < max);
            dx[i] = is_inside ? slope : 0.0f;
          }
        });
      },
      0, 0);
}

std::unique_ptr<Step> make_fake_quantize_f32(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.input(1)) || r.output().shape.rank() == 0 ||
      !(r.input(0).shape == r.output().shape))
    return nullptr;
  // One scale for all, or one for each index of the first axis.
  const Dims x = r.input(0).shape.dims();
  const int64_t scales = r.input(1).shape.elements();
  const bool is_first = r.input(1).shape.rank() == r.input(0).shape.rank() && r.input(1).shape.dims()[0] == scales;
  if (scales != 1 && (!is_first || scales != x[0])) return nullptr;
  const auto& op = r.node().as<FakeQuantize>();
  const int64_t n = r.output().shape.elements();
  const int64_t run = n / std::max<int64_t>(scales, 1);
  const int64_t tasks = scales == 1 ? tasks_for(n, r.threads) : 1;
  const auto round = table.unary[static_cast<int>(Unary::kRound)];
  return make_step([=, low = static_cast<float>(op.low), high = static_cast<float>(op.high)](RunContext& c) {
    const auto quantize = [&](int64_t from, int64_t to, float scale) {
      const float* in_x = in<float>(c, 0);
      float* y = out<float>(c);
      for (int64_t i = from; i < to; ++i) y[i] = in_x[i] / scale;
      round(y + from, y + from, to - from, 0, 0);
      for (int64_t i = from; i < to; ++i) y[i] = std::min(std::max(y[i], low), high) * scale;
    };
    const float* scale = in<float>(c, 1);
    if (scales == 1) {
      for_tasks(*c.pool, n, tasks, [&](int64_t, int64_t from, int64_t to) { quantize(from, to, scale[0]); });
    } else {
      for (int64_t i = 0; i < scales; ++i) quantize(i * run, (i + 1) * run, scale[i]);
    }
  });
}

std::unique_ptr<Step> make_conv_weight_gradient_f32(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.input(1)) || !is_f32(r.output())) return nullptr;
  const auto shape = shape_of(r, r.node().as<ConvWeightGradient>());
  if (!shape) return nullptr;
  // One channel in is a dense convolution of that depth.
  return shape->is_depthwise() && shape->in_c > 1 ? products_step<DepthwiseProducts>(r, table, *shape)
                                                  : products_step<DenseProducts>(r, table, *shape);
}

std::unique_ptr<Step> make_conv_transpose_flipped_f32(const KernelRequest& r, const KernelTable& table) {
  const auto& op = r.node().as<ConvTranspose>();
  const auto is_one = [](const std::vector<int64_t>& list) {
    return std::all_of(list.begin(), list.end(), [](int64_t v) { return v == 1; });
  };
  const size_t axes = static_cast<size_t>(r.input(0).shape.rank()) - 2;
  if (!r.is_static() || r.constant(1).exists() || r.has_input(2) || !is_f32(r.input(0)) || !is_f32(r.input(1)) ||
      !is_f32(r.output()) || axes > 2 || !is_one(op.strides) || op.auto_pad != AutoPad::explicit_pads ||
      !op.output_shape.empty() || op.act_min != -kInf || op.act_max != kInf)
    return nullptr;
  const Dims x = r.input(0).shape.dims(), w = r.input(1).shape.dims(), y = r.output().shape.dims();
  ConvShape s{
      .batch = x[0], .in_w = x[axes], .in_c = x.back(), .out_w = y[axes], .out_c = y.back(), .groups = op.groups};
  s.kernel_w = w[axes];
  s.dilation_w = entry(op.dilations, axes - 1, 1);
  s.pad_left = (s.kernel_w - 1) * s.dilation_w - entry(op.pads, axes - 1, 0);
  if (axes == 2) {
    s.in_h = x[1];
    s.out_h = y[1];
    s.kernel_h = w[1];
    s.dilation_h = entry(op.dilations, 0, 1);
    s.pad_top = (s.kernel_h - 1) * s.dilation_h - entry(op.pads, 0, 0);
  }
  const bool is_depthwise = s.is_depthwise() && s.in_c == s.out_c;
  if (s.batch * s.pixels() * s.out_c * s.depth() == 0 || s.pad_top < 0 || s.pad_left < 0) return nullptr;
  if (s.groups != 1 && !is_depthwise) return nullptr;
  // w: [in, taps, out per group] → [out, taps backwards, in per group].
  const auto flip = [s, is_depthwise](const float* from, float* to) {
    const int64_t taps = s.taps(), outs = s.out_c / s.groups;
    for (int64_t i = 0; i < s.in_c; ++i) {
      for (int64_t t = 0; t < taps; ++t) {
        for (int64_t o = 0; o < outs; ++o) {
          to[is_depthwise ? i * taps + taps - 1 - t : (o * taps + taps - 1 - t) * s.in_c + i] =
              from[(i * taps + t) * outs + o];
        }
      }
    }
  };
  const int64_t size = r.input(1).shape.elements();
  const auto step = [&](auto make) {
    const std::vector<float> none(static_cast<size_t>(size));
    const int64_t scratch = make(none.data()).scratch_bytes();
    return make_step(
        [=](RunContext& c) {
          std::vector<float> flipped(static_cast<size_t>(size));
          flip(in<float>(c, 1), flipped.data());
          make(flipped.data()).run({in<float>(c, 0), out<float>(c), nullptr, -kInf, kInf, c.pool, c.scratch});
        },
        scratch);
  };
  const KernelTable* t = &table;
  const int threads = r.threads;
  if (is_depthwise) {
    return step([=](const float* v) { return DepthwiseF32(t->depthwise_f32, s, v, nullptr, threads); });
  }
  return step([=](const float* v) { return DenseF32(gemm_f32_of(*t), s, v, nullptr, threads); });
}

}  // namespace hone::cpu
