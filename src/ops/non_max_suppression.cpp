#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

#include "ops/box.h"
#include "ops/detect.h"
#include "ops/kernel.h"

namespace hone {
namespace {

Dim dim_of(const Shape& shape, int64_t i) { return shape.has_rank() ? shape[i] : Dim(); }

void check_scalar(std::string_view op, const InferContext& ctx, size_t i, const char* name) {
  if (!ctx.has_input(i)) return;
  const Shape& s = ctx.shape(i);
  if (s.is_static() && s.elements() != 1) throw op_error(op, cat(name, " has shape ", s, ", expected one number"));
}

void infer(InferContext& ctx) {
  constexpr std::string_view kOp = NonMaxSuppression::kName;
  const Shape &boxes = ctx.shape(0), &scores = ctx.shape(1);
  if (!compatible(boxes, {Dim(), Dim(), 4})) throw op_error(kOp, cat("boxes ", boxes, ", expected [N,B,4]"));
  if (!compatible(scores, {dim_of(boxes, 0), Dim(), dim_of(boxes, 1)}))
    throw op_error(kOp, cat("scores ", scores, " do not fit boxes ", boxes, ", expected [N,C,B]"));
  check_scalar(kOp, ctx, 2, "max_per_class");
  check_scalar(kOp, ctx, 3, "iou_threshold");
  check_scalar(kOp, ctx, 4, "score_threshold");
  ctx.output(0, DType::kI64, {Dim(), 3});
}

double scalar_of(const EvalContext& ctx, size_t i, double fallback) {
  if (!ctx.has(i) || ctx.in(i).elements() == 0) return fallback;
  return to_doubles(ctx.in(i))[0];
}

std::vector<Box> boxes_of(const Tensor& t, int64_t image, bool center_point) {
  const float* p = t.data<float>().data() + image * t.dim(1) * 4;
  std::vector<Box> out;
  for (int64_t i = 0; i < t.dim(1); ++i, p += 4) {
    const Box corners{p[0], p[1], p[2], p[3]};
    const Box from_center{p[1] - p[3] / 2, p[0] - p[2] / 2, p[1] + p[3] / 2, p[0] + p[2] / 2};
    out.push_back((center_point ? from_center : corners).ordered());
  }
  return out;
}

/// Boxes by descending score (equal ones by index), each kept unless it overlaps a kept one by more than `iou`.
std::vector<int64_t> select(const std::vector<Box>& boxes, const float* scores, int64_t most, float iou, double least) {
  std::vector<int64_t> order, kept;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (static_cast<double>(scores[i]) > least) order.push_back(static_cast<int64_t>(i));
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return scores[a] > scores[b]; });
  for (int64_t candidate : order) {
    if (static_cast<int64_t>(kept.size()) >= most) break;
    const bool is_covered = std::any_of(kept.begin(), kept.end(), [&](int64_t k) {
      return overlap(boxes[static_cast<size_t>(candidate)], boxes[static_cast<size_t>(k)]) > iou;
    });
    if (!is_covered) kept.push_back(candidate);
  }
  return kept;
}

void eval(EvalContext& ctx) {
  const Tensor &boxes = ctx.in(0), &scores = ctx.in(1);
  const double most = scalar_of(ctx, 2, 0);
  const float iou = static_cast<float>(scalar_of(ctx, 3, 0));
  const double least = scalar_of(ctx, 4, -INFINITY);
  if (!(iou >= 0 && iou <= 1))
    throw op_error(NonMaxSuppression::kName, cat("iou_threshold is ", iou, ", expected 0 to 1"));
  const int64_t limit = most > 0 ? static_cast<int64_t>(std::min(most, 1e15)) : 0;
  std::vector<int64_t> rows;
  for (int64_t n = 0; n < boxes.dim(0); ++n) {
    const std::vector<Box> image = boxes_of(boxes, n, ctx.op<NonMaxSuppression>().center_point_box);
    for (int64_t c = 0; c < scores.dim(1); ++c) {
      const float* row = scores.data<float>().data() + (n * scores.dim(1) + c) * scores.dim(2);
      for (int64_t box : select(image, row, limit, iou, least)) rows.insert(rows.end(), {n, c, box});
    }
  }
  ctx.outputs[0] = Tensor::of<int64_t>({static_cast<int64_t>(rows.size()) / 3, 3}, std::span<const int64_t>(rows));
}

void infer_padded(InferContext& ctx) {
  constexpr std::string_view kOp = NonMaxSuppressionPadded::kName;
  const bool soft = ctx.attrs<NonMaxSuppressionPadded>().soft;
  const Shape& boxes = ctx.shape(0);
  if (!compatible(boxes, {Dim(), 4})) throw op_error(kOp, cat("boxes ", boxes, ", expected [B,4]"));
  if (!compatible(ctx.shape(1), {dim_of(boxes, 0)}))
    throw op_error(kOp, cat("scores ", ctx.shape(1), " do not fit boxes ", boxes));
  if (ctx.output_count() != (soft ? 3u : 2u))
    throw op_error(kOp, cat(ctx.output_count(), " results, expected ", soft ? 3 : 2));
  if (soft != ctx.has_input(5)) throw op_error(kOp, soft ? "sigma is missing" : "sigma without soft");
  const char* names[] = {"max", "iou_threshold", "score_threshold", "sigma"};
  for (size_t i = 2; i < 6; ++i) check_scalar(kOp, ctx, i, names[i - 2]);
  Dim most;
  if (const auto value = constant_ints(kOp, ctx, 2); value && value->size() == 1) {
    if ((*value)[0] < 0) throw op_error(kOp, cat("max is ", (*value)[0], ", expected 0 or more"));
    most = (*value)[0];
  }
  ctx.output(0, DType::kI32, {most});
  if (soft) ctx.output(1, DType::kF32, {most});
  ctx.output(soft ? 2 : 1, DType::kI32, {});
}

struct Candidate {
  int32_t index;
  float score;
  size_t compared;  ///< selected boxes before this one have been looked at
  bool operator<(const Candidate& other) const { return score < other.score; }
};

struct Selection {
  std::vector<int32_t> index;
  std::vector<float> score;
};

/// TFLite NON_MAX_SUPPRESSION_V4 and V5 (Bodla et al., "Soft-NMS", 2017, Gaussian weights): a candidate whose score
/// was lowered goes back into the queue. As there, a selected box goes back as well and is then covered by itself.
Selection select_soft(const std::vector<Box>& boxes, std::span<const float> scores, size_t most, float iou, float least,
                      float sigma) {
  std::priority_queue<Candidate> queue;
  for (size_t i = 0; i < boxes.size(); ++i)
    if (scores[i] > least) queue.push({static_cast<int32_t>(i), scores[i], 0});
  most = std::min(most, queue.size());
  const float decay = sigma > 0 ? -0.5f / sigma : 0.0f;
  Selection out;
  while (out.index.size() < most && !queue.empty()) {
    Candidate next = queue.top();
    queue.pop();
    const float before = next.score;
    bool is_covered = false;
    for (size_t j = out.index.size(); j-- > next.compared;) {
      const float shared = overlap(boxes[static_cast<size_t>(next.index)], boxes[static_cast<size_t>(out.index[j])]);
      is_covered = shared >= iou;
      if (is_covered) break;
      if (sigma > 0) next.score *= std::exp(decay * shared * shared);
      if (next.score <= least) break;
    }
    next.compared = out.index.size();
    if (is_covered) continue;
    if (next.score == before) {
      out.index.push_back(next.index);
      out.score.push_back(next.score);
    }
    if (next.score > least) queue.push(next);
  }
  return out;
}

void eval_padded(EvalContext& ctx) {
  const bool soft = ctx.op<NonMaxSuppressionPadded>().soft;
  const Tensor& boxes = ctx.in(0);
  const std::vector<int64_t> limit = to_ints(ctx.in(2));
  const int64_t most = limit.empty() ? 0 : limit[0];
  if (most < 0 || most > int64_t(1) << 28)
    throw op_error(NonMaxSuppressionPadded::kName, cat("max is ", most, ", expected 0 to 2^28"));
  std::vector<Box> ordered;
  const float* p = boxes.data<float>().data();
  for (int64_t i = 0; i < boxes.dim(0); ++i, p += 4) ordered.push_back(Box{p[0], p[1], p[2], p[3]}.ordered());
  auto number = [&](size_t i) { return static_cast<float>(scalar_of(ctx, i, 0)); };
  const Selection found = select_soft(ordered, ctx.in(1).data<float>(), static_cast<size_t>(most), number(3), number(4),
                                      soft ? number(5) : 0);
  ctx.outputs[0] = Tensor::zeros(DType::kI32, {most});
  std::copy(found.index.begin(), found.index.end(), ctx.outputs[0].mutable_data<int32_t>().begin());
  if (soft) {
    ctx.outputs[1] = Tensor::zeros(DType::kF32, {most});
    std::copy(found.score.begin(), found.score.end(), ctx.outputs[1].mutable_data<float>().begin());
  }
  ctx.outputs[soft ? 2 : 1] = Tensor::scalar(static_cast<int32_t>(found.index.size()));
}

constexpr InputRule kNonMaxSuppressionInputs[] = {{.name = "boxes", .dtypes = {DType::kF32}},
                                                  {.name = "scores", .dtypes = {DType::kF32}},
                                                  {.name = "max_per_class", .dtypes = Numbers::kSet},
                                                  {.name = "iou_threshold", .dtypes = Numbers::kSet},
                                                  {.name = "score_threshold", .dtypes = Numbers::kSet}};

constexpr InputRule kNonMaxSuppressionPaddedInputs[] = {{.name = "boxes", .dtypes = {DType::kF32}},
                                                        {.name = "scores", .dtypes = {DType::kF32}},
                                                        {.name = "max", .dtypes = Numbers::kSet},
                                                        {.name = "iou_threshold", .dtypes = Numbers::kSet},
                                                        {.name = "score_threshold", .dtypes = Numbers::kSet},
                                                        {.name = "sigma", .dtypes = Numbers::kSet}};

}  // namespace

constinit const OpDef NonMaxSuppression::def{.name = NonMaxSuppression::kName,
                                             .attrs = &attr_type<NonMaxSuppression>(),
                                             .min_inputs = 2,
                                             .max_inputs = 5,
                                             .infer = infer,
                                             .eval = eval,
                                             .inputs = kNonMaxSuppressionInputs};

constinit const OpDef NonMaxSuppressionPadded::def{.name = NonMaxSuppressionPadded::kName,
                                                   .attrs = &attr_type<NonMaxSuppressionPadded>(),
                                                   .min_inputs = 5,
                                                   .max_inputs = 6,
                                                   .min_outputs = 2,
                                                   .max_outputs = 3,
                                                   .infer = infer_padded,
                                                   .eval = eval_padded,
                                                   .inputs = kNonMaxSuppressionPaddedInputs};

}  // namespace hone
