#include "providers/cpu/winograd_blocks.h"

namespace hone::cpu {
namespace {

// Points of input and output that are in work together stay in the second level cache.
constexpr int64_t kBlockBytes = 512 * 1024;
constexpr int64_t kLargeBlockBytes = 1280 * 1024;
constexpr int64_t kSmallWeights = 1024 * 1024;
constexpr int64_t kLine = 64;

int64_t tiles_of(const ConvShape& s) { return (s.out_h + 3) / 4 * ((s.out_w + 3) / 4); }

}  // namespace

bool WinogradBlocks::suits(const ConvShape& s) {
  if (s.kernel_h != 3 || s.kernel_w != 3 || s.stride_h != 1 || s.stride_w != 1 || s.dilation_h != 1 ||
      s.dilation_w != 1 || s.groups != 1 || s.in_c < 8 || s.out_c < 8) {
    return false;
  }
  return s.batch * tiles_of(s) >= 16;
}

// Rows of whole cache lines; those of a page's length share few lines of the cache: a line more spreads them. Points an
// odd number of lines apart, so that those of a tile lie in different sets.
WinogradBlocks::Layout WinogradBlocks::layout(int64_t rows, int64_t channels, int64_t bytes) const {
  int64_t row = align_64(channels * bytes);
  if (row % 1024 == 0) row += kLine;
  const int64_t point = (rows * row / kLine | 1) * kLine;
  return {row / bytes, point / bytes};
}

WinogradBlocks::WinogradBlocks(const ConvShape& shape, int64_t mr, int64_t nr, int64_t in_bytes, int64_t out_bytes,
                               int threads)
    : in_channels_(shape.in_c),
      channels_(shape.out_c),
      nr_(nr),
      in_bytes_(in_bytes),
      out_bytes_(out_bytes),
      tiles_(tiles_of(shape)),
      all_(shape.batch * tiles_),
      rows_(row_tile(mr, all_)) {
  const int64_t units = (all_ + rows_ - 1) / rows_;
  const int64_t panels = (channels_ + nr - 1) / nr;
  splits_columns_ = units < threads || (panels >= threads && channels_ > all_);
  tasks_ = std::min<int64_t>(threads, splits_columns_ ? panels : units);
  const int64_t tile = in_channels_ * in_bytes + channels_ * out_bytes;
  const int64_t weights = kWinogradPoints * in_channels_ * channels_ * in_bytes;
  const int64_t bytes = weights <= kSmallWeights ? kBlockBytes : kLargeBlockBytes;
  block_ = std::max<int64_t>(1, bytes / (kWinogradPoints * tile) / rows_) * rows_;
  const int64_t most = std::min(block_, all_);
  // Fewer channels may need longer rows than all: a line more for either.
  task_scratch_ = kWinogradPoints * ((most * (align_64(in_channels_ * in_bytes) + kLine) + kLine) +
                                     (most * (align_64(channels_ * out_bytes) + kLine) + kLine));
}

}  // namespace hone::cpu
