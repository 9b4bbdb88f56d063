#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "measure/boxes.h"
#include "measure/metric_rows.h"

namespace hone {
namespace {

// Mean average precision as COCO computes it (Lin et al. 2014, cocoapi): per class, precision read at 101 recalls from
// what was found over all pictures, for ten overlaps from 0.50 to 0.95.

constexpr size_t kMostBoxes = 100, kOverlaps = 10, kNumbersEach = 3, kRecalls = 101;
constexpr double kLeastScore = 0.01, kLeastSense = 0.05;

double overlap_of(size_t step) { return 0.5 + 0.05 * static_cast<double>(step); }

std::string map_applies(const Metric&, const Task& task) {
  if (box_layout(task).kind == BoxLayout::kNone) return "the outputs do not look like boxes beside scores";
  return task.box_classes == 0 ? "the data has no annotated boxes" : "";
}

bool map_is_default(const Task& task) { return map_applies({}, task).empty(); }

/// A found box in fractions of the picture. TFLite's postprocessing gives y before x; rows and columns count pixels.
Box in_fractions(Box box, const BoxLayout& layout, const Dims& input) {
  if (layout.kind == BoxLayout::kPostprocessed) {
    std::swap(box.low0, box.low1);
    std::swap(box.high0, box.high1);
  }
  if (layout.kind == BoxLayout::kRows || layout.kind == BoxLayout::kColumns) {
    const auto [height, width] = picture_size(input);
    box.low0 /= static_cast<double>(width);
    box.high0 /= static_cast<double>(width);
    box.low1 /= static_cast<double>(height);
    box.high1 /= static_cast<double>(height);
  }
  if (layout.has_background) --box.label;
  return box;
}

/// For one overlap: which found boxes are right (1), or neither right nor wrong (2), each annotation taken once.
std::vector<int> matches(const std::vector<Box>& found, std::span<const Annotation> truth, double least) {
  std::vector<bool> taken(truth.size());
  std::vector<int> out(found.size());
  for (size_t f = 0; f < found.size(); ++f) {
    size_t best = truth.size();
    double overlap = least;
    for (size_t t = 0; t < truth.size(); ++t) {
      if (truth[t].label != found[f].label || (taken[t] && !truth[t].is_unsure)) continue;
      // One that is sure goes before one that is not.
      if (best < truth.size() && !truth[best].is_unsure && truth[t].is_unsure) continue;
      const double iou =
          intersection_over_union(found[f], {truth[t].left, truth[t].top, truth[t].right, truth[t].bottom});
      const bool is_first_sure = best < truth.size() && truth[best].is_unsure && !truth[t].is_unsure;
      if (iou < (is_first_sure ? least : overlap)) continue;
      overlap = iou;
      best = t;
    }
    if (best == truth.size()) continue;
    taken[best] = true;
    out[f] = truth[best].is_unsure ? 2 : 1;
  }
  return out;
}

/// tally {annotations of each class; then for each box found: class, score, in base 3 what it is at each overlap}
std::vector<double> map_tally(const Metric& m, const Exhibit& e) {
  const size_t classes = static_cast<size_t>(m.task.box_classes);
  std::vector<double> tally(classes + kMostBoxes * kNumbersEach, -1);
  std::fill_n(tally.begin(), classes, 0.0);
  for (const Annotation& a : e.boxes) tally[static_cast<size_t>(a.label)] += !a.is_unsure;
  const BoxLayout layout = box_layout(m.task);
  std::vector<Box> found = boxes_of(e.actual, layout, m.task.inputs[0], kLeastScore);
  found.resize(std::min(found.size(), kMostBoxes));
  for (Box& box : found) box = in_fractions(box, layout, m.task.inputs[0]);
  std::vector<double> codes(found.size());
  double digit = 1;
  for (size_t step = 0; step < kOverlaps; ++step, digit *= 3) {
    const std::vector<int> right = matches(found, e.boxes, overlap_of(step));
    for (size_t f = 0; f < found.size(); ++f) codes[f] += digit * right[f];
  }
  for (size_t f = 0; f < found.size(); ++f) {
    double* at = &tally[classes + f * kNumbersEach];
    at[0] = static_cast<double>(found[f].label);
    at[1] = found[f].score;
    at[2] = codes[f];
  }
  return tally;
}

struct Finding {
  double score;
  int64_t code;
};

/// Area under precision over recall, of findings in the order of their scores.
double average_precision(std::span<const Finding> findings, double annotated, size_t step) {
  int64_t digit = 1;
  for (size_t k = 0; k < step; ++k) digit *= 3;
  std::vector<double> precision, recall;
  double right = 0, wrong = 0;
  for (const Finding& f : findings) {
    const int64_t what = f.code / digit % 3;
    if (what == 2) continue;
    (what == 1 ? right : wrong) += 1;
    precision.push_back(right / (right + wrong));
    recall.push_back(right / annotated);
  }
  for (size_t i = precision.size(); i-- > 1;) precision[i - 1] = std::max(precision[i - 1], precision[i]);
  double sum = 0;
  size_t at = 0;
  for (size_t r = 0; r < kRecalls; ++r) {
    while (at < recall.size() && recall[at] < static_cast<double>(r) / (kRecalls - 1) - 1e-12) ++at;
    if (at < recall.size()) sum += precision[at];
  }
  return sum / kRecalls;
}

template <size_t kSteps>
double mean_average_precision(const Metric& m, const Tallies& tallies, Which which) {
  const size_t classes = static_cast<size_t>(m.task.box_classes);
  std::vector<double> annotated(classes);
  std::vector<std::vector<Finding>> findings(classes);
  for (const uint32_t i : which) {
    const std::span<const double> tally = tallies[i];
    for (size_t c = 0; c < classes; ++c) annotated[c] += tally[c];
    for (size_t at = classes; at < tally.size() && tally[at + 1] >= 0; at += kNumbersEach)
      if (tally[at] >= 0 && tally[at] < static_cast<double>(classes))
        findings[static_cast<size_t>(tally[at])].push_back({tally[at + 1], std::llround(tally[at + 2])});
  }
  double sum = 0, seen = 0;
  for (size_t c = 0; c < classes; ++c) {
    if (annotated[c] == 0) continue;
    std::stable_sort(findings[c].begin(), findings[c].end(),
                     [](const Finding& a, const Finding& b) { return a.score > b.score; });
    for (size_t step = 0; step < kSteps; ++step) sum += average_precision(findings[c], annotated[c], step);
    seen += kSteps;
  }
  return seen > 0 ? sum / seen : std::numeric_limits<double>::quiet_NaN();
}

std::string map_undefined(const Metric& m, const Tallies& own, double allowed) {
  const double value = m.value(own);
  if (std::isnan(value)) return "no picture has an annotated box";
  if (value > std::max(kLeastSense, allowed)) return {};
  return cat("the model itself reaches ", m.text(value),
             ": do its classes mean what the annotations say? (--labels names them in the model's order; is the "
             "preprocessing right?)");
}

}  // namespace

constexpr MetricRow kMapMetric{
    .name = "map",
    .title = "mAP@[.5:.95]",
    .needs_boxes = true,
    .applies = map_applies,
    .is_default = map_is_default,
    .judges = box_outputs,
    .tally = map_tally,
    .value = mean_average_precision<kOverlaps>,
    .undefined = map_undefined,
    .about = "mean average precision over classes and overlaps from 0.5 to 0.95, against annotated boxes",
};

constexpr MetricRow kMap50Metric{
    .name = "map50",
    .title = "mAP@.5",
    .needs_boxes = true,
    .applies = map_applies,
    .is_default = never_by_default,
    .judges = box_outputs,
    .tally = map_tally,
    .value = mean_average_precision<1>,
    .undefined = map_undefined,
    .about = "mean average precision over classes at an overlap of 0.5, against annotated boxes",
};

}  // namespace hone
