#include <algorithm>
#include <limits>

#include "base/text.h"
#include "measure/boxes.h"
#include "measure/metric_rows.h"

namespace hone {

std::vector<size_t> box_outputs(const Metric&, const Task& task) {
  const BoxLayout layout = box_layout(task);
  if (layout.kind == BoxLayout::kRows || layout.kind == BoxLayout::kColumns) return {layout.boxes};
  std::vector<size_t> outputs = {layout.boxes, layout.scores};
  if (layout.kind != BoxLayout::kPostprocessed) return outputs;
  // Which of equal scores stands first may change, and with it all four lists: matching judges them together.
  outputs.push_back(layout.classes);
  for (size_t o = 0; o < task.outputs.size(); ++o)
    if (task.outputs[o].elements() == 1) outputs.push_back(o);
  return outputs;
}

namespace {

constexpr double kThreshold = 0.3, kOverlap = 0.5;

std::string boxes_apply(const Metric&, const Task& task) {
  return box_layout(task).kind == BoxLayout::kNone ? "the outputs do not look like boxes beside scores" : "";
}

bool boxes_are_default(const Task& task) { return box_layout(task).kind != BoxLayout::kNone; }

/// tally {boxes of the model as given that were found again, its boxes, boxes of the judged model}
std::vector<double> boxes_tally(const Metric& m, const Exhibit& e) {
  const BoxLayout layout = box_layout(m.task);
  const std::vector<Box> expected = boxes_of(e.expected, layout, m.task.inputs[0], kThreshold);
  const std::vector<Box> actual = boxes_of(e.actual, layout, m.task.inputs[0], kThreshold);
  std::vector<bool> taken(expected.size());
  double matched = 0;
  for (const Box& box : actual) {
    size_t best = expected.size();
    double overlap = kOverlap;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (taken[i] || expected[i].label != box.label) continue;
      const double iou = intersection_over_union(expected[i], box);
      if (iou < overlap) continue;
      overlap = iou;
      best = i;
    }
    if (best == expected.size()) continue;
    taken[best] = true;
    matched += 1;
  }
  return {matched, static_cast<double>(expected.size()), static_cast<double>(actual.size())};
}

double matched_share(const Metric&, const Tallies& tallies, Which which) {
  double matched = 0, boxes = 0;
  for (const uint32_t i : which) {
    matched += tallies[i][0];
    boxes += tallies[i][1] + tallies[i][2];
  }
  return boxes > 0 ? 2 * matched / boxes : std::numeric_limits<double>::quiet_NaN();
}

std::string boxes_undefined(const Metric&, const Tallies& expected, double) {
  for (size_t i = 0; i < expected.samples(); ++i)
    if (expected[i][1] > 0) return {};
  return cat("the model itself finds nothing with a score of ", to_text(kThreshold),
             " on this data: a model that finds nothing would pass (is the preprocessing right?)");
}

}  // namespace

constexpr MetricRow kDetectionMetric{
    .name = "boxes",
    .title = "boxes that match the model as given",
    .applies = boxes_apply,
    .is_default = boxes_are_default,
    .judges = box_outputs,
    .tally = boxes_tally,
    .value = matched_share,
    .undefined = boxes_undefined,
    .about =
        "boxes of the same class with IoU ≥ 0.5 in both models, among those with a score ≥ 0.3: twice the matched "
        "over all of both (F1), counted per photo",
};

}  // namespace hone
