#include "ops/detect.h"

#include <cmath>

#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

/// Three boxes: the second overlaps the first by 0.9 / 1.1, the third none.
Tensor three_boxes(Dims dims) { return Tensor::of<float>(std::move(dims), {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 5, 5, 6, 6}); }

TEST(NonMaxSuppression, DropsWhatABetterBoxCovers) {
  const Tensor boxes = three_boxes({1, 3, 4}), scores = Tensor::of<float>({1, 1, 3}, {0.8f, 0.9f, 0.5f});
  const Tensor most = Tensor::scalar<int64_t>(3), iou = Tensor::scalar(0.5f);
  EXPECT_EQ(to_ints(run_op(NonMaxSuppression{}, {boxes, scores, most, iou})[0]), (Dims{0, 0, 1, 0, 0, 2}));
  EXPECT_EQ(to_ints(run_op(NonMaxSuppression{}, {boxes, scores, most, iou, Tensor::scalar(0.5f)})[0]), (Dims{0, 0, 1}));
  EXPECT_EQ(run_op(NonMaxSuppression{}, {boxes, scores})[0].dims(), (Dims{0, 3}));
}

TEST(NonMaxSuppression, ReadsFlippedCornersAndCenters) {
  const Tensor flipped = Tensor::of<float>({1, 2, 4}, {1, 1, 0, 0, 0, 0.1f, 1, 1.1f});
  const Tensor centers = Tensor::of<float>({1, 2, 4}, {0.5f, 0.5f, 1, 1, 0.6f, 0.5f, 1, 1});
  const Tensor scores = Tensor::of<float>({1, 1, 2}, {0.9f, 0.8f}), most = Tensor::scalar<int64_t>(9);
  EXPECT_EQ(run_op(NonMaxSuppression{}, {flipped, scores, most, Tensor::scalar(0.5f)})[0].dims(), (Dims{1, 3}));
  EXPECT_EQ(
      run_op(NonMaxSuppression{.center_point_box = true}, {centers, scores, most, Tensor::scalar(0.5f)})[0].dims(),
      (Dims{1, 3}));
}

TEST(NonMaxSuppression, RejectsScoresThatDoNotFit) {
  EXPECT_EQ(error_of([] {
              infer_op(NonMaxSuppression{}, {f32({1, 3, 4}), f32({1, 2, 5})});
            }),
            "nonmaxsuppression: scores [1,2,5] do not fit boxes [1,3,4], expected [N,C,B]");
}

TEST(NonMaxSuppressionPadded, PadsWithZerosAndCounts) {
  const Tensor boxes = three_boxes({3, 4}), scores = Tensor::of<float>({3}, {0.8f, 0.9f, 0.5f});
  const auto y =
      run_op(NonMaxSuppressionPadded{},
             {boxes, scores, Tensor::scalar<int32_t>(4), Tensor::scalar(0.5f), Tensor::scalar(0.0f)}, {.outputs = 2});
  EXPECT_EQ(to_ints(y[0]), (Dims{1, 2, 0, 0}));
  EXPECT_EQ(to_ints(y[1]), (Dims{2}));
}

TEST(NonMaxSuppressionPadded, LowersScoresOfSoftlyCoveredBoxes) {
  const Tensor boxes = three_boxes({3, 4}), scores = Tensor::of<float>({3}, {0.8f, 0.9f, 0.5f});
  const auto y = run_op(
      NonMaxSuppressionPadded{.soft = true},
      {boxes, scores, Tensor::scalar<int32_t>(3), Tensor::scalar(1.0f), Tensor::scalar(0.0f), Tensor::scalar(0.5f)},
      {.outputs = 3});
  const double iou = 0.9 / 1.1;
  EXPECT_EQ(to_ints(y[0]), (Dims{1, 2, 0}));
  expect_near(y[1], {3}, {0.9, 0.5, 0.8 * std::exp(-iou * iou)});
  EXPECT_EQ(to_ints(y[2]), (Dims{3}));
}

struct Detector {
  Tensor encodings = Tensor::zeros(DType::kF32, {1, 3, 4});
  Tensor anchors = Tensor::of<float>({3, 4}, {0.5f, 0.5f, 1, 1, 0.5f, 0.6f, 1, 1, 5.5f, 5.5f, 1, 1});
  Tensor scores = Tensor::of<float>({1, 3, 3}, {0, 0.8f, 0.1f, 0, 0.7f, 0.75f, 0, 0.2f, 0.6f});
};

TEST(DetectionPostProcess, SuppressesByTheBestClass) {
  const Detector d;
  const DetectionPostProcess op{.max_detections = 3, .nms_iou_threshold = 0.5f, .num_classes = 2};
  const auto y = run_op(op, {d.encodings, d.scores, d.anchors}, {.outputs = 4});
  expect_near(y[0], {1, 3, 4}, {0, 0, 1, 1, 5, 5, 6, 6, 0, 0, 0, 0});
  expect_near(y[1], {1, 3}, {0, 1, 0});
  expect_near(y[2], {1, 3}, {0.8, 0.6, 0});
  expect_near(y[3], {1}, {2});
}

TEST(DetectionPostProcess, SuppressesInsideEachClass) {
  const Detector d;
  const DetectionPostProcess op{
      .max_detections = 3, .use_regular_nms = true, .nms_iou_threshold = 0.5f, .num_classes = 2};
  const auto y = run_op(op, {d.encodings, d.scores, d.anchors}, {.outputs = 4});
  expect_near(y[1], {1, 3}, {0, 1, 1});
  expect_near(y[2], {1, 3}, {0.8, 0.75, 0.6});
  expect_near(y[3], {1}, {3});
}

TEST(DetectionPostProcess, RejectsScoresOfOtherClasses) {
  EXPECT_EQ(error_of([] {
              infer_op(DetectionPostProcess{.num_classes = 2}, {f32({1, 3, 4}), f32({1, 3, 5}), f32({3, 4})}, 4);
            }),
            "detectionpostprocess: scores of 5 classes, expected 2 or one more for the background");
}

TEST(TfIdfVectorizer, CountsGramsAcrossSkips) {
  const TfIdfVectorizer op{.min_gram_length = 1,
                           .max_gram_length = 2,
                           .max_skip_count = 1,
                           .ngram_counts = {0, 2},
                           .ngram_indexes = {0, 1, 2, 3},
                           .pool = {5, 6, 5, 6, 6, 7}};
  const Tensor x = Tensor::of<int32_t>({2, 4}, {5, 6, 1, 7, 5, 5, 6, 7});
  expect_near(run_op(op, {x})[0], {2, 4}, {1, 1, 1, 1, 2, 1, 2, 1});
  EXPECT_EQ(error_of([&] { infer_op(TfIdfVectorizer{.ngram_indexes = {int64_t(1) << 40}}, {x.type()}); }),
            "tfidfvectorizer: ngram_indexes contains 1099511627776");
  EXPECT_EQ(error_of([&] { infer_op(TfIdfVectorizer{.mode = "X"}, {x.type()}); }),
            "tfidfvectorizer: mode is 'X', expected TF, IDF or TFIDF");
}

}  // namespace
}  // namespace hone
