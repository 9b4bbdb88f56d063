#include "report/html.h"

#include <cmath>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "report/bars.h"
#include "report/plot.h"
#include "report/style.h"
#include "report/text.h"
#include "report/verdict.h"

namespace hone::report {
namespace {

std::string section(std::string_view title, std::string_view note, std::string_view body,
                    std::string_view css_class = {}) {
  if (body.empty()) return {};
  const std::string css = css_class.empty() ? "" : cat(" class=\"", css_class, "\"");
  return cat("<section", css, "><div><h2>", title, "</h2><p class=\"note\">", note, "</p></div><div>\n", body,
             "</div></section>\n");
}

/// "97.2 %" with its interval in small print beneath.
std::string accuracy_cell(const Report& r, const Estimate& a) {
  std::string out = score_text(r.unit, a.value);
  const int digits = r.unit == Unit::kReal ? 3 : 1;
  if (a.has_interval() && a.low < a.high)
    out += cat("<small>", decimal(a.low, digits), "–", decimal(a.high, digits), "</small>");
  return out;
}

/// Against a bound there is no change to speak of.
std::string change_cell(const Report& r, const Estimate& drop) {
  if (!drop.has_value() || std::isfinite(r.bound)) return std::string(kDash);
  std::string out = change_text(r.unit, drop.value);
  if (drop.has_interval()) {
    out += cat("<small>", signed_decimal(-drop.high, 1), " … ", signed_decimal(-drop.low, 1), "</small>");
  }
  return out;
}

std::string figure(std::string_view name, std::string_view value, std::string_view detail) {
  return cat("<div><dt>", name, "</dt><dd class=\"big\">", value, "</dd><dd><small>", detail, "</small></dd></div>\n");
}

std::string from_to(std::string_view before, std::string_view after) { return cat(before, " → ", after); }

/// The page's four numbers: speed, size, memory, accuracy.
std::string figures(const Report& r) {
  const Point* c = r.chosen();
  if (c == nullptr) return {};
  const Point& b = r.baseline;
  const Estimate& drop = c->drop_points;
  const std::string change = std::isfinite(r.bound) ? score_text(r.unit, c->accuracy.value)
                             : drop.has_value()
                                 ? cat(points_change(-drop.value), " <small>", unit_symbol(r.unit), "</small>")
                                 : "–";
  return cat("<dl class=\"figures\">\n",
             figure("Speed", ratio_text(b.latency_us.value, c->latency_us.value),
                    from_to(us_text(b.latency_us.value), us_text(c->latency_us.value))),
             figure("Size", ratio_text(b.size_bytes, c->size_bytes),
                    from_to(bytes_text(b.size_bytes), bytes_text(c->size_bytes))),
             figure("Memory", ratio_text(b.peak_memory_bytes, c->peak_memory_bytes),
                    from_to(bytes_text(b.peak_memory_bytes), bytes_text(c->peak_memory_bytes))),
             figure(r.unit == Unit::kShare ? "Accuracy" : "Fidelity", change,
                    std::isfinite(r.bound)
                        ? cat("at least ", score_text(r.unit, r.bound))
                        : from_to(score_text(r.unit, b.accuracy.value), score_text(r.unit, c->accuracy.value))),
             "</dl>\n");
}

struct Quantity {
  std::string_view name;
  double Point::*value;
  std::string (*text)(double);
};

constexpr Quantity kQuantities[] = {{"Latency, p95", &Point::latency_p95_us, us_text},
                                    {"Latency, p99", &Point::latency_p99_us, us_text},
                                    {"File size", &Point::size_bytes, bytes_text},
                                    {"Peak memory", &Point::peak_memory_bytes, bytes_text}};

/// The median with the interval that repeating the measurement would show.
std::string latency_cell(const Estimate& us) {
  std::string out = us_text(us.value);
  if (us.has_interval() && us.low < us.high) out += cat("<small>", us_text(us.low), "–", us_text(us.high), "</small>");
  return out;
}

/// The float model beside the chosen one; alone when none was chosen.
std::string compare_table(const Report& r) {
  const Point& before = r.baseline;
  const Point* after = r.chosen();
  const auto row = [&](std::string_view name, std::string_view old_text, std::string_view new_text,
                       std::string_view change) {
    return after == nullptr ? cat("<tr><td>", name, "</td><td>", old_text, "</td></tr>\n")
                            : cat("<tr><td>", name, "</td><td>", old_text, "</td><td>", new_text, "</td><td>", change,
                                  "</td></tr>\n");
  };
  std::string out = cat("<table class=\"compare\"><thead><tr><th></th><th>before: ", escape(before.label), "</th>");
  if (after != nullptr) out += cat("<th>after: ", escape(after->label), "</th><th>change</th>");
  out += "</tr></thead><tbody>\n";
  const Point& now = after != nullptr ? *after : before;
  out += row(escape(metric_title(r)), accuracy_cell(r, before.accuracy), accuracy_cell(r, now.accuracy),
             change_cell(r, now.drop_points));
  out += row("Latency, median", latency_cell(before.latency_us), latency_cell(now.latency_us),
             ratio_text(before.latency_us.value, now.latency_us.value));
  for (const Quantity& q : kQuantities) {
    out += row(q.name, q.text(before.*q.value), q.text(now.*q.value), ratio_text(before.*q.value, now.*q.value));
  }
  return out + "</tbody></table>\n";
}

std::string shape(Status status) {
  const std::string_view mark =
      status == Status::kBaseline   ? "<rect class=\"dot base\" x=\"2\" y=\"2\" width=\"9\" height=\"9\"/>"
      : status == Status::kChosen   ? "<circle class=\"halo\" cx=\"6.5\" cy=\"6.5\" r=\"8\"/>"
                                      "<circle class=\"dot chosen\" cx=\"6.5\" cy=\"6.5\" r=\"5\"/>"
      : status == Status::kRejected ? "<circle class=\"dot rejected\" cx=\"6.5\" cy=\"6.5\" r=\"4\"/>"
                                    : "<circle class=\"dot kept\" cx=\"6.5\" cy=\"6.5\" r=\"4.5\"/>";
  return cat("<svg class=\"shape\" viewBox=\"0 0 13 13\" aria-hidden=\"true\">", mark, "</svg>");
}

std::string plot_key(const Report& r) {
  std::string out = "<ol class=\"key\">\n";
  const auto add = [&](const Point& p) {
    out += cat("<li class=\"", p.status == Status::kChosen ? "chosen" : "other", "\"><b>", p.number, "</b><span>",
               shape(p.status), escape(p.label), "</span><span>", score_text(r.unit, p.accuracy.value), ", ",
               us_text(p.latency_us.value), "</span></li>\n");
  };
  add(r.baseline);
  for (const Point& p : r.candidates) add(p);
  return out + "</ol>\n";
}

std::string plots(const Report& r) {
  PlotStyle wide;
  wide.css_class = "wide";
  PlotStyle narrow{.width = 340, .height = 330, .font = 12, .is_numbered = true, .css_class = "narrow"};
  const std::string drawing = accuracy_plot(r, wide);
  if (drawing.empty()) return {};
  return cat(drawing, accuracy_plot(r, narrow), plot_key(r));
}

std::string cell(std::string_view name, std::string_view value) {
  return cat("<td data-name=\"", name, "\">", value, "</td>");
}

std::string candidate_row(const Report& r, const Point& p) {
  const std::string_view css = p.status == Status::kChosen     ? "chosen"
                               : p.status == Status::kRejected ? "rejected"
                                                               : "kept";
  std::string reason = escape(p.reason);
  if (p.status == Status::kRejected) reason = reason.empty() ? "rejected" : cat("rejected: ", reason);
  if (p.status == Status::kChosen) reason = reason.empty() ? "chosen" : cat("chosen: ", reason);
  std::string name = cat(shape(p.status), escape(p.label));
  if (p.status == Status::kBaseline && p.label != "float") name += " <small>baseline</small>";
  return cat("<tr class=\"", css, "\"><td>", name, "</td>", cell("Accuracy", accuracy_cell(r, p.accuracy)),
             cell("Change", p.status == Status::kBaseline ? std::string(kDash) : change_cell(r, p.drop_points)),
             cell("Latency", latency_cell(p.latency_us)), cell("Size", bytes_text(p.size_bytes)),
             cell("Memory", bytes_text(p.peak_memory_bytes)), "<td class=\"reason", reason.empty() ? " empty" : "",
             "\">", reason, "</td></tr>\n");
}

std::string candidates_table(const Report& r) {
  std::string out =
      "<table class=\"candidates\"><thead><tr><th>Candidate</th><th>Accuracy</th><th>Change</th><th>Latency</th>"
      "<th>Size</th><th>Memory</th><th></th></tr></thead><tbody>\n";
  out += candidate_row(r, r.baseline);
  for (const Point& p : r.candidates) out += candidate_row(r, p);
  return out + "</tbody></table>\n";
}

/// What reading a file back showed, in words that claim no more than that.
std::string proof_cell(const Report& r, const Output& o) {
  if (!o.is_verified)
    return cat("<span class=\"no\">", o.problem.empty() ? "not proved" : escape(o.problem), "</span>");
  const std::string_view claim = o.same_samples == o.samples ? "same answers" : "inside the budget";
  std::string out = cat("<span class=\"yes\">", claim, "</span><small>", score_text(r.unit, o.accuracy));
  if (o.samples > 0 && o.same_samples != o.samples)
    out += cat(", ", count_text(o.samples - o.same_samples), " of ", count_text(o.samples), " samples differ");
  return out + "</small>";
}

std::string outputs_table(const Report& r) {
  if (r.outputs.empty()) return {};
  std::string out =
      "<table class=\"files\"><thead><tr><th>File written</th><th>Size</th><th>Latency</th><th>Read back</th></tr>"
      "</thead><tbody>\n";
  for (const Output& o : r.outputs) {
    out += cat("<tr><td>", escape(o.path));
    if (!o.sha256.empty()) out += cat("<small>sha256 ", escape(o.sha256), "</small>");
    out += cat("</td><td>", bytes_text(o.bytes), "</td><td>", latency_cell(o.latency_us),
               o.runtime.empty() ? "" : cat("<small>in ", escape(o.runtime), "</small>"), "</td><td>", proof_cell(r, o),
               "</td></tr>\n");
  }
  return out + "</tbody></table>\n";
}

std::string operators_table(const Report& r) {
  constexpr size_t kMost = 12;
  if (r.operators.empty()) return {};
  const bool has_after = r.chosen() != nullptr;
  std::string out = cat("<table class=\"compare\"><thead><tr><th>Operator</th><th>before</th>",
                        has_after ? "<th>after</th><th>change</th>" : "", "</tr></thead><tbody>\n");
  const auto time = [](double us) { return us > 0 ? us_text(us) : std::string(kDash); };
  for (size_t i = 0; i < r.operators.size() && i < kMost; ++i) {
    const OperatorTime& t = r.operators[i];
    out += cat("<tr><td>", escape(t.op), "</td><td>", time(t.before_us), "</td>");
    if (has_after) out += cat("<td>", time(t.after_us), "</td><td>", ratio_text(t.before_us, t.after_us), "</td>");
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

/// The classes that changed most, either way.
std::string classes_table(const Report& r) {
  constexpr size_t kMost = 12;
  if (r.chosen() == nullptr || r.classes.size() < 2) return {};
  std::vector<const ClassChange*> order;
  for (const ClassChange& c : r.classes) order.push_back(&c);
  std::stable_sort(order.begin(), order.end(), [](const ClassChange* a, const ClassChange* b) {
    return std::fabs(a->after - a->before) > std::fabs(b->after - b->before);
  });
  std::string out =
      "<table class=\"compare "
      "classes\"><thead><tr><th>Class</th><th>samples</th><th>before</th><th>after</th><th>change</th>"
      "</tr></thead><tbody>\n";
  for (size_t i = 0; i < order.size() && i < kMost; ++i) {
    const ClassChange& c = *order[i];
    out += cat("<tr><td>", escape(c.name), "</td><td>", count_text(static_cast<double>(c.samples)), "</td><td>",
               percent(c.before), "</td><td>", percent(c.after), "</td><td>",
               change_text(Unit::kShare, 100 * (c.before - c.after)), "</td></tr>\n");
  }
  return out + "</tbody></table>\n";
}

/// A named fact; the value is HTML.
struct Fact {
  std::string_view name;
  std::string value;
};

std::string facts_list(const std::vector<Fact>& facts) {
  std::string out;
  for (const Fact& f : facts) {
    if (!f.value.empty()) out += cat("<dt>", f.name, "</dt><dd>", f.value, "</dd>\n");
  }
  return out.empty() ? out : cat("<dl class=\"facts\">\n", out, "</dl>\n");
}

/// Appends `part` with a comma between; nothing for nothing.
void append_part(std::string& list, std::string_view part) {
  if (!part.empty()) list += cat(list.empty() ? "" : ", ", part);
}

std::string machine_text(const Report& r) {
  std::string out = escape(r.cpu);
  append_part(out, escape(r.isa));
  if (std::isfinite(r.threads)) append_part(out, cat(count_text(r.threads), r.threads == 1 ? " thread" : " threads"));
  append_part(out, escape(r.os));
  return out;
}

std::string data_text(const Report& r) {
  std::string out = r.data_dir.empty() ? "" : cat("<code>", escape(r.data_dir), "</code>");
  if (std::isfinite(r.calibration_count)) append_part(out, cat(count_text(r.calibration_count), " for calibration"));
  if (std::isfinite(r.test_count)) append_part(out, cat(count_text(r.test_count), " held out for the test"));
  if (std::isfinite(r.split_seed)) append_part(out, cat("split seed ", count_text(r.split_seed)));
  return out;
}

std::string reproduction(const Report& r) {
  std::string model = escape(r.model_name);
  if (std::isfinite(r.model_bytes)) append_part(model, bytes_text(r.model_bytes));
  if (std::isfinite(r.model_nodes)) append_part(model, cat(count_text(r.model_nodes), " nodes"));
  std::string budget;
  if (std::isfinite(r.bound))
    budget = cat(score_text(r.unit, r.bound), r.is_higher_better ? " at least" : " at most");
  else if (std::isfinite(r.max_drop_points))
    budget = cat("at most ", points_text(r.max_drop_points), " of loss");
  if (!r.objective.empty()) append_part(budget, cat("then the best ", escape(r.objective)));
  const std::string hash = r.model_sha256.empty() ? "" : cat("<code>", escape(r.model_sha256), "</code>");
  std::string out = r.command.empty() ? "" : cat("<pre>", escape(r.command), "</pre>\n");
  out += facts_list({{"Model", model},
                     {"SHA-256", hash},
                     {"Budget", budget},
                     {"Data", data_text(r)},
                     {"Machine", machine_text(r)},
                     {"Runtime", escape(r.runtime)},
                     {"Tool", r.tool_version.empty() ? "" : cat("hone ", escape(r.tool_version))}});
  return out + outputs_table(r);
}

std::string page_header(const Report& r) {
  // Date and minute are enough to recognise a run by.
  std::string when = r.created.substr(0, 16);
  if (const size_t t = when.find('T'); t != std::string::npos) when[t] = ' ';
  return cat("<header><p class=\"kicker\"><span><b>hone</b> optimization report</span><span>", escape(when),
             "</span></p>\n<h1>", escape(r.model_name.empty() ? "model" : std::string_view(r.model_name)),
             "</h1>\n<p class=\"verdict", r.chosen() == nullptr ? " none" : "", "\">", verdict_html(r),
             "</p></header>\n");
}

std::string page_footer(const Report& r) {
  const double n = r.baseline.samples;
  const std::string samples = n > 0 ? cat(", from ", count_text(n), n == 1 ? " sample" : " samples") : "";
  return cat("<footer>Intervals are 95&nbsp;%", samples,
             ". Changes of accuracy are in percentage points (pt).</footer>\n");
}

std::string notes(const Report& r) {
  const std::string unseen = unseen_note(r);
  return unseen.empty() ? gauge_note(r) : cat(gauge_note(r), "</p><p class=\"note\">", unseen);
}

std::string page_body(const Report& r) {
  constexpr std::string_view sensitivity_note =
      "Error of the network’s output, relative to the signal, with this layer alone in int8. The longer the bar, the "
      "more it costs.";
  return cat(
      page_header(r), figures(r), section("Before and after", notes(r), cat(budget_gauge(r), compare_table(r))),
      section("Accuracy against latency",
              "Up and to the left is better. Bars are 95&nbsp;% intervals. Hatched ground lies beyond the budget; "
              "hollow points were rejected. The thin line joins what nothing else beats.",
              plots(r), "plots"),
      section("Time by operator",
              "Median of each step in runs of their own, summed up by operator: what the chosen model spends less, or "
              "more, on.",
              operators_table(r)),
      section("Change by class", "Share of each class that is right, those that changed most first.", classes_table(r)),
      section(
          "Candidates",
          cat("In the order they were tried, each judged on data that was not used to calibrate, and timed in ",
              escape(r.runtime.empty() ? "hone" : std::string_view(r.runtime)),
              " on this machine as its files run: the slower of them counts. Candidates that run the same steps share "
              "one time."),
          candidates_table(r)),
      section("File size",
              cat("As written to disk, and how many times smaller than the ",
                  r.baseline.label == "float" ? "float model." : "model as given."),
              size_bars(r)),
      section("Layer sensitivity", sensitivity_note, sensitivity_bars(r)),
      section("Making it again",
              "Same model, data and options make the same candidates; which one is chosen rests on what this machine "
              "measured.",
              reproduction(r)));
}

}  // namespace
}  // namespace hone::report

namespace hone {

std::string render_report_html(const report::Report& r) {
  const std::string name = r.model_name.empty() ? "model" : r.model_name;
  return cat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
      report::escape(name), " – hone report</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>",
      report::style_sheet(), "</style>\n</head>\n<body>\n", report::svg_definitions(),
      "<svg class=\"ruler\" aria-hidden=\"true\"><rect width=\"100%\" height=\"12\" fill=\"url(#ticks)\"/></svg>\n"
      "<main>\n",
      report::page_body(r), "</main>\n", report::page_footer(r), "</body>\n</html>\n");
}

}  // namespace hone
