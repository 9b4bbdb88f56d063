#pragma once

#include "providers/cpu/kernels/isa.h"
#include "runtime/provider.h"

namespace hone {

/// Own kernels for this machine's processor: f32 and 8-bit integers, channels last. Uses the strongest instruction set
/// level that the processor has, or a weaker one that the environment variable HONE_CPU_ISA names (portable, avx2,
/// avx512); integer results do not depend on the level.
const Provider& cpu_provider();

namespace cpu {

/// The provider whose floats are the same on every machine of an architecture, bit by bit: what files are calibrated
/// by.
const Provider& portable_provider();

/// The provider on one level, for comparisons. Throws Error(unsupported) when this machine does not have it.
const Provider& provider_for(Isa isa);

}  // namespace cpu
}  // namespace hone
