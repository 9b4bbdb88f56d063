#include "formats/tensorflow/node.h"
#include "ops/detect.h"

namespace hone::tensorflow {

namespace {

/// The operator that export_tflite_ssd_graph.py of TensorFlow's object detection API puts behind a detector.
void read_post_process(OpNode& n) {
  const DetectionPostProcess otherwise;
  const DetectionPostProcess op{
      .max_detections = n.integer("max_detections", otherwise.max_detections),
      .max_classes_per_detection = n.integer("max_classes_per_detection", otherwise.max_classes_per_detection),
      .detections_per_class = n.integer("detections_per_class", otherwise.detections_per_class),
      .use_regular_nms = n.flag("use_regular_nms"),
      .nms_score_threshold = n.real("nms_score_threshold", otherwise.nms_score_threshold),
      .nms_iou_threshold = n.real("nms_iou_threshold", otherwise.nms_iou_threshold),
      .num_classes = n.integer("num_classes", otherwise.num_classes),
      .y_scale = n.real("y_scale", otherwise.y_scale),
      .x_scale = n.real("x_scale", otherwise.x_scale),
      .h_scale = n.real("h_scale", otherwise.h_scale),
      .w_scale = n.real("w_scale", otherwise.w_scale)};
  for (const ValueId out : n.add_many(op, {n.x(0), n.x(1), n.x(2)}, 4)) n.emit(out);
}

constexpr OpRow kRows[] = {{"TFLite_Detection_PostProcess", read_post_process}};

}  // namespace

std::span<const OpRow> detection_rows() { return kRows; }

}  // namespace hone::tensorflow
