#pragma once

#include <string>
#include <utility>
#include <vector>

#include "measure/metric.h"

namespace hone {

/// What a detector found: corners in the detector's own unit, any order of x and y.
struct Box {
  double low0 = 0, low1 = 0, high0 = 0, high1 = 0;
  double score = 0;
  int64_t label = 0;
};

/// Height and width of an image input, channels first or last; 0 when it is none.
std::pair<int64_t, int64_t> picture_size(const Dims& input);

double intersection_over_union(const Box& a, const Box& b);

/// How the outputs of a detector are laid out.
struct BoxLayout {
  enum Kind {
    kNone,
    kPostprocessed,  ///< boxes [1, N, 4], classes [1, N], scores [1, N] (TFLite's Detection_PostProcess)
    kSeparate,       ///< boxes [1, N, 4] beside scores [1, N, C]
    kRows,           ///< [1, N, 5 + C]: centre, size, objectness, classes
    kColumns,        ///< [1, 4 + C, N]: centre, size, classes
  } kind = kNone;
  size_t boxes = 0, scores = 0, classes = 0;  ///< outputs
  bool is_corners = true;                     ///< separate boxes are corners, else centre and size
  bool has_background = false;                ///< class 0 of separate scores is none
  bool is_grid = false;  ///< rows are relative to grid cells of strides 8, 16, 32 (YOLOX without its decoder)
};

/// The layout as far as sizes and numbers tell; kNone for what looks like no detector.
BoxLayout box_layout(const Task& task);

/// Boxes of one sample with a score of at least `threshold`, best first, overlapping ones of a class suppressed
/// (IoU above 0.45); at most 300.
std::vector<Box> boxes_of(std::span<const Numbers> outputs, const BoxLayout& layout, const Dims& input,
                          double threshold);

}  // namespace hone
