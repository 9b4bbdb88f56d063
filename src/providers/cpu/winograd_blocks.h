#pragma once

#include <algorithm>
#include <cstdint>

#include "providers/cpu/kernels/kernel_table.h"
#include "providers/cpu/tasks.h"

namespace hone::cpu {

/// How the tiles of a Winograd convolution are divided among tasks and, in each, into blocks whose points of input and
/// output stay in the cache.
class WinogradBlocks {
 public:
  /// Whether the shape is one that Winograd's algorithm takes and gains from.
  static bool suits(const ConvShape& shape);
  /// `mr`, `nr`: the tile of what multiplies; bytes of a point of input and of output.
  WinogradBlocks(const ConvShape& shape, int64_t mr, int64_t nr, int64_t in_bytes, int64_t out_bytes, int threads);

  int64_t rows() const { return rows_; }
  int64_t scratch_bytes() const { return task_scratch_ * tasks_; }

  /// Where the points of a block lie: elements from one tile, and one point, to the next.
  struct Layout {
    ptrdiff_t row_stride, point_stride;
  };
  /// A block in work: tiles [from, to) of all images in order, output channels [n0, n1), where its points lie.
  struct Block {
    int64_t from, to, n0, n1;
    Layout in, out;
    std::byte* in_points;
    std::byte* out_points;
  };
  /// Tiles [first, last) of an image, whose first is row `row` of the block.
  struct Part {
    int64_t image, first, last, row;
  };

  /// f(block) for all blocks, in parallel. How rows are grouped, and with it the order of sums, does not depend on the
  /// tasks.
  template <class F>
  void for_each(ThreadPool& pool, void* scratch, const F& f) const {
    auto* bytes = static_cast<std::byte*>(scratch);
    if (splits_columns_) {
      for_tasks(pool, (channels_ + nr_ - 1) / nr_, tasks_, [&](int64_t task, int64_t first, int64_t last) {
        for_blocks(0, all_, first * nr_, std::min(channels_, last * nr_), bytes + task * task_scratch_, f);
      });
      return;
    }
    for_tasks(pool, (all_ + rows_ - 1) / rows_, tasks_, [&](int64_t task, int64_t first, int64_t last) {
      for_blocks(first * rows_, std::min(all_, last * rows_), 0, channels_, bytes + task * task_scratch_, f);
    });
  }

  /// f(part) for what a block has of each image.
  template <class F>
  void for_images(const Block& block, const F& f) const {
    for (int64_t t = block.from; t < block.to;) {
      const int64_t image = t / tiles_;
      const int64_t stop = std::min(block.to, (image + 1) * tiles_);
      f(Part{image, t - image * tiles_, stop - image * tiles_, t - block.from});
      t = stop;
    }
  }

 private:
  Layout layout(int64_t rows, int64_t channels, int64_t bytes) const;

  template <class F>
  void for_blocks(int64_t begin, int64_t end, int64_t n0, int64_t n1, std::byte* scratch, const F& f) const {
    for (int64_t from = begin; from < end; from += block_) {
      const int64_t to = std::min(end, from + block_);
      const Layout in = layout(to - from, in_channels_, in_bytes_);
      const Layout out = layout(to - from, n1 - n0, out_bytes_);
      f(Block{from, to, n0, n1, in, out, scratch, scratch + kWinogradPoints * in.point_stride * in_bytes_});
    }
  }

  int64_t in_channels_, channels_, nr_, in_bytes_, out_bytes_;
  int64_t tiles_, all_;   // of one image, of all
  int64_t rows_, block_;  // tiles multiplied at a time, the unit in which tasks divide; tiles in work together
  int64_t tasks_ = 1, task_scratch_ = 0;
  bool splits_columns_ = false;  // tasks divide output channels instead of tiles
};

}  // namespace hone::cpu
