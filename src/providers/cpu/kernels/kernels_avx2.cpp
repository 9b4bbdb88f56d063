// Kernels of the avx2 and avxvnni levels. Everything here has internal linkage and nothing from the standard library is
// instantiated, so that no code of this level can be picked by the linker for use elsewhere.
#include "providers/cpu/kernels/levels.h"

#if defined(__x86_64__)
#define HONE_LEVEL_AVX2 1
// Each file builds on those before it.
// clang-format off
#include "providers/cpu/kernels/vec_avx2.inc"

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
#include "providers/cpu/kernels/dot_bytes.inc"
#include "providers/cpu/kernels/dot_split.inc"
#include "providers/cpu/kernels/gemm_s8.inc"
#include "providers/cpu/kernels/pack_rows_s8.inc"
#include "providers/cpu/kernels/depthwise_f32.inc"
#include "providers/cpu/kernels/winograd_f32.inc"
#include "providers/cpu/kernels/winograd_s8.inc"
#include "providers/cpu/kernels/depthwise_s8.inc"
#include "providers/cpu/kernels/depthwise_words.inc"
#include "providers/cpu/kernels/reduce.inc"
#include "providers/cpu/kernels/table.inc"
// clang-format on

const KernelTable& table_avx2() {
  static constexpr KernelTable table = make_table(Isa::kAvx2);
  return table;
}

const KernelTable& table_avxvnni() {
  static constexpr KernelTable table = make_table(Isa::kAvxVnni);
  return table;
}

}  // namespace hone::cpu
#endif
