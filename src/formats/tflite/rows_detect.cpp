#include <flatbuffers/flexbuffers.h>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/rows.h"
#include "ops/detect.h"

namespace hone::tflite {

namespace {

using B = fb::BuiltinOperator;

template <bool Soft>
void read_nms(ReadNode& n) {
  std::vector<ValueId> inputs{n.in(0), n.in(1), n.scalar(2), n.scalar(3), n.scalar(4)};
  if (Soft) inputs.push_back(n.scalar(5));
  n.emit(NonMaxSuppressionPadded{.soft = Soft}, std::move(inputs), Soft ? 3 : 2);
}

bool write_nms(WriteNode& n) {
  const bool soft = n.as<NonMaxSuppressionPadded>().soft;
  std::vector<TensorIndex> inputs, outputs;
  for (size_t i = 0; i < n.input_count(); ++i) inputs.push_back(n.in(i));
  for (size_t j = 0; j < n.output_count(); ++j) outputs.push_back(n.out(j));
  n.emit(soft ? B::NON_MAX_SUPPRESSION_V5 : B::NON_MAX_SUPPRESSION_V4, 1, std::move(inputs), std::move(outputs));
  return true;
}

constexpr std::string_view kDetection = "TFLite_Detection_PostProcess";

DetectionPostProcess decode(const std::vector<uint8_t>& bytes) {
  DetectionPostProcess op;
  std::vector<uint8_t> reuse;
  if (bytes.size() < 3 || !flexbuffers::VerifyBuffer(bytes.data(), bytes.size(), &reuse))
    throw invalid_model(cat(kDetection, ": options are no intact flexbuffer"));
  const flexbuffers::Reference root = flexbuffers::GetRoot(bytes.data(), bytes.size());
  if (!root.IsMap()) throw invalid_model(cat(kDetection, ": options are no map"));
  const flexbuffers::Map map = root.AsMap();
  auto number = [&](const char* key, auto& to) {
    const flexbuffers::Reference value = map[key];
    if (value.IsNull()) return;
    if (!value.IsBool() && !value.IsNumeric()) throw invalid_model(cat(kDetection, ": option ", key, " is no number"));
    if constexpr (std::is_same_v<std::decay_t<decltype(to)>, float>) {
      to = value.AsFloat();
    } else {
      if (value.IsFloat())
        throw invalid_model(cat(kDetection, ": option ", key, " is a real number, expected an integer"));
      to = static_cast<std::decay_t<decltype(to)>>(value.AsInt64());
    }
  };
  number("max_detections", op.max_detections);
  number("max_classes_per_detection", op.max_classes_per_detection);
  number("detections_per_class", op.detections_per_class);
  number("use_regular_nms", op.use_regular_nms);
  number("nms_score_threshold", op.nms_score_threshold);
  number("nms_iou_threshold", op.nms_iou_threshold);
  number("num_classes", op.num_classes);
  number("y_scale", op.y_scale);
  number("x_scale", op.x_scale);
  number("h_scale", op.h_scale);
  number("w_scale", op.w_scale);
  return op;
}

std::vector<uint8_t> encode(const DetectionPostProcess& op) {
  flexbuffers::Builder b;
  b.Map([&] {
    b.Int("max_detections", op.max_detections);
    b.Int("max_classes_per_detection", op.max_classes_per_detection);
    b.Int("detections_per_class", op.detections_per_class);
    b.Bool("use_regular_nms", op.use_regular_nms);
    b.Float("nms_score_threshold", op.nms_score_threshold);
    b.Float("nms_iou_threshold", op.nms_iou_threshold);
    b.Int("num_classes", op.num_classes);
    b.Float("y_scale", op.y_scale);
    b.Float("x_scale", op.x_scale);
    b.Float("h_scale", op.h_scale);
    b.Float("w_scale", op.w_scale);
  });
  b.Finish();
  return b.GetBuffer();
}

/// Custom operators carry their name in the operator code; all but this one stay opaque.
void read_custom(ReadNode& n) {
  if (n.name() != kDetection) return n.opaque();
  n.emit(decode(n.raw().custom_options), {n.in(0), n.in(1), n.in(2)}, n.output_count());
}

bool write_detection(WriteNode& n) {
  std::vector<TensorIndex> outputs;
  for (size_t j = 0; j < n.output_count(); ++j) outputs.push_back(n.out(j));
  n.emit_custom(std::string(kDetection), 1, encode(n.as<DetectionPostProcess>()), {n.in(0), n.in(1), n.in(2)},
                std::move(outputs));
  return true;
}

constexpr Row kRows[] = {
    {B::NON_MAX_SUPPRESSION_V4, 1, read_nms<false>, nullptr, nullptr},
    {B::NON_MAX_SUPPRESSION_V5, 1, read_nms<true>, &NonMaxSuppressionPadded::def, write_nms},
    {B::CUSTOM, std::numeric_limits<int32_t>::max(), read_custom, &DetectionPostProcess::def, write_detection},
};

}  // namespace

std::span<const Row> detect_rows() { return kRows; }

}  // namespace hone::tflite
