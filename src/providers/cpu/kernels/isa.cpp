#include "providers/cpu/kernels/isa.h"

#include "providers/cpu/kernels/levels.h"

namespace hone::cpu {

bool is_supported(Isa isa) {
  if (isa == Isa::kPortable) return true;
#if defined(__x86_64__)
  if (isa == Isa::kAvx2) return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
         __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
         __builtin_cpu_supports("avx512vnni") != 0 && is_supported(Isa::kAvx2);
#else
  return false;
#endif
}

Isa best_isa() {
  if (is_supported(Isa::kAvx512)) return Isa::kAvx512;
  return is_supported(Isa::kAvx2) ? Isa::kAvx2 : Isa::kPortable;
}

const char* isa_name(Isa isa) {
  if (isa == Isa::kAvx512) return "avx512";
  return isa == Isa::kAvx2 ? "avx2" : "portable";
}

const KernelTable& kernels_for(Isa isa) {
#if defined(__x86_64__)
  if (isa == Isa::kAvx512) return table_avx512();
  if (isa == Isa::kAvx2) return table_avx2();
#endif
  static_cast<void>(isa);
  return table_portable();
}

}  // namespace hone::cpu
