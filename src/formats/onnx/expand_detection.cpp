#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "formats/onnx/expand.h"
#include "ops/binary.h"
#include "ops/detect.h"
#include "ops/movement.h"
#include "ops/reduce.h"
#include "ops/shaping.h"
#include "ops/unary.h"

namespace hone::onnx {

namespace {

ValueId scaled(Expansion& e, ValueId x, float factor) { return e.add(Mul{}, {x, e.number(factor)}); }

/// Column `i` of [.., B, n] as [.., B, 1].
ValueId column(Expansion& e, ValueId x, int64_t i) { return e.cut(x, -1, i, i + 1); }

/// Boxes [1,B,4] as corners (y1, x1, y2, x2) from offsets to their anchors (center, size).
ValueId corners(Expansion& e) {
  const auto& op = e.op<DetectionPostProcess>();
  const ValueId offsets = e.real(0), anchors = e.real(2);
  ValueId low[2], high[2];
  const float center_scale[] = {op.y_scale, op.x_scale}, size_scale[] = {op.h_scale, op.w_scale};
  for (int64_t axis = 0; axis < 2; ++axis) {
    const ValueId size = column(e, anchors, 2 + axis);
    const ValueId moved = e.add(Mul{}, {scaled(e, column(e, offsets, axis), 1 / center_scale[axis]), size});
    const ValueId center = e.add(Add{}, {moved, column(e, anchors, axis)});
    const ValueId grown = e.add(Exp{}, {scaled(e, column(e, offsets, 2 + axis), 1 / size_scale[axis])});
    const ValueId half = e.add(Mul{}, {scaled(e, grown, 0.5f), size});
    low[axis] = e.add(Sub{}, {center, half});
    high[axis] = e.add(Add{}, {center, half});
  }
  return e.add(Concat{.axis = 2}, {low[0], low[1], high[0], high[1]});
}

/// x: [n, …] with zeros behind it up to `rows`.
ValueId padded(Expansion& e, ValueId x, int64_t rows, int64_t rank) {
  const ValueId count = e.add(ShapeOf{.start = 0, .end = 1}, {x});
  std::vector<int64_t> before(static_cast<size_t>(rank), 0), rest(static_cast<size_t>(rank - 1), 0);
  std::vector<ValueId> pads{e.ints(std::move(before)), e.add(Sub{}, {e.ints({rows}), count})};
  if (!rest.empty()) pads.push_back(e.ints(std::move(rest)));
  return e.add(Pad{}, {x, e.add(Concat{.axis = 0}, std::move(pads))});
}

/// [n, …] as [1, rows, …].
ValueId as_output(Expansion& e, ValueId x, std::vector<int64_t> dims) {
  const ValueId filled = padded(e, x, dims[1], static_cast<int64_t>(dims.size()) - 1);
  return e.add(Reshape{}, {filled, e.ints(std::move(dims))});
}

}  // namespace

/// Suppression by each box's best class. ONNX keeps scores above a threshold, TFLite those at it as well: the number
/// just below says the same.
std::vector<ValueId> expand_detections(Expansion& e) {
  const auto& op = e.op<DetectionPostProcess>();
  if (op.use_regular_nms) throw unsupported("onnx: detections suppressed inside each class (use_regular_nms)");
  if (op.max_classes_per_detection != 1) throw unsupported("onnx: detections of more than one class for a box");
  const Shape& shape = e.type(1).shape;
  if (!shape.has_rank() || !shape[2].is_known()) throw unsupported("onnx: detections of an unknown number of classes");
  const int64_t columns = shape[2].value(), rows = op.max_detections;
  const ValueId boxes = corners(e);
  const ValueId scores = e.cut(e.real(1), 2, columns - op.num_classes, columns);
  const ValueId best = e.add(ReduceMax{.keepdims = false}, {scores, e.ints({2})});
  const ValueId label = e.add(ArgMax{.axis = 2, .keepdims = false}, {scores});
  const ValueId selected =
      e.add(NonMaxSuppression{},
            {boxes, e.add(Unsqueeze{}, {best, e.ints({1})}), e.graph().add_constant(Tensor::scalar<int64_t>(rows)),
             e.number(op.nms_iou_threshold), e.number(std::nextafter(op.nms_score_threshold, -INFINITY))});
  const ValueId index = e.add(Squeeze{}, {e.cut(selected, 1, 2, 3), e.ints({1})});
  const auto pick = [&](ValueId x) { return e.add(Gather{.axis = 0}, {e.add(Squeeze{}, {x, e.ints({0})}), index}); };
  const ValueId labels = e.add(Cast{.to = DType::kF32}, {pick(label)});
  const ValueId count = e.add(Cast{.to = DType::kF32}, {e.add(ShapeOf{.start = 0, .end = 1}, {index})});
  return {as_output(e, pick(boxes), {1, rows, 4}), as_output(e, labels, {1, rows}), as_output(e, pick(best), {1, rows}),
          count};
}

}  // namespace hone::onnx
