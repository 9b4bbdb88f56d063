#pragma once

#include "providers/cpu/kernels/kernel_table.h"

namespace hone::cpu {

/// Packing that variants name. Groups of kr elements of a column side by side, the columns of a panel in a row.
int64_t pack_groups_s8(const GemmS8Variant&, const WeightsS8&, std::byte* dst);
/// Groups that vpmaddubsw multiplies without saturation; see pack_split.cpp.
int64_t pack_split_s8(const GemmS8Variant&, const WeightsS8&, std::byte* dst);
/// Pairs of taps as int16.
int64_t pack_depthwise_pairs(const DepthwiseS8Variant&, const DepthwiseWeights&, std::byte* dst);
/// Words of four kernel rows' bytes; the last block is half as wide if that is enough.
int64_t pack_depthwise_words(const DepthwiseS8Variant&, const DepthwiseWeights&, std::byte* dst);
/// The same in whole blocks, the last of which overlaps the one before; each says whether its weights come in two sets.
int64_t pack_depthwise_whole(const DepthwiseS8Variant&, const DepthwiseWeights&, std::byte* dst);
/// The same with weights that vpmaddubsw multiplies without saturation.
int64_t pack_depthwise_split(const DepthwiseS8Variant&, const DepthwiseWeights&, std::byte* dst);

/// Slots of the last word behind kernel_h rows (below 8) hold rows again: odd ones, which share a pair with the row
/// before and may leave part of their weight there. -1: zeros. Kernels of 8 rows and more repeat none.
inline constexpr int8_t kRepeatedRows[8][4] = {{-1, -1, -1, -1}, {-1, -1, -1, -1}, {-1, -1, 1, -1}, {-1, -1, -1, 1},
                                               {-1, -1, -1, -1}, {-1, 3, 1, -1},   {-1, -1, 1, 3},  {-1, -1, -1, 5}};

/// The tables of the levels, one per translation unit; use kernels_for().
const KernelTable& table_portable();
#if defined(__x86_64__)
const KernelTable& table_avx2();
const KernelTable& table_avxvnni();
const KernelTable& table_avx512();
#endif

}  // namespace hone::cpu
