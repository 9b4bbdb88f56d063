#pragma once

#include <memory>
#include <utility>

#include "providers/cpu/convolution.h"
#include "providers/cpu/kernels/kernels_test.h"

/// Ways of f32 convolution against plain sums in double precision.
namespace hone::cpu {

struct Layer {
  ConvShape shape;
  std::vector<float> x, w, bias, residual;
};

inline Layer layer(Random& random, ConvShape s, int64_t pad_bottom, int64_t pad_right) {
  s.out_h = (s.in_h + s.pad_top + pad_bottom - (s.kernel_h - 1) * s.dilation_h - 1) / s.stride_h + 1;
  s.out_w = (s.in_w + s.pad_left + pad_right - s.kernel_w) / s.stride_w + 1;
  return {s, random.floats(s.batch * s.in_h * s.in_w * s.in_c), random.floats(s.out_c * s.depth()),
          random.floats(s.out_c), random.floats(s.batch * s.pixels() * s.out_c)};
}

/// clamp(sums + bias + residual, −4, 4) and, beside each, the sum of magnitudes that rounding errors grow with.
inline std::vector<std::pair<double, double>> plain_sums(const Layer& l) {
  const ConvShape& s = l.shape;
  std::vector<std::pair<double, double>> y;
  for (int64_t i = 0; i < s.batch * s.pixels() * s.out_c; ++i) {
    const int64_t n = i % s.out_c, ox = i / s.out_c % s.out_w, oy = i / s.out_c / s.out_w % s.out_h;
    const int64_t image = i / s.out_c / s.pixels();
    double sum = double(l.bias[size_t(n)]) + double(l.residual[size_t(i)]), magnitude = 2;
    for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
        const int64_t iy = oy * s.stride_h - s.pad_top + ky * s.dilation_h, ix = ox * s.stride_w - s.pad_left + kx;
        if (iy < 0 || iy >= s.in_h || ix < 0 || ix >= s.in_w) continue;
        for (int64_t c = 0; c < s.in_c; ++c) {
          const double product = double(l.x[size_t(((image * s.in_h + iy) * s.in_w + ix) * s.in_c + c)]) *
                                 double(l.w[size_t(((n * s.kernel_h + ky) * s.kernel_w + kx) * s.in_c + c)]);
          sum += product;
          magnitude += std::abs(product);
        }
      }
    }
    y.emplace_back(std::clamp(sum, -4.0, 4.0), magnitude);
  }
  return y;
}

template <class Conv>
std::vector<float> result(const Conv& conv, const Layer& l, int threads) {
  const int64_t n = int64_t(l.residual.size());
  auto y = guarded<float>(n, 77);
  std::copy(l.residual.begin(), l.residual.end(), y.begin());  // the residual may be the result's own place
  std::vector<float> scratch(static_cast<size_t>(conv.scratch_bytes()) / 4 + 64, std::nanf(""));
  void* aligned = scratch.data();
  size_t space = scratch.size() * 4;
  std::align(64, static_cast<size_t>(conv.scratch_bytes()), aligned, space);
  ThreadPool pool(threads);
  conv.run({l.x.data(), y.data(), y.data(), -4, 4, &pool, aligned});
  EXPECT_TRUE(is_intact(y, n, 77.0f)) << "wrote behind its end";
  y.resize(static_cast<size_t>(n));
  return y;
}

/// What `make` gives for 1 to 3 threads: near plain sums by `tolerance` of the magnitudes, the same bits each time.
template <class Make>
void expect_right(const Layer& l, double tolerance, const Make& make) {
  const auto expected = plain_sums(l);
  for (const KernelTable* t : tables()) {
    const std::vector<float> y = result(make(*t, 1), l, 1);
    for (size_t i = 0; i < y.size(); ++i) {
      ASSERT_NEAR(y[i], expected[i].first, tolerance * expected[i].second)
          << isa_name(t->isa) << " at " << i << ", " << l.shape.in_h << " × " << l.shape.in_w << " × " << l.shape.in_c
          << " to " << l.shape.out_c;
    }
    for (int threads : {2, 3}) EXPECT_EQ(result(make(*t, threads), l, threads), y) << threads << " threads";
  }
}

}  // namespace hone::cpu
