// Kernels of the portable level. Everything here has internal linkage and nothing from the standard library is
// instantiated, so that no code of this level can be picked by the linker for use elsewhere.
#include "providers/cpu/kernels/levels.h"

#define HONE_LEVEL_PORTABLE 1
// Each file builds on those before it.
// clang-format off
#include "providers/cpu/kernels/vec_portable.inc"

namespace hone::cpu {
#include "providers/cpu/kernels/math.inc"
#include "providers/cpu/kernels/elementwise.inc"
#include "providers/cpu/kernels/lookup.inc"
#include "providers/cpu/kernels/interleave.inc"
#include "providers/cpu/kernels/cut_bytes.inc"
#include "providers/cpu/kernels/requantize.inc"
#include "providers/cpu/kernels/gemm_f32.inc"
#include "providers/cpu/kernels/rows_s8.inc"
#include "providers/cpu/kernels/dot_pairs.inc"
#include "providers/cpu/kernels/gemm_s8.inc"
#include "providers/cpu/kernels/pack_rows_s8.inc"
#include "providers/cpu/kernels/depthwise_f32.inc"
#include "providers/cpu/kernels/winograd_f32.inc"
#include "providers/cpu/kernels/winograd_s8.inc"
#include "providers/cpu/kernels/depthwise_s8.inc"
#include "providers/cpu/kernels/reduce.inc"
#include "providers/cpu/kernels/table.inc"
// clang-format on

const KernelTable& table_portable() {
  static constexpr KernelTable table = make_table(Isa::kPortable);
  return table;
}

}  // namespace hone::cpu
