// Times a whole MobileNetV2 1.0 224 with random weights on the cpu provider; with --ops also each operator's shortest
// time:
//   hone_network_bench [--threads N] [--int8] [--ops] [--seconds S]
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string_view>

#include "ops/binary.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/pool.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace {

using namespace hone;

// Builds the network node by node; with `is_int8` every edge is quantized.
class Builder {
 public:
  explicit Builder(bool is_int8) : is_int8_(is_int8) {
    graph_.arithmetic = is_int8 ? QuantArithmetic::kFixedPoint : QuantArithmetic::kFloat;
  }

  ValueId input(Dims dims) {
    TensorType type = stored();
    type.shape = Shape(dims);
    return graph_.add_input("x", type);
  }

  ValueId conv(ValueId x, int64_t out, int64_t kernel, int64_t stride, bool is_depthwise, bool has_relu6) {
    const int64_t in = graph_.type(x).shape.dims().back();
    Conv op{.strides = {stride, stride},
            .pads = {kernel / 2, kernel / 2, kernel / 2, kernel / 2},
            .groups = is_depthwise ? in : 1};
    if (has_relu6) {
      op.act_min = 0;
      op.act_max = 6;
    }
    const ValueId w = weights({out, kernel, kernel, is_depthwise ? 1 : in});
    return graph_.add(op, {x, w, bias(out)}, result());
  }

  ValueId classifier(ValueId x) {
    const ValueId mean = graph_.add(AveragePool{.kernel = {7, 7}}, {x}, result());
    return graph_.add(FullyConnected{}, {mean, weights({1000, 1280}), bias(1000)}, result());
  }

  ValueId add(ValueId a, ValueId b) { return graph_.add(Add{}, {a, b}, result()); }

  Graph finish(ValueId y) {
    graph_.set_outputs({y});
    return std::move(graph_);
  }

 private:
  TensorType stored() const {
    if (!is_int8_) return {DType::kF32, Shape::unranked(), nullptr};
    return {DType::kI8, Shape::unranked(), QuantParams::per_tensor(0.05f, -3)};
  }
  AddOptions result() const { return {.type = stored(), .has_type = is_int8_}; }

  ValueId weights(Dims dims) {
    Tensor t = Tensor::empty(DType::kF32, dims);
    std::normal_distribution<float> d(0, std::sqrt(2.0f / static_cast<float>(t.elements() / dims[0])));
    for (float& v : t.mutable_data<float>()) v = d(random_);
    return graph_.add_constant(is_int8_ ? quantize(t, DType::kI8, QuantParams::per_tensor(0.01f, 0)) : t);
  }
  ValueId bias(int64_t n) {
    return graph_.add_constant(is_int8_ ? Tensor::zeros(DType::kI32, {n}, QuantParams::per_tensor(0.0005f, 0))
                                        : Tensor::zeros(DType::kF32, {n}));
  }

  bool is_int8_;
  Graph graph_;
  std::mt19937 random_{7};
};

Graph mobilenet_v2(bool is_int8) {
  Builder b(is_int8);
  ValueId x = b.conv(b.input({1, 224, 224, 3}), 32, 3, 2, false, true);
  int64_t channels = 32;
  struct Stage {
    int64_t expansion, out, repeats, stride;
  };
  for (const Stage& s : {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                         Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (int64_t i = 0; i < s.repeats; ++i) {
      const int64_t stride = i == 0 ? s.stride : 1;
      const int64_t wide = channels * s.expansion;
      ValueId y = s.expansion == 1 ? x : b.conv(x, wide, 1, 1, false, true);
      y = b.conv(y, wide, 3, stride, true, true);
      y = b.conv(y, s.out, 1, 1, false, false);
      x = stride == 1 && channels == s.out ? b.add(x, y) : y;
      channels = s.out;
    }
  }
  return b.finish(b.classifier(b.conv(x, 1280, 1, 1, false, true)));
}

struct Options {
  int threads = 1;
  bool is_int8 = false, has_ops = false;
  double seconds = 2;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--int8") o.is_int8 = true;
    if (a == "--ops") o.has_ops = true;
    if (a == "--threads" && i + 1 < argc) o.threads = std::atoi(argv[++i]);
    if (a == "--seconds" && i + 1 < argc) o.seconds = std::atof(argv[++i]);
  }
  return o;
}

double run_once(Session& session, const Tensor& input) {
  const auto start = std::chrono::steady_clock::now();
  session.run({&input, 1});
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

void print_operators(Session& session, const Tensor& input, int runs) {
  std::vector<double> best(session.plan().steps().size(), 1e9);
  session.set_observer(
      [&](size_t step, double us, std::span<const Tensor* const>) { best[step] = std::min(best[step], us); });
  for (int i = 0; i < runs; ++i) run_once(session, input);
  for (size_t i = 0; i < best.size(); ++i) {
    const PlannedStep& s = session.plan().steps()[i];
    const std::string shape = to_text(session.plan().slots()[static_cast<size_t>(s.outputs[0])].type);
    const double us = best[i];
    std::printf("%-16s %-14s %-40s %8.1f us %8.1f GMAC/s\n", s.name.c_str(), std::string(s.step->kernel).c_str(),
                shape.substr(0, 40).c_str(), us, static_cast<double>(s.macs) / us * 1e-3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const Graph graph = mobilenet_v2(options.is_int8);
  const Provider* providers[] = {&cpu_provider()};
  Session session(Plan::compile(graph, providers, {.threads = options.threads}));
  const TensorType& type = graph.type(graph.inputs()[0]);
  const Tensor input = Tensor::zeros(type.dtype, type.shape.dims(), type.quant);
  for (int i = 0; i < 5; ++i) run_once(session, input);
  std::vector<double> us;
  double total = 0;
  while (total < options.seconds * 1e6) {
    us.push_back(run_once(session, input));
    total += us.back();
  }
  std::sort(us.begin(), us.end());
  std::printf("mobilenet_v2 %s threads %d: median %.0f us, min %.0f us, %zu runs, arena %lld bytes\n",
              options.is_int8 ? "int8" : "f32", options.threads, us[us.size() / 2], us[0], us.size(),
              static_cast<long long>(session.plan().arena_bytes()));
  if (options.has_ops) print_operators(session, input, 50);
}
