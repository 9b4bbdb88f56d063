#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "providers/cpu/kernels/variants.h"
#include "providers/cpu/tasks.h"
#include "runtime/provider.h"

namespace hone::cpu {

/// How kernels of this provider are made: as Kernel::make, with the instruction set level's table.
using MakeStep = std::unique_ptr<Step> (*)(const KernelRequest&, const KernelTable&);

/// A step around a callable that takes RunContext&.
template <class F>
class FunctionStep final : public Step {
 public:
  explicit FunctionStep(F f) : f_(std::move(f)) {}
  void run(RunContext& context) const override { f_(context); }

 private:
  F f_;
};

template <class F>
std::unique_ptr<Step> make_step(F f, int64_t scratch_bytes = 0, int in_place_input = -1) {
  auto step = std::make_unique<FunctionStep<F>>(std::move(f));
  step->scratch_bytes = scratch_bytes;
  step->in_place_input = in_place_input;
  return step;
}

/// Plain f32, not quantized.
inline bool is_f32(const TensorType& t) { return t.dtype == DType::kF32 && !t.is_quantized(); }
/// int8 or uint8 with one scale and zero point.
bool is_quantized_bytes(const TensorType& t);
inline bool is_unsigned_byte(const TensorType& t) { return t.dtype == DType::kU8; }

/// Constant input i as real numbers at an address fit for floats; does not exist() unless constant.
Tensor constant_f32(const KernelRequest& r, size_t i);
/// Constant input i as integers; empty optional unless constant.
std::optional<std::vector<int64_t>> constant_ints(const KernelRequest& r, size_t i);

/// Operators on TFLite's arithmetic in a plan that asks for the reference's bits.
inline bool wants_fixed_point(const KernelRequest& r) {
  return r.exact && r.graph.arithmetic == QuantArithmetic::kFixedPoint;
}

/// The variant that the request asks for among those the level may use, best first; null when there are not as many.
template <class Variant>
const Variant* variant_of(const KernelRequest& r, const KernelTable& table, std::span<const Variant> all) {
  const auto found = usable(table, all);
  return static_cast<size_t>(r.variant) < found.size() ? found[static_cast<size_t>(r.variant)] : nullptr;
}

template <class T>
const T* in(const RunContext& c, size_t i) {
  return static_cast<const T*>(c.inputs[i]->raw());
}
template <class T>
T* out(const RunContext& c, size_t i = 0) {
  return static_cast<T*>(c.outputs[i]->mutable_raw());
}

/// Number of tasks worth starting for `work` elementary operations: one per 16 K, at most `threads`.
inline int64_t tasks_for(int64_t work, int threads) { return std::clamp<int64_t>(work / 16384, 1, threads); }

}  // namespace hone::cpu
