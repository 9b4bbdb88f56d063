#pragma once

#include "providers/cpu/kernels/kernel_table.h"

namespace hone::cpu {

/// The tables of the levels, one per translation unit; use kernels_for().
const KernelTable& table_portable();
#if defined(__x86_64__)
const KernelTable& table_avx2();
const KernelTable& table_avx512();
#endif

}  // namespace hone::cpu
