#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ir/op_def.h"

namespace hone {

/// Detection post-processing and text features.

/// (boxes: [N,B,4], scores: [N,C,B], max_per_class?: [], iou_threshold?: [], score_threshold?: []) → i64[n,3].
struct NonMaxSuppression : Operator<"NonMaxSuppression"> {
  bool center_point_box = false;
  static constexpr std::tuple fields{Field{"center_point_box", &NonMaxSuppression::center_point_box}};
  static const OpDef def;
};

/// TFLite NON_MAX_SUPPRESSION_V4/V5: (boxes: [B,4], scores: [B], max: i32[], iou: [], score threshold: [], sigma?: [])
/// → (indices: i32[max], (scores: f32[max] when soft,) count: i32[]).
struct NonMaxSuppressionPadded : Operator<"NonMaxSuppressionPadded"> {
  bool soft = false;
  static constexpr std::tuple fields{Field{"soft", &NonMaxSuppressionPadded::soft}};
  static const OpDef def;
};

/// TFLite_Detection_PostProcess: (box encodings: [1,B,4], class scores: [1,B,C+background], anchors: [B,4]) → (boxes:
/// [1,D,4], classes: [1,D], scores: [1,D], count: [1]).
struct DetectionPostProcess : Operator<"DetectionPostProcess"> {
  int64_t max_detections = 10;
  int64_t max_classes_per_detection = 1;
  int64_t detections_per_class = 100;
  bool use_regular_nms = false;
  float nms_score_threshold = 0;
  float nms_iou_threshold = 0.6f;
  int64_t num_classes = 90;
  float y_scale = 10;
  float x_scale = 10;
  float h_scale = 5;
  float w_scale = 5;
  static constexpr std::tuple fields{
      Field{"max_detections", &DetectionPostProcess::max_detections},
      Field{"max_classes_per_detection", &DetectionPostProcess::max_classes_per_detection},
      Field{"detections_per_class", &DetectionPostProcess::detections_per_class},
      Field{"use_regular_nms", &DetectionPostProcess::use_regular_nms},
      Field{"nms_score_threshold", &DetectionPostProcess::nms_score_threshold},
      Field{"nms_iou_threshold", &DetectionPostProcess::nms_iou_threshold},
      Field{"num_classes", &DetectionPostProcess::num_classes},
      Field{"y_scale", &DetectionPostProcess::y_scale},
      Field{"x_scale", &DetectionPostProcess::x_scale},
      Field{"h_scale", &DetectionPostProcess::h_scale},
      Field{"w_scale", &DetectionPostProcess::w_scale}};
  static const OpDef def;
};

/// i32 or i64 tokens → f32 counts of n-grams (ONNX TfIdfVectorizer).
struct TfIdfVectorizer : Operator<"TfIdfVectorizer"> {
  std::string mode = "TF";
  int64_t min_gram_length = 1;
  int64_t max_gram_length = 1;
  int64_t max_skip_count = 0;
  std::vector<int64_t> ngram_counts;
  std::vector<int64_t> ngram_indexes;
  std::vector<int64_t> pool;
  std::vector<float> weights;
  static constexpr std::tuple fields{Field{"mode", &TfIdfVectorizer::mode},
                                     Field{"min_gram_length", &TfIdfVectorizer::min_gram_length},
                                     Field{"max_gram_length", &TfIdfVectorizer::max_gram_length},
                                     Field{"max_skip_count", &TfIdfVectorizer::max_skip_count},
                                     Field{"ngram_counts", &TfIdfVectorizer::ngram_counts},
                                     Field{"ngram_indexes", &TfIdfVectorizer::ngram_indexes},
                                     Field{"pool", &TfIdfVectorizer::pool},
                                     Field{"weights", &TfIdfVectorizer::weights}};
  static const OpDef def;
};

}  // namespace hone
