#include "report/bars.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "report/plot.h"
#include "report/style.h"
#include "report/text.h"

namespace hone::report {
namespace {

constexpr size_t kMostLayers = 20;

std::string percent_of(double fraction) { return cat(coord(std::clamp(fraction, 0.0, 1.0) * 100), "%"); }

/// One row of a bar list; `name` and `value` are HTML.
std::string bar_row(std::string_view css, std::string_view name, double fraction, std::string_view value) {
  return cat("<li class=\"", css, "\"><span class=\"bar-name\">", name,
             "</span><svg class=\"bar\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"100%\"/>"
             "<rect class=\"fill\" width=\"",
             percent_of(fraction), "\" height=\"100%\"/></svg><span class=\"bar-value\">", value, "</span></li>\n");
}

double relative_error(const Layer& layer) { return std::pow(10.0, -layer.sqnr_db / 20.0); }

std::vector<const Layer*> worst_layers(const Report& report) {
  std::vector<const Layer*> layers;
  for (const Layer& layer : report.sensitivity) {
    if (std::isfinite(layer.sqnr_db)) layers.push_back(&layer);
  }
  std::stable_sort(layers.begin(), layers.end(),
                   [](const Layer* a, const Layer* b) { return a->sqnr_db < b->sqnr_db; });
  if (layers.size() > kMostLayers) layers.resize(kMostLayers);
  return layers;
}

std::string layer_name(const Layer& layer) {
  constexpr size_t kLongest = 64;  // TFLite joins the names of what it fused
  const std::string name = layer.name.empty() ? std::string(kDash) : without_middle(layer.name, kLongest);
  std::string out = name == layer.name ? cat("<code>", escape(name), "</code>")
                                       : cat("<code title=\"", escape(layer.name), "\">", escape(name), "</code>");
  if (!layer.op.empty()) out += cat(" <small>", escape(layer.op), "</small>");
  if (layer.is_kept_float) out += " <small class=\"tag\">kept in float</small>";
  return out;
}

std::string layer_value(const Layer& layer) {
  const double error = relative_error(layer) * 100;
  std::string out =
      cat("<b>", decimal(error, error < 0.995 ? 2 : 1), " %</b> <small>", decimal(layer.sqnr_db, 1), " dB</small>");
  return out;
}

/// The part of the ruler, in points of change (right is better), that the gauge shows.
struct Ruler {
  double low = -1, high = 1;
  double fraction(double change) const { return (change - low) / (high - low); }
  std::string at(double change) const { return percent_of(fraction(change)); }
};

Ruler fit_ruler(const Report& report, const Estimate& drop) {
  Ruler r{-drop.value, -drop.value};
  const auto include = [&](double change) {
    if (!std::isfinite(change)) return;
    r.low = std::min(r.low, change);
    r.high = std::max(r.high, change);
  };
  include(0);
  include(-drop.low);
  include(-drop.high);
  include(-report.max_drop_points * 1.25);
  const double span = std::max(0.4, r.high - r.low);
  r.low -= span * 0.08;
  r.high += span * 0.12;
  return r;
}

std::string_view anchor_at(double fraction) { return fraction < 0.12 ? "start" : fraction > 0.88 ? "end" : "middle"; }

std::string gauge_ticks(const Ruler& r) {
  std::string out;
  const Ticks ticks = round_ticks(r.low, r.high, 5);
  for (int i = 0; i < ticks.count * 5; ++i) {
    const double v = ticks.first + i * ticks.step / 5;
    if (v > r.high) break;
    const bool is_major = i % 5 == 0;
    out += cat("<line class=\"rule\" x1=\"", r.at(v), "\" x2=\"", r.at(v), "\" y1=\"56\" y2=\"", is_major ? "64" : "60",
               "\"/>");
    if (!is_major || r.fraction(v) < 0.03 || r.fraction(v) > 0.97) continue;
    out += cat("<text class=\"tick\" x=\"", r.at(v), "\" y=\"79\" text-anchor=\"middle\">",
               std::fabs(v) < ticks.step / 2 ? "0" : signed_decimal(v, ticks.digits), "</text>\n");
  }
  return out;
}

}  // namespace

std::string size_bars(const Report& report) {
  std::vector<const Point*> points = {&report.baseline};
  for (const Point& p : report.candidates) points.push_back(&p);
  std::erase_if(points, [](const Point* p) { return !(p->size_bytes >= 0); });
  if (points.empty()) return {};
  double largest = 1;
  for (const Point* p : points) largest = std::max(largest, p->size_bytes);
  std::string out = "<ul class=\"bars\">\n";
  for (const Point* p : points) {
    std::string value = cat("<b>", bytes_text(p->size_bytes), "</b>");
    if (p != &report.baseline)
      value += cat(" <small>", ratio_text(report.baseline.size_bytes, p->size_bytes), "</small>");
    out += bar_row(css_class(p->status), escape(p->label), p->size_bytes / largest, value);
  }
  return out + "</ul>\n";
}

std::string sensitivity_bars(const Report& report) {
  const std::vector<const Layer*> layers = worst_layers(report);
  if (layers.empty()) return {};
  const double worst = std::max(1e-12, relative_error(*layers.front()));
  std::string out = "<ul class=\"bars layers\">\n";
  for (const Layer* layer : layers) {
    out += bar_row(layer->is_kept_float ? "chosen" : "kept", layer_name(*layer), relative_error(*layer) / worst,
                   layer_value(*layer));
  }
  return out + "</ul>\n";
}

std::string budget_gauge(const Report& report) {
  const Point* chosen = report.chosen();
  if (chosen == nullptr || !chosen->drop_points.has_value() || std::isfinite(report.bound)) return {};
  const Estimate& drop = chosen->drop_points;
  const Ruler r = fit_ruler(report, drop);
  std::string out =
      "<svg class=\"gauge\" role=\"img\" aria-label=\"Change of accuracy in percentage points, with the budget\">\n";
  out += "<rect class=\"track\" y=\"28\" width=\"100%\" height=\"28\"/>\n";
  if (std::isfinite(report.max_drop_points)) {
    const std::string edge = r.at(-report.max_drop_points);
    out += cat("<rect class=\"forbidden\" y=\"28\" width=\"", edge, "\" height=\"28\"/><line class=\"budget\" x1=\"",
               edge, "\" x2=\"", edge, "\" y1=\"22\" y2=\"56\"/>\n");
  }
  out += cat("<line class=\"zero\" x1=\"", r.at(0), "\" x2=\"", r.at(0), "\" y1=\"28\" y2=\"56\"/>\n");
  out += gauge_ticks(r);
  if (drop.has_interval()) {
    const double left = r.fraction(-std::max(drop.low, drop.high)), right = r.fraction(-std::min(drop.low, drop.high));
    out += cat("<rect class=\"interval\" x=\"", percent_of(left), "\" y=\"37\" width=\"", percent_of(right - left),
               "\" height=\"10\"/>\n");
  }
  const std::string x = r.at(-drop.value);
  out += cat("<line class=\"needle\" x1=\"", x, "\" x2=\"", x, "\" y1=\"24\" y2=\"56\"/>\n");
  out += cat("<text class=\"reading\" x=\"", x, "\" y=\"16\" text-anchor=\"", anchor_at(r.fraction(-drop.value)), "\">",
             points_change(-drop.value), " ", unit_symbol(report.unit), "</text>\n");
  return out + "</svg>\n";
}

}  // namespace hone::report
