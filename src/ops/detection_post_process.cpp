#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/checked.h"
#include "ops/box.h"
#include "ops/detect.h"
#include "ops/kernel.h"

namespace hone {
namespace {

constexpr std::string_view kOp = DetectionPostProcess::kName;

int64_t rows_of(const DetectionPostProcess& op) {
  return op.use_regular_nms ? op.max_detections : checked_mul(op.max_detections, op.max_classes_per_detection);
}

void check_attributes(const DetectionPostProcess& op) {
  const std::pair<const char*, int64_t> counts[] = {{"max_detections", op.max_detections},
                                                    {"max_classes_per_detection", op.max_classes_per_detection},
                                                    {"num_classes", op.num_classes}};
  for (const auto& [name, value] : counts)
    if (value < 1 || value > int64_t(1) << 24) throw op_error(kOp, cat(name, " is ", value, ", expected 1 to 2^24"));
  if (op.use_regular_nms && op.detections_per_class < 1)
    throw op_error(kOp, cat("detections_per_class is ", op.detections_per_class, ", expected 1 or more"));
  if (!(op.nms_iou_threshold > 0 && op.nms_iou_threshold <= 1))
    throw op_error(kOp, cat("nms_iou_threshold is ", op.nms_iou_threshold, ", expected more than 0, at most 1"));
  for (float scale : {op.y_scale, op.x_scale, op.h_scale, op.w_scale})
    if (!(scale > 0)) throw op_error(kOp, cat("box scale is ", scale, ", expected a positive number"));
}

void infer(InferContext& ctx) {
  const DetectionPostProcess& op = ctx.attrs<DetectionPostProcess>();
  check_attributes(op);
  const Shape &boxes = ctx.shape(0), &scores = ctx.shape(1), &anchors = ctx.shape(2);
  const Dim count = boxes.has_rank() && boxes.rank() == 3 ? boxes[1] : Dim();
  if (!compatible(boxes, {1, Dim(), Dim()}) || (boxes.has_rank() && boxes[2].is_known() && boxes[2].value() < 4))
    throw op_error(kOp, cat("box encodings ", boxes, ", expected [1,B,4]"));
  if (!compatible(anchors, {count, 4})) throw op_error(kOp, cat("anchors ", anchors, " do not fit boxes ", boxes));
  if (!compatible(scores, {1, count, Dim()})) throw op_error(kOp, cat("scores ", scores, " do not fit boxes ", boxes));
  if (scores.has_rank() && scores[2].is_known() && scores[2].value() != op.num_classes &&
      scores[2].value() != op.num_classes + 1)
    throw op_error(kOp, cat("scores of ", scores[2].value(), " classes, expected ", op.num_classes,
                            " or one more for the background"));
  if (rows_of(op) > int64_t(1) << 28) throw resource_error(cat("detectionpostprocess: ", rows_of(op), " detections"));
  const Dim rows = rows_of(op);
  ctx.output(0, DType::kF32, {1, rows, 4});
  ctx.output(1, DType::kF32, {1, rows});
  ctx.output(2, DType::kF32, {1, rows});
  ctx.output(3, DType::kF32, {1});
}

/// Boxes from offsets to their anchors (center, size), in double as TFLite does.
std::vector<Box> decode(const DetectionPostProcess& op, const Tensor& encodings, const Tensor& anchors) {
  const int64_t width = encodings.dim(2);
  std::vector<Box> out;
  for (int64_t i = 0; i < encodings.dim(1); ++i) {
    const float* e = encodings.data<float>().data() + i * width;
    const float* a = anchors.data<float>().data() + i * 4;
    auto center = [](float offset, float scale, float size, float origin) {
      return static_cast<float>(static_cast<double>(offset) / static_cast<double>(scale) * static_cast<double>(size) +
                                static_cast<double>(origin));
    };
    auto half = [](float offset, float scale, float size) {
      return static_cast<float>(0.5 * std::exp(static_cast<double>(offset) / static_cast<double>(scale)) *
                                static_cast<double>(size));
    };
    const float y = center(e[0], op.y_scale, a[2], a[0]), x = center(e[1], op.x_scale, a[3], a[1]);
    const float h = half(e[2], op.h_scale, a[2]), w = half(e[3], op.w_scale, a[3]);
    out.push_back({y - h, x - w, y + h, x + w});
  }
  return out;
}

/// Boxes of one score each, best first (equal ones by index), at most `most` that do not overlap.
std::vector<size_t> select(const DetectionPostProcess& op, const std::vector<Box>& boxes,
                           const std::vector<float>& scores, size_t most) {
  std::vector<size_t> order, kept;
  for (size_t i = 0; i < scores.size(); ++i)
    if (scores[i] >= op.nms_score_threshold) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  for (size_t candidate : order) {
    if (kept.size() >= most) break;
    const bool is_covered = std::any_of(
        kept.begin(), kept.end(), [&](size_t k) { return overlap(boxes[k], boxes[candidate]) > op.nms_iou_threshold; });
    if (!is_covered) kept.push_back(candidate);
  }
  return kept;
}

struct Detection {
  size_t box;
  int64_t label;
  float score;
};

/// Scores without the background column.
struct Scores {
  const float* data;
  int64_t columns, offset;
  float at(size_t box, int64_t label) const { return data[static_cast<int64_t>(box) * columns + offset + label]; }
};

/// Suppression inside each class; the best over all classes.
std::vector<Detection> detect_regular(const DetectionPostProcess& op, const std::vector<Box>& boxes,
                                      const Scores& scores) {
  std::vector<Detection> best;
  std::vector<float> column(boxes.size());
  for (int64_t label = 0; label < op.num_classes; ++label) {
    for (size_t i = 0; i < boxes.size(); ++i) column[i] = scores.at(i, label);
    for (size_t box : select(op, boxes, column, static_cast<size_t>(op.detections_per_class)))
      best.push_back({box, label, column[box]});
    std::stable_sort(best.begin(), best.end(),
                     [](const Detection& a, const Detection& b) { return a.score > b.score; });
    if (best.size() > static_cast<size_t>(op.max_detections)) best.resize(static_cast<size_t>(op.max_detections));
  }
  return best;
}

/// Suppression by each box's best class; then its best classes, max_classes_per_detection rows a box.
std::vector<Detection> detect_fast(const DetectionPostProcess& op, const std::vector<Box>& boxes,
                                   const Scores& scores) {
  const size_t classes = static_cast<size_t>(op.num_classes);
  const size_t wanted = static_cast<size_t>(std::min(op.max_classes_per_detection, op.num_classes));
  std::vector<int64_t> labels(classes);
  auto ranked = [&](size_t box) {
    std::iota(labels.begin(), labels.end(), 0);
    std::partial_sort(labels.begin(), labels.begin() + static_cast<int64_t>(wanted), labels.end(),
                      [&](int64_t a, int64_t b) {
                        const float sa = scores.at(box, a), sb = scores.at(box, b);
                        return sa > sb || (sa == sb && a < b);
                      });
    return std::span<const int64_t>(labels).first(wanted);
  };
  std::vector<float> best(boxes.size());
  for (size_t i = 0; i < boxes.size(); ++i) best[i] = scores.at(i, ranked(i)[0]);
  std::vector<Detection> out;
  for (size_t box : select(op, boxes, best, static_cast<size_t>(op.max_detections)))
    for (int64_t label : ranked(box)) out.push_back({box, label, scores.at(box, label)});
  return out;
}

void eval(EvalContext& ctx) {
  const DetectionPostProcess& op = ctx.op<DetectionPostProcess>();
  const std::vector<Box> boxes = decode(op, ctx.in(0), ctx.in(2));
  const Tensor& predictions = ctx.in(1);
  const Scores scores{predictions.data<float>().data(), predictions.dim(2), predictions.dim(2) - op.num_classes};
  for (const Box& b : boxes)
    if (!(b.y1 <= b.y2 && b.x1 <= b.x2)) throw op_error(kOp, "a box has negative size");
  const auto found = op.use_regular_nms ? detect_regular(op, boxes, scores) : detect_fast(op, boxes, scores);
  const int64_t rows = rows_of(op);
  const int64_t per_box = op.use_regular_nms ? 1 : std::min(op.max_classes_per_detection, op.num_classes);
  const int64_t row_stride = op.use_regular_nms ? 1 : op.max_classes_per_detection;
  ctx.outputs[0] = Tensor::zeros(DType::kF32, {1, rows, 4});
  ctx.outputs[1] = Tensor::zeros(DType::kF32, {1, rows});
  ctx.outputs[2] = Tensor::zeros(DType::kF32, {1, rows});
  float* out_boxes = ctx.outputs[0].mutable_data<float>().data();
  for (size_t i = 0; i < found.size(); ++i) {
    const int64_t n = static_cast<int64_t>(i), row = n / per_box * row_stride + n % per_box;
    const Box& b = boxes[found[i].box];
    const float corners[] = {b.y1, b.x1, b.y2, b.x2};
    std::copy(corners, corners + 4, out_boxes + row * 4);
    ctx.outputs[1].mutable_data<float>()[static_cast<size_t>(row)] = static_cast<float>(found[i].label);
    ctx.outputs[2].mutable_data<float>()[static_cast<size_t>(row)] = found[i].score;
  }
  ctx.outputs[3] = Tensor::of<float>({1}, {static_cast<float>(static_cast<int64_t>(found.size()) / per_box)});
}

constexpr InputRule kDetectionPostProcessInputs[] = {{.name = "box encodings", .dtypes = {DType::kF32}},
                                                     {.name = "scores", .dtypes = {DType::kF32}},
                                                     {.name = "anchors", .dtypes = {DType::kF32}}};

}  // namespace

constinit const OpDef DetectionPostProcess::def{.name = DetectionPostProcess::kName,
                                                .attrs = &attr_type<DetectionPostProcess>(),
                                                .min_inputs = 3,
                                                .max_inputs = 3,
                                                .min_outputs = 4,
                                                .max_outputs = 4,
                                                .infer = infer,
                                                .eval = eval,
                                                .inputs = kDetectionPostProcessInputs};

}  // namespace hone
