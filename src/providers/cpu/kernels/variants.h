#pragma once

#include <span>
#include <vector>

#include "providers/cpu/kernels/kernel_table.h"

namespace hone::cpu {

/// Those of a level's `variants` that it may use, best first.
template <class Variant>
std::vector<const Variant*> usable(const KernelTable& table, std::span<const Variant> variants) {
  const Features have = features_of(table.isa);
  std::vector<const Variant*> found;
  for (const Variant& v : variants) {
    if ((v.needs & have) == v.needs) found.push_back(&v);
  }
  return found;
}

/// What multiplies floats where nothing else was chosen.
inline const GemmF32Variant& gemm_f32_of(const KernelTable& table) { return *usable(table, table.gemms_f32).front(); }
/// What multiplies bytes by matrices that come at run time.
inline const GemmS8Variant& run_time_gemm_s8_of(const KernelTable& table) {
  return *usable(table, table.gemms_s8).back();
}

}  // namespace hone::cpu
