#include "measure/boxes.h"

#include <algorithm>
#include <cmath>

namespace hone {

double intersection_over_union(const Box& a, const Box& b) {
  const double side0 = std::min(a.high0, b.high0) - std::max(a.low0, b.low0);
  const double side1 = std::min(a.high1, b.high1) - std::max(a.low1, b.low1);
  if (!(side0 > 0 && side1 > 0)) return 0;
  const auto area = [](const Box& x) { return (x.high0 - x.low0) * (x.high1 - x.low1); };
  return side0 * side1 / (area(a) + area(b) - side0 * side1);
}

std::pair<int64_t, int64_t> picture_size(const Dims& input) {
  if (input.size() != 4) return {0, 0};
  return input[1] <= 4 && input[3] > 4 ? std::pair(input[2], input[3]) : std::pair(input[1], input[2]);
}

namespace {

constexpr size_t kMost = 300;
constexpr double kSuppress = 0.45;

int64_t last(const OutputFacts& out) { return out.dims.empty() ? 1 : out.dims.back(); }

int64_t grid_cells(const Dims& input) {
  const auto [height, width] = picture_size(input);
  int64_t cells = 0;
  for (const int64_t stride : {8, 16, 32}) cells += (height / stride) * (width / stride);
  return cells;
}

BoxLayout separate_layout(const Task& task) {
  for (size_t b = 0; b < task.outputs.size(); ++b) {
    const OutputFacts& boxes = task.outputs[b];
    if (last(boxes) != 4 || boxes.dims.size() < 2 || boxes.elements() < 4 * 4) continue;
    const int64_t count = boxes.elements() / 4;
    std::vector<size_t> lists;
    for (size_t s = 0; s < task.outputs.size(); ++s) {
      const OutputFacts& scores = task.outputs[s];
      if (s == b || scores.elements() < count || scores.elements() % count != 0) continue;
      const bool is_list = scores.elements() == count && last(scores) == count;
      if (is_list) lists.push_back(s);
      if (is_list || last(scores) * count != scores.elements() || !scores.is_between(-1e-6, 1 + 1e-6)) continue;
      return {.kind = BoxLayout::kSeparate,
              .boxes = b,
              .scores = s,
              .has_background = last(scores) > 1 && scores.sums_to_one_last};
    }
    if (lists.size() != 2) continue;
    // Classes are whole numbers, scores lie in 0 … 1: the list that reaches past 1, else the first, has the classes.
    const bool is_swapped = task.outputs[lists[1]].high > 1 && task.outputs[lists[0]].high <= 1;
    return {.kind = BoxLayout::kPostprocessed,
            .boxes = b,
            .scores = lists[is_swapped ? 0 : 1],
            .classes = lists[is_swapped ? 1 : 0]};
  }
  return {};
}

}  // namespace

BoxLayout box_layout(const Task& task) {
  const BoxLayout separate = separate_layout(task);
  if (separate.kind != BoxLayout::kNone) return separate;
  const OutputFacts& out = task.outputs[task.output];
  if (out.dims.size() != 3 || out.dims[0] != 1 || task.inputs.empty() || picture_size(task.inputs[0]).first == 0)
    return {};
  const bool reaches_far = out.high > 1.5 || out.low < -0.5;  // coordinates beside scores in 0 … 1
  if (!reaches_far) return {};
  const int64_t rows = out.dims[1], columns = out.dims[2];
  if (rows >= 100 && columns >= 6 && columns < rows)
    return {.kind = BoxLayout::kRows,
            .boxes = task.output,
            .is_corners = false,
            .is_grid = rows == grid_cells(task.inputs[0]) && out.high < 40};
  if (columns >= 100 && rows >= 5 && rows < columns)
    return {.kind = BoxLayout::kColumns, .boxes = task.output, .is_corners = false};
  return {};
}

namespace {

Box from_centre(double x, double y, double width, double height) {
  return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

void add(std::vector<Box>& out, Box box, double score, int64_t label, double threshold) {
  if (!(score >= threshold) || !std::isfinite(score)) return;
  box.score = score;
  box.label = label;
  out.push_back(box);
}

/// Number i of a grid of strides 8, 16, 32: its column, row and stride.
struct Cell {
  double x = 0, y = 0, stride = 1;
};
Cell cell_of(int64_t i, const Dims& input) {
  const auto [height, width] = picture_size(input);
  for (const int64_t stride : {8, 16, 32}) {
    const int64_t columns = width / stride, cells = (height / stride) * columns;
    if (i < cells)
      return {static_cast<double>(i % columns), static_cast<double>(i / columns), static_cast<double>(stride)};
    i -= cells;
  }
  return {};
}

std::vector<Box> decoded(std::span<const Numbers> outputs, const BoxLayout& layout, const Dims& input,
                         double threshold) {
  std::vector<Box> out;
  const std::vector<double>& boxes = outputs[layout.boxes].values;
  const Dims& dims = outputs[layout.boxes].dims;
  if (layout.kind == BoxLayout::kPostprocessed || layout.kind == BoxLayout::kSeparate) {
    const std::vector<double>& scores = outputs[layout.scores].values;
    const size_t count = boxes.size() / 4;
    size_t ordered = 0;
    for (size_t i = 0; i < count; ++i)
      ordered += boxes[4 * i + 2] >= boxes[4 * i] && boxes[4 * i + 3] >= boxes[4 * i + 1];
    const bool is_corners = ordered * 20 >= count * 19;
    const size_t classes = count ? scores.size() / count : 0;
    for (size_t i = 0; i < count && classes > 0; ++i) {
      const double* b = &boxes[4 * i];
      const Box box = is_corners ? Box{b[0], b[1], b[2], b[3]} : from_centre(b[0], b[1], b[2], b[3]);
      if (layout.kind == BoxLayout::kPostprocessed)
        add(out, box, scores[i], std::llround(outputs[layout.classes].values[i]), threshold);
      else
        for (size_t c = layout.has_background ? 1 : 0; c < classes; ++c)
          add(out, box, scores[i * classes + c], static_cast<int64_t>(c), threshold);
    }
    return out;
  }
  const bool is_rows = layout.kind == BoxLayout::kRows;
  const int64_t count = dims[is_rows ? 1 : 2], width = dims[is_rows ? 2 : 1];
  const auto at = [&](int64_t i, int64_t k) {
    return boxes[static_cast<size_t>(is_rows ? i * width + k : k * count + i)];
  };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t first = is_rows ? 5 : 4;
    std::vector<double> classes;
    for (int64_t k = first; k < width; ++k) classes.push_back(at(i, k));
    const int64_t label = decide(classes);
    if (label < 0) continue;
    Box box = from_centre(at(i, 0), at(i, 1), at(i, 2), at(i, 3));
    if (layout.is_grid) {
      const Cell cell = cell_of(i, input);
      box = from_centre((at(i, 0) + cell.x) * cell.stride, (at(i, 1) + cell.y) * cell.stride,
                        std::exp(at(i, 2)) * cell.stride, std::exp(at(i, 3)) * cell.stride);
    }
    add(out, box, classes[static_cast<size_t>(label)] * (is_rows ? at(i, 4) : 1), label, threshold);
  }
  return out;
}

}  // namespace

std::vector<Box> boxes_of(std::span<const Numbers> outputs, const BoxLayout& layout, const Dims& input,
                          double threshold) {
  std::vector<Box> all = decoded(outputs, layout, input, threshold), kept;
  std::stable_sort(all.begin(), all.end(), [](const Box& a, const Box& b) { return a.score > b.score; });
  for (const Box& box : all) {
    if (kept.size() == kMost) break;
    const bool is_new = std::none_of(kept.begin(), kept.end(), [&](const Box& k) {
      return k.label == box.label && intersection_over_union(k, box) > kSuppress;
    });
    if (is_new) kept.push_back(box);
  }
  return kept;
}

}  // namespace hone
