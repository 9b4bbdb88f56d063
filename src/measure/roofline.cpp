#include "measure/roofline.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "ops/matmul.h"
#include "ops/unary.h"
#include "passes/check.h"
#include "runtime/program.h"
#include "runtime/session.h"

namespace hone {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kRows = 448, kDepth = 256, kColumns = 256;
constexpr int64_t kCachedFloats = 64 << 10;
constexpr int64_t kMemoryFloats = 8 << 20;

/// Shortest run of the graph in seconds.
double shortest(const Graph& graph, const Engine& engine, double seconds) {
  Session session(Program::as_is(graph, engine));
  const std::vector<Tensor> inputs = generate_inputs(graph, 0, 1);
  double best = std::numeric_limits<double>::infinity();
  const auto end = Clock::now() + std::chrono::duration<double>(seconds);
  do {
    const auto start = Clock::now();
    session.run(inputs);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  } while (Clock::now() < end);
  return best;
}

Graph product_of_floats() {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, {kRows, kDepth}});
  const ValueId w = g.add_constant(Tensor::zeros(DType::kF32, {kColumns, kDepth}));
  g.set_outputs({g.add(FullyConnected{}, {x, w})});
  return g;
}

Graph product_of_bytes() {
  Graph g;
  const QuantPtr quant = QuantParams::per_tensor(0.1f, 0);
  const ValueId x = g.add_input("x", {DType::kI8, {kRows, kDepth}, quant});
  const ValueId w = g.add_constant(Tensor::zeros(DType::kI8, {kColumns, kDepth}, quant));
  g.set_outputs({g.add(FullyConnected{}, {x, w}, {.type = {DType::kI8, Shape::unranked(), quant}, .has_type = true})});
  return g;
}

Graph negative_of(int64_t floats) {
  Graph g;
  g.set_outputs({g.add(Neg{}, {g.add_input("x", {DType::kF32, {floats}})})});
  return g;
}

}  // namespace

Roof measure_roof(const Engine& engine, double seconds) {
  constexpr double kMacs = double(kRows) * kDepth * kColumns;
  return {.f32_gmacs = kMacs / shortest(product_of_floats(), engine, seconds) / 1e9,
          .int8_gmacs = kMacs / shortest(product_of_bytes(), engine, seconds) / 1e9,
          .cache_gigabytes = 8.0 * kCachedFloats / shortest(negative_of(kCachedFloats), engine, seconds) / 1e9,
          .memory_gigabytes = 8.0 * kMemoryFloats / shortest(negative_of(kMemoryFloats), engine, seconds) / 1e9};
}

std::vector<double> shares_of_roof(const std::vector<StepTime>& steps, const Roof& roof) {
  std::vector<double> shares;
  const auto us = [](int64_t work, double billions) {
    return billions > 0 ? static_cast<double>(work) / billions / 1e3 : 0;
  };
  for (const StepTime& step : steps) {
    const double arithmetic = us(step.macs, step.is_int8 ? roof.int8_gmacs : roof.f32_gmacs);
    const double memory =
        us(step.activation_bytes, roof.cache_gigabytes) + us(step.weight_bytes, roof.memory_gigabytes);
    shares.push_back(step.us > 0 ? std::max(arithmetic, memory) / step.us : 0);
  }
  return shares;
}

Json to_json(const Roof& roof) {
  Json json;
  json["f32_gmacs"] = roof.f32_gmacs;
  json["int8_gmacs"] = roof.int8_gmacs;
  json["cache_gigabytes"] = roof.cache_gigabytes;
  json["memory_gigabytes"] = roof.memory_gigabytes;
  return json;
}

}  // namespace hone
