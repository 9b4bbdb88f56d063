#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "measure/metric_rows.h"

namespace hone {
namespace {

constexpr int64_t kMostClasses = 1024, kLeastSide = 8;

/// Where a map keeps its classes: on the last axis ([N, H, W, C]), on axis 1 ([N, C, H, W]), or as numbers ([N, H, W]).
struct MapLayout {
  enum { kNone, kLast, kSecond, kNumbers } kind = kNone;
  int64_t classes = 0;
};

MapLayout layout_of(const OutputFacts& out) {
  const Dims& d = out.dims;
  const bool is_map = d.size() == 3 || (d.size() == 4 && (d[3] == 1 || d[1] == 1));
  if (out.is_integer_type && is_map && out.elements() >= kLeastSide * kLeastSide && out.is_between(0, kMostClasses - 1))
    return {MapLayout::kNumbers, static_cast<int64_t>(out.high) + 1};
  if (d.size() != 4) return {};
  const auto fits = [](int64_t classes, int64_t height, int64_t width) {
    return classes >= 2 && classes <= kMostClasses && height >= kLeastSide && width >= kLeastSide;
  };
  if (fits(d[3], d[1], d[2]) && (out.sums_to_one_last || d[3] <= std::min(d[1], d[2]) || !fits(d[1], d[2], d[3])))
    return {MapLayout::kLast, d[3]};
  if (fits(d[1], d[2], d[3])) return {MapLayout::kSecond, d[1]};
  return {};
}

std::string map_applies(const Metric&, const Task& task) {
  const OutputFacts& out = task.outputs[task.output];
  if (layout_of(out).kind != MapLayout::kNone) return {};
  return cat("output '", out.name, "' is [", to_text(std::span<const int64_t>(out.dims)),
             "], expected classes for each pixel");
}

/// Maps of probabilities or of class numbers; other maps may as well be pictures.
bool map_is_default(const Task& task) {
  const OutputFacts& out = task.outputs[task.output];
  const MapLayout layout = layout_of(out);
  if (layout.kind == MapLayout::kNumbers) return true;
  const bool sums = layout.kind == MapLayout::kLast ? out.sums_to_one_last : out.sums_to_one_second;
  return layout.kind != MapLayout::kNone && sums && out.is_between(-1e-6, 1 + 1e-6);
}

/// The class of each pixel; −1 where a number is no number.
std::vector<int64_t> classes_of(const Numbers& map, const MapLayout& layout) {
  std::vector<int64_t> out;
  if (layout.kind == MapLayout::kNumbers) {
    for (const double v : map.values)
      out.push_back(std::isnan(v) ? -1 : static_cast<int64_t>(std::clamp(v, -1.0, 1e6)));
    return out;
  }
  const size_t classes = static_cast<size_t>(layout.classes);
  const size_t pixels = map.values.size() / classes;
  std::vector<double> scores(classes);
  for (size_t p = 0; p < pixels; ++p) {
    for (size_t c = 0; c < classes; ++c)
      scores[c] = map.values[layout.kind == MapLayout::kLast ? p * classes + c : c * pixels + p];
    out.push_back(decide(scores));
  }
  return out;
}

/// tally {pixels that agree, pixels, then for each class: pixels of both, pixels of either}
std::vector<double> map_tally(const Metric& m, const Exhibit& e) {
  const MapLayout layout = layout_of(m.task.outputs[m.task.output]);
  const std::vector<int64_t> expected = classes_of(e.expected[m.task.output], layout);
  std::vector<int64_t> actual = classes_of(e.actual[m.task.output], layout);
  actual.resize(expected.size(), -1);
  std::vector<double> tally(2 + 2 * static_cast<size_t>(layout.classes));
  const auto slot = [&](int64_t c) { return 2 + 2 * static_cast<size_t>(c); };
  const auto counts = [&](int64_t c) { return c >= 0 && c < layout.classes; };
  for (size_t i = 0; i < expected.size(); ++i) {
    const bool same = expected[i] == actual[i] && actual[i] >= 0;
    tally[0] += same;
    tally[1] += 1;
    if (counts(expected[i])) {
      tally[slot(expected[i])] += same;
      tally[slot(expected[i]) + 1] += 1;
    }
    if (!same && counts(actual[i])) tally[slot(actual[i]) + 1] += 1;
  }
  return tally;
}

std::vector<double> summed(const Tallies& tallies, Which which) {
  std::vector<double> sums(tallies.width);
  for (const uint32_t i : which)
    for (size_t k = 0; k < tallies.width; ++k) sums[k] += tallies[i][k];
  return sums;
}

double pixel_agreement(const Metric&, const Tallies& tallies, Which which) {
  const std::vector<double> sums = summed(tallies, which);
  return sums[0] / sums[1];
}

/// Mean over the classes that either model sees.
double mean_iou(const Metric&, const Tallies& tallies, Which which) {
  const std::vector<double> sums = summed(tallies, which);
  double total = 0;
  int64_t seen = 0;
  for (size_t at = 2; at + 1 < sums.size(); at += 2) {
    if (sums[at + 1] == 0) continue;
    total += sums[at] / sums[at + 1];
    ++seen;
  }
  return seen ? total / static_cast<double>(seen) : std::numeric_limits<double>::quiet_NaN();
}

/// tally as map_tally's, with somebody's mask in place of the model as given; pixels that are void in it do not count.
std::vector<double> mask_tally(const Metric& m, const Exhibit& e) {
  const MapLayout layout = layout_of(m.task.outputs[m.task.output]);
  const bool is_numbers = layout.kind == MapLayout::kNumbers;
  const int64_t classes = is_numbers ? Mask::kVoid : layout.classes;
  std::vector<double> tally(2 + 2 * static_cast<size_t>(classes));
  if (e.mask == nullptr) return tally;
  const Numbers& map = e.actual[m.task.output];
  const Dims& d = map.dims;
  const bool is_second = layout.kind == MapLayout::kSecond || (is_numbers && d.size() == 4 && d[1] == 1);
  const int64_t rows = d[is_second ? 2 : 1], columns = d[is_second ? 3 : 2];
  const std::vector<int64_t> actual = classes_of(map, layout);
  for (int64_t p = 0; p < static_cast<int64_t>(actual.size()); ++p) {
    const int64_t truth = e.mask->at(p / columns % rows, p % columns, rows, columns);
    if (truth == Mask::kVoid) continue;
    if (truth >= classes)
      throw invalid_argument(cat("a mask has class ", truth, ", the model tells ", classes, " classes apart"),
                             "masks hold the numbers of the model's classes, 255 where nothing counts");
    const int64_t found = actual[static_cast<size_t>(p)];
    tally[0] += found == truth;
    tally[1] += 1;
    tally[2 + 2 * static_cast<size_t>(truth)] += found == truth;
    tally[3 + 2 * static_cast<size_t>(truth)] += 1;
    if (found != truth && found >= 0 && found < classes) tally[3 + 2 * static_cast<size_t>(found)] += 1;
  }
  return tally;
}

std::string mask_applies(const Metric& m, const Task& task) {
  return task.has_masks ? map_applies(m, task) : "the data has no masks";
}

bool mask_is_default(const Task& task) { return mask_applies({}, task).empty(); }

/// An answer that never changes finds one class of those there are.
std::string mask_undefined(const Metric& m, const Tallies& own, double allowed) {
  std::vector<uint32_t> which;
  for (uint32_t i = 0; i < own.samples(); ++i) which.push_back(i);
  const std::vector<double> sums = summed(own, which);
  double seen = 0;
  for (size_t at = 2; at + 1 < sums.size(); at += 2) seen += sums[at + 1] > 0;
  if (seen == 0) return "no pixel of a mask has a class";
  const double value = m.value(own);
  if (value > 1 / seen + allowed) return {};
  return cat("the model itself reaches ", m.text(value),
             ", no more than an answer that never changes might: do its classes mean what the masks say?");
}

std::string map_undefined(const Metric&, const Tallies& expected, double allowed) {
  std::vector<uint32_t> which;
  for (uint32_t i = 0; i < expected.samples(); ++i) which.push_back(i);
  const std::vector<double> sums = summed(expected, which);
  double most = 0;
  for (size_t at = 2; at + 1 < sums.size(); at += 2) most = std::max(most, sums[at + 1] / sums[1]);
  if (most < 1 - allowed) return {};
  return "the model gives nearly all pixels of this data the same class, and so would a broken one";
}

}  // namespace

constexpr MetricRow kMiouMetric{
    .name = "miou",
    .title = "mean IoU with the model as given",
    .applies = map_applies,
    .is_default = map_is_default,
    .judges = only_the_output,
    .tally = map_tally,
    .value = mean_iou,
    .undefined = map_undefined,
    .about = "intersection over union of the pixels of each class with those of the model as given, mean over classes",
};

constexpr MetricRow kMasksMetric{
    .name = "masks",
    .title = "mean IoU with the masks",
    .needs_masks = true,
    .applies = mask_applies,
    .is_default = mask_is_default,
    .judges = only_the_output,
    .tally = mask_tally,
    .value = mean_iou,
    .undefined = mask_undefined,
    .about = "intersection over union of the pixels of each class with those of mask files, mean over classes",
};

constexpr MetricRow kPixelsMetric{
    .name = "pixels",
    .title = "pixels that agree with the model as given",
    .applies = map_applies,
    .is_default = never_by_default,
    .judges = only_the_output,
    .tally = map_tally,
    .value = pixel_agreement,
    .undefined = map_undefined,
    .about = "share of pixels whose class is that of the model as given",
};

}  // namespace hone
