#include "providers/cpu/kernels/isa.h"

#include <algorithm>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "providers/cpu/kernels/levels.h"

namespace hone::cpu {
namespace {

/// A level: one row here, one table of kernels.
struct Level {
  Isa isa;
  const char* name;
  Features features;
  const KernelTable& (*table)();
};

constexpr Level kLevels[] = {
    {Isa::kPortable, "portable", 0, table_portable},
#if defined(__x86_64__)
    {Isa::kAvx2, "avx2", kAvx2Fma, table_avx2},
    {Isa::kAvxVnni, "avxvnni", kAvx2Fma | kAvxVnni, table_avxvnni},
    {Isa::kAvx512, "avx512", kAvx2Fma | kAvx512Vnni, table_avx512},
#endif
};

constexpr Isa kIsas[] = {Isa::kPortable, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512};

const Level* find(Isa isa) {
  const auto* found =
      std::find_if(std::begin(kLevels), std::end(kLevels), [&](const Level& l) { return l.isa == isa; });
  return found == std::end(kLevels) ? nullptr : found;
}

Features features_here() {
  Features f = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) f |= kAvx2Fma;
  if (__builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
      __builtin_cpu_supports("avx512vnni") != 0) {
    f |= kAvx512Vnni;
  }
  // The compiler's own query does not know AVX-VNNI; the system saves its registers wherever it saves AVX2's.
  unsigned a = 0, b = 0, c = 0, d = 0;
  if ((f & kAvx2Fma) != 0 && __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0) f |= kAvxVnni;
#endif
  return f;
}

}  // namespace

std::span<const Isa> all_levels() { return kIsas; }

bool is_supported(Isa isa) {
  static const Features here = features_here();
  const Level* level = find(isa);
  return level != nullptr && (level->features & here) == level->features;
}

Isa best_isa() {
  return *std::find_if(std::rbegin(kIsas), std::rend(kIsas), [](Isa isa) { return is_supported(isa); });
}

const char* isa_name(Isa isa) {
  constexpr const char* names[] = {"portable", "avx2", "avxvnni", "avx512"};
  return names[static_cast<int>(isa)];
}

Features features_of(Isa isa) {
  const Level* level = find(isa);
  return level == nullptr ? 0 : level->features;
}

const KernelTable& kernels_for(Isa isa) { return (find(isa) == nullptr ? kLevels[0] : *find(isa)).table(); }

}  // namespace hone::cpu
