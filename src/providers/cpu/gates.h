#pragma once

#include "providers/cpu/rows.h"

namespace hone::cpu {

/// Every x · Sigmoid(x) of floats, whose Sigmoid feeds the Mul alone, as one step.
std::vector<Claim> claim_silu(const ClaimRequest& request, MakeStep make, const KernelTable& table);

}  // namespace hone::cpu
