#include "passes/check.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "ops/binary.h"
#include "passes/rewrite.h"

namespace hone {
namespace {

/// SplitMix64 (Steele, Lea, Flood 2014).
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// Uniform in −1…1.
  double real() { return static_cast<double>(next() >> 11) * 0x1p-52 - 1; }

 private:
  uint64_t state_;
};

Tensor random_tensor(const TensorType& type, Random& random, int64_t unknown_dim) {
  Dims dims;
  if (type.shape.has_rank()) {
    for (const Dim& dim : type.shape.list()) dims.push_back(dim.is_known() ? dim.value() : unknown_dim);
  }
  Tensor result = Tensor::empty(type.dtype, dims, type.quant);
  const bool narrow = size_of(type.dtype) == 1 || type.is_quantized();
  dispatch(type.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    for (T& x : result.mutable_data<T>()) {
      if constexpr (std::is_same_v<T, bool>) {
        x = (random.next() & 1) != 0;
      } else if constexpr (std::is_integral_v<T>) {
        const int64_t low = narrow ? min_of(type.dtype) : 0;
        const int64_t high = narrow ? max_of(type.dtype) : 1;
        const uint64_t count = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;  // 0: all 64 bits
        x = static_cast<T>(static_cast<uint64_t>(low) + (count == 0 ? random.next() : random.next() % count));
      } else {
        x = T(static_cast<float>(random.real()));
      }
    }
  });
  return result;
}

/// The constants that nodes compare `input` with, in the order of the nodes: the values that the model was made for, as
/// 16000 of a sampling rate.
std::vector<int64_t> compared_with(const Graph& graph, ValueId input) {
  std::vector<int64_t> found;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    if (!node.is<Equal>()) continue;
    for (const size_t side : {0, 1}) {
      const auto number = constant_scalar(graph, node.inputs[1 - side]);
      if (node.inputs[side] == input && number) found.push_back(static_cast<int64_t>(*number));
    }
  }
  return found;
}

void compare(const Tensor& a, const Tensor& b, Difference& result) {
  if (a.dtype() != b.dtype() || a.dims() != b.dims()) {
    throw internal_error(cat("results differ in type: ", to_text(a.type()), " against ", to_text(b.type())));
  }
  const std::vector<double> x = to_doubles(a), y = to_doubles(b);
  double largest = 1, worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    double d = std::abs(x[i] - y[i]);
    if (x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]))) d = 0;
    if (std::isnan(d)) d = std::numeric_limits<double>::infinity();
    worst = std::max(worst, d);
    if (std::isfinite(x[i])) largest = std::max(largest, std::abs(x[i]));
  }
  result.max_abs = std::max(result.max_abs, worst);
  if (a.quant()) {
    const float step = *std::max_element(a.quant()->scales.begin(), a.quant()->scales.end());
    result.max_steps = std::max(result.max_steps, worst / static_cast<double>(step));
  } else {
    result.max_relative = std::max(result.max_relative, worst / largest);
  }
}

}  // namespace

std::vector<Tensor> generate_inputs(const Graph& graph, uint64_t seed, int64_t unknown_dim) {
  Random random(seed);
  std::vector<Tensor> result;
  for (ValueId input : graph.inputs()) {
    result.push_back(random_tensor(graph.type(input), random, unknown_dim));
    Tensor& made = result.back();
    if (!is_integer(made.dtype()) || made.quant() || made.elements() != 1) continue;
    const std::vector<int64_t> asked = compared_with(graph, input);
    if (asked.empty()) continue;
    const int64_t choice = asked[seed % asked.size()];
    made = cast(Tensor::of<int64_t>(made.dims(), std::span(&choice, 1)), made.dtype());
  }
  return result;
}

Difference difference(std::span<const Tensor> a, std::span<const Tensor> b) {
  if (a.size() != b.size()) throw internal_error(cat(a.size(), " results against ", b.size()));
  Difference result;
  for (size_t i = 0; i < a.size(); ++i) compare(a[i], b[i], result);
  return result;
}

bool is_within(const Difference& d, double tolerance) { return d.max_relative <= tolerance && d.max_steps <= 1.001; }

}  // namespace hone
