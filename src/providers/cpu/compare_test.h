#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace hone::cpu {

/// Comparisons of the provider with the reference, for its tests.

/// The levels that this machine has.
std::vector<Isa> levels();

/// Random tensors.
class Random {
 public:
  explicit Random(unsigned seed = 11) : engine_(seed) {}
  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(engine_); }
  float real(float low, float high) { return std::uniform_real_distribution<float>(low, high)(engine_); }
  Tensor f32(Dims dims, float low = -1, float high = 1);
  Tensor bytes(DType dtype, Dims dims, QuantPtr quant);
  /// Per tensor, zero point somewhere in the middle.
  QuantPtr quant(DType dtype, float scale);

 private:
  std::mt19937 engine_;
};

/// Runs a graph on a provider; `kernel`, if given, gets the name of the last step's kernel.
std::vector<Tensor> run(const Graph& graph, const Provider& provider, std::vector<Tensor> inputs, bool exact = false,
                        int threads = 2, std::string* kernel = nullptr);

/// Every level agrees with the reference within `tolerance` (of 1 + the value), by a kernel of its own.
void expect_close(const Graph& graph, const std::vector<Tensor>& inputs, double tolerance = 1e-5);

/// Stored integers: within one step of the reference, the same on every level and number of threads, and with `exact`
/// the reference's own, by a kernel of the provider's own if `has_exact_kernel`.
void expect_one_step(const Graph& graph, const std::vector<Tensor>& inputs, bool has_exact_kernel = true);

}  // namespace hone::cpu
