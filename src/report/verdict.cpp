#include "report/verdict.h"

#include <cmath>
#include <vector>

#include "base/text.h"
#include "report/text.h"

namespace hone::report {
namespace {

constexpr double kSame = 0.03;  // ratios this near to 1 are called the same

/// "2.7× faster"; "" when unknown or the same.
std::string gain(double before, double after, std::string_view better, std::string_view worse) {
  if (!(before > 0 && after > 0)) return {};
  if (std::fabs(before / after - 1) < kSame) return {};
  return before > after ? cat("<b>", ratio_text(before, after), " ", better, "</b>")
                        : cat(ratio_text(after, before), " ", worse);
}

std::string gains(const Report& r, const Point& c) {
  const Estimate &before = r.baseline.latency_us, &after = c.latency_us;
  const bool is_noise =
      before.has_interval() && after.has_interval() && before.low <= after.high && after.low <= before.high;
  const std::string speed = is_noise ? "" : gain(before.value, after.value, "faster", "slower");
  const std::string size = gain(r.baseline.size_bytes, c.size_bytes, "smaller", "larger");
  if (speed.empty() && size.empty()) return "about as fast and as large as the float model";
  if (speed.empty()) return cat("no faster, ", size);
  if (size.empty()) return speed;
  const bool is_faster = after.value < before.value, is_smaller = c.size_bytes < r.baseline.size_bytes;
  return cat(speed, is_faster == is_smaller ? " and " : " but ", size);
}

std::string unbroken(std::string_view html) { return cat("<span class=\"unbroken\">", html, "</span>"); }

std::string interval_text(const Estimate& drop) {
  if (!drop.has_interval()) return {};
  return cat(" (95&nbsp;% interval of the change ",
             unbroken(cat(signed_decimal(-drop.high, 1), "…", signed_decimal(-drop.low, 1))), ")");
}

std::string lowered(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] - 'A' + 'a');
  return text;
}

/// The metric's name inside a sentence; "top-1" must not be torn apart at its hyphen.
std::string metric_html(const Report& r) {
  const std::string name = escape(lowered(metric_title(r)));
  return name.starts_with("top-") ? unbroken(name) : name;
}

bool is_within(const Report& r, double drop) { return drop <= r.max_drop_points + 1e-9; }

}  // namespace

std::string metric_title(const Report& r) {
  std::string title = r.metric_title.empty() ? "accuracy" : r.metric_title;
  if (title[0] >= 'a' && title[0] <= 'z') title[0] = static_cast<char>(title[0] - 'a' + 'A');
  return title;
}

std::string verdict_html(const Report& r) {
  const Point* c = r.chosen();
  const bool has_budget = std::isfinite(r.max_drop_points);
  if (c == nullptr) {
    if (r.candidates.empty()) return "No candidate was tried; the float model stays as it is.";
    size_t kept = 0;
    for (const Point& p : r.candidates) kept += p.status == Status::kKept;
    const std::string budget = has_budget ? cat("the budget of ", points_text(r.max_drop_points)) : "the budget";
    const std::string baseline = r.baseline.label == "float" ? "the float model" : "the model";
    if (kept > 0)
      return cat("<b>Nothing inside</b> ", budget, " <b>beats ", baseline, "</b>, by ",
                 r.objective.empty() ? "the objective" : escape(r.objective), "; it stays as it is.");
    const std::string claim = r.candidates.size() == 1
                                  ? "The one candidate did not stay inside"
                                  : cat("None of the ", r.candidates.size(), " candidates stayed inside");
    return cat("<b>", claim, "</b> ", budget, "; ", baseline, " stays as it is.");
  }
  std::string out = cat(escape(c->label), " is ", gains(r, *c));
  if (std::isfinite(r.bound) && c->accuracy.has_value())
    return cat(out, "; ", metric_html(r), " ", score_text(r.unit, c->accuracy.value), ", the bound is ",
               score_text(r.unit, r.bound), ".");
  if (r.baseline.accuracy.has_value() && c->accuracy.has_value()) {
    out += cat("; ", metric_html(r), " ", score_text(r.unit, r.baseline.accuracy.value), "&nbsp;→&nbsp;",
               score_text(r.unit, c->accuracy.value), interval_text(c->drop_points));
  }
  if (has_budget && c->drop_points.has_value()) {
    out += cat(is_within(r, c->drop_points.value) ? ", inside" : ", outside", " the budget of ",
               points_text(r.max_drop_points));
  }
  return out + ".";
}

std::string gauge_note(const Report& r) {
  const Point* c = r.chosen();
  if (c != nullptr && std::isfinite(r.bound)) return "Scores compare the outputs with those of the model as given.";
  if (c == nullptr || !c->drop_points.has_value()) return "The model as given, measured on this machine.";
  std::string out = "The ruler shows the change of accuracy in points, its 95&nbsp;% interval and the budget.";
  if (!std::isfinite(r.max_drop_points) || !c->drop_points.has_interval()) return out;
  if (is_within(r, c->drop_points.high)) return out + " The whole interval lies inside the budget.";
  return out + " The interval reaches past the budget: more test data would settle it.";
}

std::string unseen_note(const Report& r) {
  if (r.chosen() == nullptr) return {};
  const Estimate& drop = r.unseen_drop;
  if (std::isfinite(r.bound)) return {};
  if (!drop.has_value())
    return "The same few samples chose this model and measured it: on others it may do worse than shown.";
  std::string out =
      cat("The samples that chose this model also measured it, which flatters it. With the choice made on "
          "half of them and measured on the other half, over and over, the change is ",
          unbroken(cat(points_change(-drop.value), "&nbsp;pt")));
  if (drop.has_interval())
    out += cat(" (", unbroken(cat(signed_decimal(-drop.high, 1), "…", signed_decimal(-drop.low, 1))), ")");
  out += ": expect that on new data.";
  if (std::isfinite(r.max_drop_points) && !is_within(r, drop.value)) out += " <b>It is beyond the budget.</b>";
  return out;
}

}  // namespace hone::report
