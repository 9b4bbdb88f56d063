#pragma once

namespace hone::cpu {

/// The instruction set levels that kernels exist for, weakest first. A level is one translation unit.
enum class Isa {
  kPortable,  ///< plain C++ with 4-lane vectors, any processor
  kAvx2,      ///< x86-64 with AVX2, FMA
  kAvx512,    ///< x86-64 with AVX-512 F, BW, DQ, VL and VNNI
};

/// Strongest level that this machine executes and this build contains.
Isa best_isa();

/// True when `isa` can run here (was compiled in, and the processor and the system support it).
bool is_supported(Isa isa);

/// "portable", "avx2" or "avx512".
const char* isa_name(Isa isa);

}  // namespace hone::cpu
