#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "container/json.h"
#include "tensor/tensor.h"

namespace hone {

/// How the numbers of a model's input or output lay on the data that it was made with. Quantized tensors count as their
/// real numbers.
struct Spread {
  /// Real numbers at and beyond which the integers that store the tensor have come to their end.
  struct Limits {
    double low = 0, high = 0;
    double clipped = 0;  ///< share of the numbers that lay there, 0…1
  };

  std::string name;
  std::vector<double> edges;   ///< ascending: a number falls into the bucket whose index is the count of edges ≤ it
  std::vector<double> shares;  ///< of the buckets, one more than edges; 0…1, their sum is 1. Empty: nothing is known
  std::optional<Limits> limits;
};

/// What was counted of a tensor by a Spread's edges and limits.
struct SpreadCounts {
  std::vector<int64_t> buckets;
  int64_t numbers = 0, clipped = 0;
};

/// At most `most` numbers of `tensor`, evenly spread; `turn` moves where they begin, so that calls with 0, 1, 2 … come
/// by all of them. None where it is quantized by channel.
std::vector<double> spread_numbers(const Tensor& tensor, int64_t most, int64_t turn);

/// Counts the numbers of `tensor` that spread_numbers() would give. Allocates nothing after the first call.
void count_numbers(const Tensor& tensor, const Spread& expected, int64_t most, int64_t turn, SpreadCounts& counts);

/// Edges at the deciles of `numbers` (fewer where those coincide) and the shares between them. `numbers` not empty.
Spread deciles_of(std::vector<double> numbers);

/// Population stability index: Σ (a − e) · ln(a / e) over the buckets, e expected and a counted, none below 10⁻⁴. By
/// custom (Siddiqi, "Credit Risk Scorecards", 2006, chapter 8) below 0.1 nothing changed, from 0.25 much did.
double population_stability(const Spread& expected, const SpreadCounts& counts);

Json to_json(const Spread& spread);
/// Throws Error(invalid_argument) unless edges, shares and limits make sense.
Spread parse_spread(const Json& json);

}  // namespace hone
