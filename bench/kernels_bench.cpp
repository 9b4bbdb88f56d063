// Times the cpu provider's convolutions, one thread, on layers of known networks at every supported level:
//   kernels_bench --benchmark_filter=avx512
#include <benchmark/benchmark.h>

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "providers/cpu/convolution_q.h"
#include "providers/cpu/kernels/variants.h"

namespace hone::cpu {
namespace {

struct Layer {
  const char* name;
  ConvShape shape;
};

ConvShape conv(int64_t size, int64_t in_c, int64_t out_c, int64_t kernel, int64_t stride, int64_t groups = 1) {
  const int64_t pad = kernel / 2;
  const int64_t out = (size + 2 * pad - kernel) / stride + 1;
  return {.in_h = size,
          .in_w = size,
          .in_c = in_c,
          .out_h = out,
          .out_w = out,
          .out_c = out_c,
          .kernel_h = kernel,
          .kernel_w = kernel,
          .stride_h = stride,
          .stride_w = stride,
          .pad_top = pad,
          .pad_left = pad,
          .groups = groups};
}

const std::vector<Layer>& layers() {
  static const std::vector<Layer> list = {
      {"mbv2_stem_224x3_3x3s2", conv(224, 3, 32, 3, 2)},
      {"mbv2_expand_112x16x96", conv(112, 16, 96, 1, 1)},
      {"mbv2_project_56x144x24", conv(56, 144, 24, 1, 1)},
      {"mbv2_expand_14x64x384", conv(14, 64, 384, 1, 1)},
      {"mbv2_project_7x960x160", conv(7, 960, 160, 1, 1)},
      {"mbv2_last_7x320x1280", conv(7, 320, 1280, 1, 1)},
      {"mbv2_classifier_1x1280x1000", conv(1, 1280, 1000, 1, 1)},
      {"mbv2_dw_112x32_3x3s1", conv(112, 32, 32, 3, 1, 32)},
      {"mbv2_dw_112x96_3x3s2", conv(112, 96, 96, 3, 2, 96)},
      {"mbv2_dw_14x384_3x3s1", conv(14, 384, 384, 3, 1, 384)},
      {"mbv2_dw_7x960_3x3s1", conv(7, 960, 960, 3, 1, 960)},
      {"resnet_56x64_3x3s1", conv(56, 64, 64, 3, 1)},
      {"resnet_14x256_3x3s1", conv(14, 256, 256, 3, 1)},
      {"resnet_7x512_3x3s1", conv(7, 512, 512, 3, 1)},
      {"effnet_dw_28x240_5x5s1", conv(28, 240, 240, 5, 1, 240)},
      {"dw_28x8_3x3s1", conv(28, 8, 8, 3, 1, 8)},
      {"dw_28x24_3x3s1", conv(28, 24, 24, 3, 1, 24)},
      {"dw_28x40_3x3s1", conv(28, 40, 40, 3, 1, 40)},
      {"dw_28x72_3x3s2", conv(28, 72, 72, 3, 2, 72)},
      {"dw_28x96_3x3s1", conv(28, 96, 96, 3, 1, 96)},
  };
  return list;
}

double macs(const ConvShape& s) { return double(s.pixels()) * double(s.out_c) * double(s.depth()); }

void run_f32(benchmark::State& state, const KernelTable& table, const ConvShape& s) {
  const std::vector<float> w(static_cast<size_t>(s.out_c * s.depth()), 0.01f), bias(static_cast<size_t>(s.out_c));
  const std::vector<float> x(static_cast<size_t>(s.in_h * s.in_w * s.in_c), 1.0f);
  std::vector<float> y(static_cast<size_t>(s.pixels() * s.out_c));
  ThreadPool pool(1);
  const float inf = std::numeric_limits<float>::infinity();
  const auto loop = [&](const auto& conv) {
    AlignedBuffer scratch(static_cast<size_t>(conv.scratch_bytes()));
    for (auto _ : state) conv.run({x.data(), y.data(), nullptr, -inf, inf, &pool, scratch.data()});
  };
  if (s.is_depthwise()) {
    loop(DepthwiseF32(table.depthwise_f32, s, w.data(), bias.data(), 1));
  } else {
    loop(DenseF32(gemm_f32_of(table), s, w.data(), bias.data(), 1));
  }
  state.counters["GMAC/s"] =
      benchmark::Counter(macs(s), benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::OneK::kIs1000);
}

void run_s8(benchmark::State& state, const KernelTable& table, const ConvShape& s) {
  ConvQuant q;
  // As trained weights are: some near the ends of int8, most not.
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 32);
  q.w.resize(static_cast<size_t>(s.out_c * s.depth()));
  for (int8_t& w : q.w) w = static_cast<int8_t>(std::clamp(normal(random), -127.0f, 127.0f));
  q.w_scale.assign(static_cast<size_t>(s.out_c), 0.01f);
  q.bias.assign(static_cast<size_t>(s.out_c), 0);
  const std::vector<uint8_t> x(static_cast<size_t>(s.in_h * s.in_w * s.in_c), 7);
  std::vector<uint8_t> y(static_cast<size_t>(s.pixels() * s.out_c));
  ThreadPool pool(1);
  const auto loop = [&](const auto& conv) {
    AlignedBuffer scratch(static_cast<size_t>(conv.scratch_bytes()));
    for (auto _ : state) conv.run(x.data(), y.data(), pool, scratch.data());
  };
  if (s.is_depthwise()) {
    loop(DepthwiseQ(table, s, q, 1));
  } else {
    loop(DenseQ(table, *usable(table, table.gemms_s8).front(), s, q, 1));
  }
  state.counters["GMAC/s"] =
      benchmark::Counter(macs(s), benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::OneK::kIs1000);
}

}  // namespace
}  // namespace hone::cpu

int main(int argc, char** argv) {
  using namespace hone::cpu;
  for (Isa isa : all_levels()) {
    if (!is_supported(isa)) continue;
    const KernelTable& table = kernels_for(isa);
    for (const Layer& layer : layers()) {
      const std::string name = std::string(isa_name(isa)) + "/" + layer.name;
      benchmark::RegisterBenchmark((name + "/f32").c_str(),
                                   [&](benchmark::State& s) { run_f32(s, table, layer.shape); });
      benchmark::RegisterBenchmark((name + "/s8").c_str(), [&](benchmark::State& s) { run_s8(s, table, layer.shape); });
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
