// Transposed convolution in f32: each row of input pixels times all weights at once, then the products are added where
// they belong in the output.
#include <algorithm>
#include <limits>
#include <optional>

#include "ops/conv.h"
#include "providers/cpu/kernels/pack.h"
#include "providers/cpu/kernels/variants.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// Along one axis input position i, tap t adds to output position i · stride − pad + t · dilation.
struct SpreadAxis {
  int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, pad = 0;

  int64_t at(int64_t i, int64_t tap) const { return i * stride - pad + tap * dilation; }
};

struct Spread {
  int64_t batch, in_c, out_c, groups;
  SpreadAxis y, x;
};

// The padding at the beginning, as the reference derives it.
SpreadAxis axis_of(const ConvTranspose& op, size_t i, int64_t kernel, int64_t in, int64_t out) {
  SpreadAxis a{.in = in,
               .out = out,
               .kernel = kernel,
               .stride = op.strides.empty() ? 1 : op.strides[i],
               .dilation = op.dilations.empty() ? 1 : op.dilations[i]};
  const bool is_same = op.auto_pad == AutoPad::same_upper || op.auto_pad == AutoPad::same_lower;
  if (op.output_shape.empty() && !is_same) {
    if (op.auto_pad == AutoPad::explicit_pads && !op.pads.empty()) a.pad = op.pads[i];
    return a;
  }
  const int64_t extra = op.output_padding.empty() ? 0 : op.output_padding[i];
  const int64_t reach = a.stride * (in - 1) + (kernel - 1) * a.dilation + 1 + extra;
  const int64_t total = std::max<int64_t>(0, reach - out);
  if (op.auto_pad != AutoPad::valid) a.pad = op.auto_pad == AutoPad::same_upper ? total / 2 : total - total / 2;
  return a;
}

std::optional<Spread> spread_of(const KernelRequest& r) {
  const auto& op = r.node().as<ConvTranspose>();
  const Dims x = r.input(0).shape.dims();
  const Dims w = r.input(1).shape.dims();
  const Dims y = r.output().shape.dims();
  const size_t axes = x.size() - 2;
  if (x.size() < 3 || axes > 2) return std::nullopt;
  Spread s{.batch = x[0], .in_c = x.back(), .out_c = y.back(), .groups = op.groups, .y = {}, .x = {}};
  s.x = axis_of(op, axes - 1, w[axes], x[axes], y[axes]);
  if (axes == 2) s.y = axis_of(op, 0, w[1], x[1], y[1]);
  if (r.input(0).shape.elements() == 0 || r.input(1).shape.elements() == 0 || r.output().shape.elements() == 0) {
    return std::nullopt;
  }
  return s;
}

// One group of one image; `products`: [in_w, taps · channels of the group].
void spread_image(const KernelTable& t, const GemmF32Variant& gemm, const Spread& s, const float* x,
                  const float* packed, float* y, float* products) {
  const int64_t channels = s.out_c / s.groups;
  const int64_t taps = s.y.kernel * s.x.kernel;
  const auto add = t.binary[static_cast<int>(Binary::kAdd)];
  for (int64_t iy = 0; iy < s.y.in; ++iy) {
    gemm.run({s.x.in,
              taps * channels,
              s.in_c / s.groups,
              x + iy * s.x.in * s.in_c,
              s.in_c,
              packed,
              products,
              taps * channels,
              {-kInf, kInf, nullptr, 0}});
    for (int64_t ky = 0; ky < s.y.kernel; ++ky) {
      const int64_t oy = s.y.at(iy, ky);
      if (oy < 0 || oy >= s.y.out) continue;
      for (int64_t ix = 0; ix < s.x.in; ++ix) {
        const float* from = products + (ix * taps + ky * s.x.kernel) * channels;
        for (int64_t kx = 0; kx < s.x.kernel; ++kx, from += channels) {
          const int64_t ox = s.x.at(ix, kx);
          if (ox < 0 || ox >= s.x.out) continue;
          float* to = y + (oy * s.x.out + ox) * s.out_c;
          add(to, from, to, channels, -kInf, kInf);
        }
      }
    }
  }
}

}  // namespace

namespace {

using Packed = std::vector<AlignedBuffer>;

/// w: [in_c, taps, out_c / groups], a buffer a group.
Packed pack_groups(const GemmF32Variant& gemm, const Spread& s, const float* w) {
  const int64_t columns = s.y.kernel * s.x.kernel * s.out_c / s.groups;
  const int64_t depth = s.in_c / s.groups;
  Packed packed;
  for (int64_t g = 0; g < s.groups; ++g) {
    packed.emplace_back(static_cast<size_t>(packed_f32_size(gemm, depth, columns)) * 4);
    pack_f32(gemm, {w + g * depth * columns, columns, 1, depth, columns}, nullptr, packed.back().as<float>());
  }
  return packed;
}

}  // namespace

std::unique_ptr<Step> make_conv_transpose_f32(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static() || !is_f32(r.input(0)) || !is_f32(r.output()) || (r.has_input(2) && !r.constant(2).exists())) {
    return nullptr;
  }
  if (!r.constant(1).exists() && !is_f32(r.input(1))) return nullptr;
  const auto s = spread_of(r);
  if (!s) return nullptr;
  const auto& op = r.node().as<ConvTranspose>();
  const Tensor bias = constant_f32(r, 2);
  const int64_t columns = s->y.kernel * s->x.kernel * s->out_c / s->groups;
  const int64_t depth = s->in_c / s->groups;
  const GemmF32Variant& gemm = gemm_f32_of(table);
  // Weights that come at run time are packed anew in every run.
  std::shared_ptr<const Packed> constant;
  if (r.constant(1).exists()) {
    constant = std::make_shared<Packed>(pack_groups(gemm, *s, constant_f32(r, 1).data<float>().data()));
  }
  const int64_t products = align_64(s->x.in * columns * 4);
  const int64_t tasks = std::min<int64_t>(r.threads, s->batch * s->groups);
  const KernelTable* t = &table;
  const GemmF32Variant* multiply = &gemm;
  const bool is_clamped = op.act_min != -kInf || op.act_max != kInf;
  return make_step(
      [=, s = *s, min = op.act_min, max = op.act_max](RunContext& c) {
        const Packed fresh = constant ? Packed() : pack_groups(*multiply, s, in<float>(c, 1));
        const Packed& packed = constant ? *constant : fresh;
        const int64_t out_image = s.y.out * s.x.out * s.out_c;
        for (int64_t i = 0; i < s.batch * out_image; i += s.out_c) {
          float* y = out<float>(c) + i;
          if (bias.exists()) {
            std::copy_n(bias.data<float>().data(), s.out_c, y);
          } else {
            std::fill_n(y, s.out_c, 0.0f);
          }
        }
        for_tasks(*c.pool, s.batch * s.groups, tasks, [&](int64_t task, int64_t from, int64_t to) {
          auto* own = reinterpret_cast<float*>(static_cast<std::byte*>(c.scratch) + task * products);
          for (int64_t i = from; i < to; ++i) {
            const int64_t g = i % s.groups;
            const float* x = in<float>(c, 0) + i / s.groups * s.y.in * s.x.in * s.in_c + g * depth;
            float* y = out<float>(c) + i / s.groups * out_image + g * (s.out_c / s.groups);
            spread_image(*t, *multiply, s, x, packed[static_cast<size_t>(g)].as<float>(), y, own);
          }
        });
        if (is_clamped) {
          t->unary[static_cast<int>(Unary::kClamp)](out<float>(c), out<float>(c), s.batch * out_image, min, max);
        }
      },
      tasks * products);
}

}  // namespace hone::cpu
