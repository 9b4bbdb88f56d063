#pragma once

#include <string_view>
#include <vector>

#include "providers/cpu/rows.h"

namespace hone::cpu {

/// A way to run a layer together with the Add after it, whose result must be what the two give one after the other.
/// `make` returns null when it does not take these two.
struct SumKernel {
  const OpDef* layer;
  std::string_view op;  ///< for profiles: "Conv+Add"
  std::string_view name;
  std::unique_ptr<Step> (*make)(const SumRequest&);
};

/// Every Add with a layer that feeds it alone, by each kernel that may take them. Of two layers the one that stands
/// later comes first: what it reads lives least longer.
std::vector<Claim> claim_sums(const ClaimRequest& request, std::span<const SumKernel> kernels);

}  // namespace hone::cpu
