#include "report/plot.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "report/label_placement.h"
#include "report/style.h"
#include "report/text.h"

namespace hone::report {
namespace {

constexpr double kMinSpanPoints = 1.0;   // an axis of accuracy never zooms in further
constexpr double kFocusBudgets = 6.0;    // points this many budgets below the baseline leave the scale
constexpr double kFocusMinPoints = 8.0;  // but never those nearer than this
constexpr double kExact = 149.9;         // decibels that stand for "no difference": above every scale
constexpr double kMarkRadius = 5;
constexpr double kLogRatio = 8.0;  // slowest to fastest from which the time axis is logarithmic

/// A point that can be drawn.
struct Mark {
  const Point* point = nullptr;
  double x = 0, y = 0, radius = 0;
  bool is_below = false;  ///< off the scale
  bool is_above = false;
  bool is_off() const { return is_below || is_above; }
};

/// From data to drawing.
struct Scale {
  Box frame;
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;  // µs, the unit of accuracy
  bool is_log = false;

  double x(double us) const {
    const double f = is_log ? std::log(us / x_low) / std::log(x_high / x_low) : (us - x_low) / (x_high - x_low);
    return frame.x + f * frame.w;
  }
  double y(double value) const { return frame.y + (y_high - value) / (y_high - y_low) * frame.h; }
  double y_clamped(double value) const { return std::clamp(y(value), frame.y, frame.y + frame.h); }
};

bool is_drawable(const Point& p) { return p.accuracy.has_value() && p.latency_us.value > 0; }

std::vector<const Point*> drawable_points(const Report& report) {
  std::vector<const Point*> points;
  if (is_drawable(report.baseline)) points.push_back(&report.baseline);
  for (const Point& p : report.candidates) {
    if (is_drawable(p)) points.push_back(&p);
  }
  return points;
}

bool is_above_scale(const Report& report, double value) { return report.unit == Unit::kDecibel && value > kExact; }

/// The accuracy under which a point is drawn at the edge instead of stretching the axis.
double focus_floor(const Report& report, const std::vector<const Point*>& points) {
  double top = -kExact;
  for (const Point* p : points)
    if (!is_above_scale(report, p->accuracy.value)) top = std::max(top, p->accuracy.value);
  if (report.unit == Unit::kReal) return -INFINITY;
  if (report.baseline.accuracy.has_value() && !is_above_scale(report, report.baseline.accuracy.value))
    top = report.baseline.accuracy.value;
  if (std::isfinite(report.bound)) return std::min(top, report.bound) - kFocusMinPoints;
  const double budget = std::isfinite(report.max_drop_points) ? report.max_drop_points : 1;
  return top - std::max(kFocusMinPoints, kFocusBudgets * budget);
}

void fit_accuracy(Scale& s, const Report& report, const std::vector<const Point*>& points) {
  const double floor = focus_floor(report, points);
  double low = INFINITY, high = -INFINITY;
  const auto include = [&](double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const Point* p : points) {
    const Estimate& a = p->accuracy;
    if (a.value < floor || is_above_scale(report, a.value)) continue;
    include(a.value);
    if (a.has_interval()) {
      include(std::max(a.low, floor));
      include(a.high);
    }
  }
  if (std::isfinite(report.floor())) include(report.floor());
  if (low > high) low = std::isfinite(floor) ? floor : 0, high = low + kFocusMinPoints;
  const double least = report.unit == Unit::kReal ? std::max(1e-6, 0.02 * std::fabs(high)) : kMinSpanPoints;
  const double span = std::max(least, high - low);
  const double middle = (low + high) / 2;
  s.y_low = middle - span * 0.56;
  s.y_high = middle + span * 0.56;
}

void fit_latency(Scale& s, const std::vector<const Point*>& points) {
  double low = points.front()->latency_us.value, high = low;
  for (const Point* p : points) {
    low = std::min(low, p->latency_us.value);
    high = std::max(high, p->latency_us.value);
  }
  s.is_log = high > low * kLogRatio;
  s.x_low = s.is_log ? low * 0.75 : 0;
  s.x_high = s.is_log ? high * 1.35 : high * 1.12;
}

/// Each where its numbers say: what overlaps, overlaps. Only what no scale could show stands at an edge.
std::vector<Mark> place_marks(const Scale& s, const Report& report, const std::vector<const Point*>& points) {
  std::vector<Mark> marks;
  for (const Point* p : points) {
    const double value = p->accuracy.value;
    const double radius = p->status == Status::kChosen ? kMarkRadius + 2 : kMarkRadius;
    const bool is_below = value < s.y_low, is_above = is_above_scale(report, value);
    const double y = is_below ? s.frame.y + s.frame.h - 14 : is_above ? s.frame.y + 12 : s.y(value);
    marks.push_back({p, s.x(p->latency_us.value), y, radius, is_below, is_above});
  }
  return marks;
}

std::string line(std::string_view css, double x0, double y0, double x1, double y1) {
  return cat("<line class=\"", css, "\" x1=\"", coord(x0), "\" y1=\"", coord(y0), "\" x2=\"", coord(x1), "\" y2=\"",
             coord(y1), "\"/>\n");
}

std::string text_at(std::string_view css, double x, double y, std::string_view anchor, std::string_view text) {
  return cat("<text class=\"", css, "\" x=\"", coord(x), "\" y=\"", coord(y), "\" text-anchor=\"", anchor, "\">",
             escape(text), "</text>\n");
}

std::string latency_tick(double us, double step, double high) {
  const double unit = high >= 1e6 ? 1e6 : high >= 1e3 ? 1e3 : 1;
  const int digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step / unit) - 1e-9)), 0, 6);
  return decimal(us / unit, digits);
}

std::string_view latency_unit(double high) { return high >= 1e6 ? "s" : high >= 1e3 ? "ms" : "µs"; }

/// Round numbers 1, 2, 5 × 10ⁿ within a logarithmic axis; every decade alone when that would be too many.
std::vector<double> log_ticks(double low, double high) {
  std::vector<double> ticks;
  const bool is_wide = high / low > 200;
  for (double decade = std::pow(10, std::floor(std::log10(low))); decade <= high; decade *= 10) {
    for (const double m : {1.0, 2.0, 5.0}) {
      if (is_wide && m != 1.0) continue;
      if (decade * m >= low && decade * m <= high) ticks.push_back(decade * m);
    }
  }
  return ticks;
}

std::string draw_axes(const Scale& s, const Report& report, const PlotStyle& style) {
  const Box& f = s.frame;
  std::string out;
  const Ticks ty = round_ticks(s.y_low, s.y_high, style.is_numbered ? 5 : 6);
  for (int i = 0; i < ty.count; ++i) {
    const double v = ty.first + i * ty.step;
    if (report.unit == Unit::kShare && v > 100 + 1e-9) continue;
    out += line("grid", f.x, s.y(v), f.x + f.w, s.y(v));
    out += text_at("tick", f.x - 8, s.y(v) + style.font * 0.35, "end", decimal(v, ty.digits));
  }
  const auto add_x = [&](double us, double step) {
    out += line("mark-x", s.x(us), f.y + f.h, s.x(us), f.y + f.h + 5);
    out += text_at("tick", s.x(us), f.y + f.h + 8 + style.font, "middle", latency_tick(us, step, s.x_high));
  };
  if (s.is_log) {
    for (const double us : log_ticks(s.x_low, s.x_high)) {
      add_x(us, std::pow(10, std::floor(std::log10(us))));
    }
  } else {
    const Ticks tx = round_ticks(s.x_low, s.x_high, style.is_numbered ? 4 : 7);
    for (int i = 0; i < tx.count; ++i) add_x(tx.first + i * tx.step, tx.step);
  }
  out += line("axis", f.x, f.y + f.h, f.x + f.w, f.y + f.h);
  const std::string x_name = cat("median latency, ", latency_unit(s.x_high), s.is_log ? " (logarithmic)" : "");
  out += text_at("axis-name", f.x + f.w, f.y + f.h + 16 + 2 * style.font, "end", x_name);
  return out;
}

/// The line that no candidate may fall below, and the forbidden ground under it.
std::string draw_budget(const Scale& s, const Report& report) {
  if (!std::isfinite(report.floor())) return {};
  const Box& f = s.frame;
  const double y = s.y_clamped(report.floor());
  return cat("<rect class=\"forbidden\" x=\"", coord(f.x), "\" y=\"", coord(y), "\" width=\"", coord(f.w),
             "\" height=\"", coord(f.y + f.h - y), "\"/>\n", line("budget", f.x, y, f.x + f.w, y));
}

std::string budget_label(const Report& report) {
  if (std::isfinite(report.bound)) return cat("bound ", score_text(report.unit, report.bound));
  return cat("budget −", trimmed(report.max_drop_points, 2));
}

/// Steps along the points that no other point beats in both accuracy and latency, rejected ones left out.
std::string draw_frontier(const Scale& s, std::vector<Mark> marks) {
  std::erase_if(marks, [](const Mark& m) { return m.is_off() || m.point->status == Status::kRejected; });
  std::sort(marks.begin(), marks.end(),
            [](const Mark& a, const Mark& b) { return a.x != b.x ? a.x < b.x : a.y < b.y; });
  std::string path;
  double best = s.frame.y + s.frame.h;
  for (const Mark& m : marks) {
    if (!path.empty() && m.y >= best) continue;
    path += path.empty() ? cat("M", coord(m.x), " ", coord(m.y)) : cat("H", coord(m.x), "V", coord(m.y));
    best = m.y;
  }
  return marks.size() < 2 ? std::string() : cat("<path class=\"frontier\" d=\"", path, "\"/>\n");
}

std::string draw_interval(const Scale& s, const Mark& m) {
  if (m.is_off() || !m.point->accuracy.has_interval()) return {};
  const double top = s.y_clamped(m.point->accuracy.high), bottom = s.y_clamped(m.point->accuracy.low);
  const std::string css = cat("error ", css_class(m.point->status));
  std::string out = line(css, m.x, top, m.x, bottom);
  out += line(css, m.x - 3, top, m.x + 3, top);
  return out + line(css, m.x - 3, bottom, m.x + 3, bottom);
}

std::string draw_mark(const Report& r, const Mark& m) {
  const Point& p = *m.point;
  const std::string title = cat("<title>", escape(p.label), ": ", score_text(r.unit, p.accuracy.value), ", ",
                                us_text(p.latency_us.value), "</title>");
  const std::string_view css = css_class(p.status);
  if (m.is_off()) {
    const double up = m.is_above ? -1 : 1;
    return cat("<path class=\"dot ", css, "\" d=\"M", coord(m.x - 4.5), " ", coord(m.y - 3 * up), "H", coord(m.x + 4.5),
               "L", coord(m.x), " ", coord(m.y + 5 * up), "Z\">", title, "</path>\n");
  }
  if (p.status == Status::kBaseline) {
    return cat("<rect class=\"dot base\" x=\"", coord(m.x - 4.5), "\" y=\"", coord(m.y - 4.5),
               "\" width=\"9\" height=\"9\">", title, "</rect>\n");
  }
  std::string out;
  if (p.status == Status::kChosen) {
    out = cat("<circle class=\"halo\" cx=\"", coord(m.x), "\" cy=\"", coord(m.y), "\" r=\"11\"/>\n");
  }
  return cat(out, "<circle class=\"dot ", css, "\" cx=\"", coord(m.x), "\" cy=\"", coord(m.y), "\" r=\"",
             coord(m.radius - 0.5), "\">", title, "</circle>\n");
}

std::string label_of(const Report& r, const Mark& m, const PlotStyle& style) {
  if (style.is_numbered) return cat(m.point->number);
  const std::string label = shortened(m.point->label, 60);
  return m.is_off() ? cat(label, " ", score_text(r.unit, m.point->accuracy.value)) : label;
}

/// The budget's own name under one end of its line, whichever is freer; the space it takes is added to `avoid`.
std::string draw_budget_name(const Scale& s, const Report& report, const PlotStyle& style, std::vector<Box>& avoid) {
  if (!std::isfinite(report.floor())) return {};
  const Box& f = s.frame;
  const std::string name = budget_label(report);
  const double y = s.y_clamped(report.floor());
  const double w = static_cast<double>(length_of(name)) * style.font * 0.6, h = style.font * 1.4;
  const Box left{f.x + 4, y + 3, w, h}, right{f.x + f.w - 4 - w, y + 3, w, h};
  const auto taken = [&](const Box& box) {
    double area = 0;
    for (const Box& b : avoid) area += overlap(b, box);
    return area;
  };
  const bool is_left = taken(left) <= taken(right);
  avoid.push_back({f.x, y - 1, f.w, 2});
  for (int i = 0; i < 4; ++i) avoid.push_back(is_left ? left : right);  // four times as bad as an interval
  return text_at("budget-name", is_left ? left.x : right.x + right.w, y + style.font + 4, is_left ? "start" : "end",
                 name);
}

std::string draw_labels(const Scale& s, const Report& report, std::vector<Mark> marks, const PlotStyle& style) {
  const auto rank = [](const Mark& m) { return m.point->status == Status::kChosen ? 0 : m.point->number + 1; };
  std::sort(marks.begin(), marks.end(), [&](const Mark& a, const Mark& b) { return rank(a) < rank(b); });
  std::vector<std::string> texts;
  std::vector<LabelRequest> requests;
  std::vector<Box> avoid;
  for (const Mark& m : marks) {
    texts.push_back(label_of(report, m, style));
    const double w = static_cast<double>(length_of(texts.back())) * style.font * 0.6 + 2;
    requests.push_back({m.x, m.y, m.point->status == Status::kChosen ? 11 : m.radius, w, style.font * 1.25});
    if (m.is_off() || !m.point->accuracy.has_interval()) continue;
    const double top = s.y_clamped(m.point->accuracy.high), bottom = s.y_clamped(m.point->accuracy.low);
    // Its name must not hide the one interval that matters most.
    const int weight = m.point->status == Status::kChosen ? 4 : 1;
    avoid.insert(avoid.end(), static_cast<size_t>(weight), Box{m.x - 3, top, 6, bottom - top});
  }
  std::string out;
  out += draw_budget_name(s, report, style, avoid);
  const std::vector<PlacedLabel> placed = place_labels(requests, avoid, s.frame);
  for (size_t i = 0; i < placed.size(); ++i) {
    const PlacedLabel& p = placed[i];
    if (!p.is_placed) continue;
    if (p.has_leader) out += line("leader", p.from_x, p.from_y, p.to_x, p.to_y);
    const double anchor_x = p.box.x + p.box.w / 2;
    const bool is_left = p.box.x + p.box.w<requests[i].x, is_right = p.box.x> requests[i].x;
    const double x = is_left ? p.box.x + p.box.w : is_right ? p.box.x : anchor_x;
    out += text_at(cat("name ", css_class(marks[i].point->status)), x, p.box.y + style.font,
                   is_left    ? "end"
                   : is_right ? "start"
                              : "middle",
                   texts[i]);
  }
  return out;
}

}  // namespace

Ticks round_ticks(double low, double high, int count) {
  const double raw = (high - low) / std::max(1, count);
  if (!(raw > 0) || !std::isfinite(raw)) return {};
  const double decade = std::pow(10, std::floor(std::log10(raw)));
  const double ratio = raw / decade;
  const double step = decade * (ratio <= 1.0001 ? 1 : ratio <= 2.0001 ? 2 : ratio <= 5.0001 ? 5 : 10);
  Ticks t;
  t.step = step;
  t.first = std::ceil(low / step - 1e-9) * step;
  t.count = static_cast<int>(std::floor((high - t.first) / step + 1e-9)) + 1;
  t.digits = std::clamp(static_cast<int>(std::ceil(-std::log10(step) - 1e-9)), 0, 6);
  return t;
}

std::string accuracy_plot(const Report& report, const PlotStyle& style) {
  const std::vector<const Point*> points = drawable_points(report);
  if (points.empty() || !report.is_higher_better) return {};
  Scale s;
  s.frame = {style.font * 3.6, style.font * 2.2, style.width - style.font * 3.6 - 8, 0};
  s.frame.h = style.height - s.frame.y - style.font * 3.8;
  fit_accuracy(s, report, points);
  fit_latency(s, points);
  std::vector<Mark> marks = place_marks(s, report, points);
  std::string out = cat("<svg class=\"plot ", style.css_class, "\" viewBox=\"0 0 ", coord(style.width), " ",
                        coord(style.height), "\" font-size=\"", coord(style.font),
                        "\" role=\"img\" aria-label=\"Accuracy against median latency of every candidate\">\n");
  out += draw_budget(s, report);
  out += draw_axes(s, report, style);
  out += text_at("axis-name", 0, style.font, "start",
                 report.unit == Unit::kShare     ? "accuracy, %"
                 : report.unit == Unit::kDecibel ? "signal to noise, dB"
                                                 : "score");
  out += draw_frontier(s, marks);
  for (const Mark& m : marks) out += draw_interval(s, m);
  // The chosen one lies on top, the baseline beneath it.
  const auto height = [](const Mark& m) {
    return m.point->status == Status::kChosen ? 2 : m.point->status == Status::kBaseline ? 1 : 0;
  };
  std::stable_sort(marks.begin(), marks.end(), [&](const Mark& a, const Mark& b) { return height(a) < height(b); });
  for (const Mark& m : marks) out += draw_mark(report, m);
  out += draw_labels(s, report, marks, style);
  return out + "</svg>\n";
}

}  // namespace hone::report
