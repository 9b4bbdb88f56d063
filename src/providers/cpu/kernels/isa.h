#pragma once

#include <cstdint>
#include <span>

namespace hone::cpu {

/// What a processor has, as bits; kernels state what they need.
using Features = uint32_t;
inline constexpr Features kAvx2Fma = 1;     ///< AVX2 and FMA
inline constexpr Features kAvxVnni = 2;     ///< VEX-encoded VNNI
inline constexpr Features kAvx512Vnni = 4;  ///< AVX-512 F, BW, DQ, VL and VNNI

/// The instruction set levels that kernels are chosen by, weakest first.
enum class Isa {
  kPortable,  ///< plain C++ with 4-lane vectors, any processor
  kAvx2,      ///< x86-64 with AVX2, FMA
  kAvxVnni,   ///< x86-64 with AVX2, FMA and AVX-VNNI
  kAvx512,    ///< x86-64 with AVX-512 F, BW, DQ, VL and VNNI
};

/// Every level, weakest first, whether or not it can run here.
std::span<const Isa> all_levels();

/// Strongest level that this machine executes and this build contains.
Isa best_isa();

/// True when `isa` can run here (was compiled in, and the processor and the system support it).
bool is_supported(Isa isa);

/// "portable", "avx2", "avxvnni" or "avx512".
const char* isa_name(Isa isa);

/// Everything that kernels of a level may need.
Features features_of(Isa isa);

}  // namespace hone::cpu
