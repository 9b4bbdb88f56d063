#include "report/html.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <functional>
#include <set>
#include <vector>

#include "report/example.h"

namespace hone::report {
namespace {

std::string render(const Report& report) { return render_report_html(report); }

/// "" when every element that was opened is closed in order, else what is wrong. Attributes must be quoted.
std::string structure_fault(const std::string& html) {
  static const std::set<std::string> kVoid = {"meta", "link", "!DOCTYPE"};
  std::vector<std::string> open;
  for (size_t i = html.find('<'); i != std::string::npos; i = html.find('<', i)) {
    size_t end = i + 1;
    for (bool in_quotes = false; end < html.size() && (in_quotes || html[end] != '>'); ++end) {
      if (html[end] == '"') in_quotes = !in_quotes;
      if (html[end] == '<' && !in_quotes) return "stray < at " + html.substr(i, 60);
    }
    if (end >= html.size()) return "unfinished tag at " + html.substr(i, 60);
    const std::string tag = html.substr(i + 1, end - i - 1);
    const std::string name = tag.substr(tag[0] == '/', tag.find_first_of(" /\n", 1) - (tag[0] == '/'));
    i = end;
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) return "unexpected </" + tag.substr(1) + ">";
      open.pop_back();
    } else if (kVoid.count(name) == 0 && tag.back() != '/') {
      open.push_back(name);
      if (name == "style") i = html.find("</style>", i);
    }
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

/// The page without its style sheet.
std::string body_of(const std::string& html) { return html.substr(html.find("<body>")); }

void expect_sound(const std::string& html) {
  EXPECT_EQ(structure_fault(html), "");
  EXPECT_EQ(html.rfind("<!DOCTYPE html>", 0), 0u);
  const std::string body = body_of(html);
  for (const char* bad : {"nan", "inf\"", "inf ", ">inf", "NaN", "-0\"", "null"}) {
    EXPECT_EQ(body.find(bad), std::string::npos)
        << bad << " in ..." << body.substr(std::min(body.size(), body.find(bad) - 40), 80);
  }
}

size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + part.size())) ++n;
  return n;
}

TEST(ReportHtml, RendersTheExampleAsASoundPage) {
  const std::string html = render(example_report());
  expect_sound(html);
  EXPECT_NE(html.find("int8 (mse) is <b>2.7× faster</b> and <b>3.5× smaller</b>"), std::string::npos);
  EXPECT_NE(html.find("−1.1…+0.6"), std::string::npos);
  EXPECT_NE(html.find("inside the budget of 1\xC2\xA0point."), std::string::npos);
  EXPECT_NE(html.find("The interval reaches past the budget"), std::string::npos);
}

TEST(ReportHtml, FetchesNothingAndRunsNothing) {
  const std::string html = render(example_report());
  for (const char* part : {"<script", "http://", "https://", "src=", "@import", "onload", "<iframe"}) {
    EXPECT_EQ(html.find(part), std::string::npos) << part;
  }
}

TEST(ReportHtml, LabelsEveryMeasuredPointInThePlot) {
  const Report report = example_report();
  const std::string html = render(report);
  EXPECT_EQ(count_of(html, "<text class=\"name "), 2 * (report.candidates.size() + 1));  // wide and narrow
}

TEST(ReportHtml, EscapesTextWhereverItComesFrom) {
  const std::string evil = "\"><script>alert('x')</script>&";
  Report report = example_report();
  for (std::string* text : {&report.tool_version, &report.created, &report.command, &report.metric_name,
                            &report.metric_title, &report.objective, &report.model_name, &report.model_sha256,
                            &report.cpu, &report.isa, &report.os, &report.data_dir})
    *text = evil;
  for (Point& p : report.candidates) p.label = p.reason = p.id = evil;
  for (Layer& l : report.sensitivity) l.name = l.op = evil;
  for (OperatorTime& t : report.operators) t.op = evil;
  for (ClassChange& c : report.classes) c.name = evil;
  for (Output& o : report.outputs) o.path = o.sha256 = o.runtime = o.problem = evil;
  const std::string html = render(report);
  EXPECT_EQ(structure_fault(html), "");
  EXPECT_EQ(html.find("<script"), std::string::npos);
}

TEST(ReportHtml, SaysThatNothingStayedInsideTheBudget) {
  Report report = example_report();
  report.candidates = {report.candidates[2]};
  report.sensitivity.clear();
  const std::string html = render(report);
  expect_sound(html);
  EXPECT_NE(html.find("The one candidate did not stay inside"), std::string::npos);
  EXPECT_EQ(html.find("Layer sensitivity"), std::string::npos);
  EXPECT_EQ(html.find("class=\"gauge\""), std::string::npos);
}

TEST(ReportHtml, SaysWhatToExpectOnDataThatHadNoPartInTheChoice) {
  Report report = example_report();
  report.unseen_drop = {0.4, -0.3, 1.2};
  EXPECT_NE(render(report).find("−1.2…+0.3</span>): expect that on new data."), std::string::npos);
  EXPECT_EQ(render(report).find("beyond the budget.</b>"), std::string::npos);
  report.unseen_drop.value = 1.1;
  EXPECT_NE(render(report).find("<b>It is beyond the budget.</b>"), std::string::npos);
  report.unseen_drop = {};
  EXPECT_NE(render(report).find("The same few samples chose this model and measured it"), std::string::npos);
}

TEST(ReportHtml, TellsNothingBetterFromNothingInsideTheBudget) {
  Report report = example_report();
  for (Point& p : report.candidates) p.status = Status::kKept;
  EXPECT_NE(render(report).find("<b>Nothing inside</b> the budget"), std::string::npos);
  for (Point& p : report.candidates) p.status = Status::kRejected;
  EXPECT_NE(render(report).find("candidates stayed inside</b> the budget"), std::string::npos);
}

TEST(ReportHtml, CallsASlowerChoiceSlower) {
  Report report = example_report();
  report.candidates[5].latency_us = {825.2, 820, 830};
  EXPECT_NE(render(report).find("2.0× slower but <b>3.5× smaller"), std::string::npos);
}

TEST(ReportHtml, RendersWhatWasNeverMeasuredAsDashes) {
  const std::string html = render(Report{});
  expect_sound(html);
  EXPECT_NE(html.find("No candidate was tried"), std::string::npos);
  EXPECT_EQ(html.find("class=\"plot"), std::string::npos);
}

TEST(ReportHtml, UsesALogarithmicAxisForAWideRangeOfLatencies) {
  Report report = example_report();
  report.baseline.latency_us = {90000, 89000, 91000};
  EXPECT_NE(render(report).find("ms (logarithmic)"), std::string::npos);
}

/// Every number of a report.
std::vector<double*> numbers_of(Report& r) {
  std::vector<double*> all = {&r.model_bytes, &r.model_nodes, &r.threads,         &r.calibration_count,
                              &r.test_count,  &r.split_seed,  &r.max_drop_points, &r.bound};
  const auto add = [&](Estimate& e) { all.insert(all.end(), {&e.value, &e.low, &e.high}); };
  const auto add_point = [&](Point& p) {
    for (Estimate* e : {&p.accuracy, &p.drop_points, &p.latency_us}) add(*e);
    all.insert(all.end(), {&p.samples, &p.latency_p95_us, &p.latency_p99_us, &p.size_bytes, &p.peak_memory_bytes});
  };
  add(r.unseen_drop);
  add_point(r.baseline);
  for (const size_t i : {size_t{0}, size_t{5}}) add_point(r.candidates[i]);
  all.insert(all.end(), {&r.sensitivity[0].sqnr_db, &r.operators[0].before_us, &r.operators[0].after_us,
                         &r.classes[0].before, &r.outputs[0].bytes, &r.outputs[0].same_samples});
  add(r.outputs[0].latency_us);
  return all;
}

TEST(ReportHtml, SurvivesEveryNumberReplacedByAnyOther) {
  Report report = example_report();
  int rendered = 0;
  for (const Unit unit : {Unit::kShare, Unit::kDecibel, Unit::kReal}) {
    report.unit = unit;
    for (double* number : numbers_of(report))
      for (const double replacement : {kAbsent, 1e15, 0.0, -7.5, 150.0}) {
        const double kept = *number;
        *number = replacement;
        expect_sound(render(report));
        *number = kept;
        ++rendered;
        ASSERT_FALSE(HasFailure()) << rendered;
      }
  }
  EXPECT_GT(rendered, 500);
}

TEST(ReportHtml, ComparesWithABoundWhereNothingIsLostInPoints) {
  Report report = example_report();
  report.unit = Unit::kDecibel;
  report.metric_title = "signal to noise of the worst output";
  report.max_drop_points = kAbsent;
  report.bound = 20;
  report.baseline.accuracy = {150, 150, 150};
  for (Point& p : report.candidates) p.accuracy = {30.5, 28, 33};
  const std::string html = render(report);
  expect_sound(html);
  EXPECT_NE(html.find("30.5\xC2\xA0"
                      "dB, the bound is 20.0\xC2\xA0"
                      "dB."),
            std::string::npos);
  EXPECT_NE(html.find("signal to noise, dB"), std::string::npos);
  EXPECT_EQ(html.find("class=\"gauge\""), std::string::npos);
}

TEST(ReportHtml, SaysNoFasterWhereTheIntervalsMeet) {
  Report report = example_report();
  report.candidates[5].latency_us = {400, 380, 420};
  report.baseline.latency_us = {412, 390, 430};
  EXPECT_NE(render(report).find("int8 (mse) is no faster, <b>3.5× smaller</b>"), std::string::npos);
}

TEST(ReportHtml, PutsMarksWhereTheirNumbersSay) {
  Report report = example_report();
  for (Point& p : report.candidates) p.latency_us = {152.8, 152, 153}, p.accuracy = {97.5, 96, 98.5};
  const std::string html = render(report);
  const size_t first = html.find("<circle class=\"dot kept\" cx=");
  const std::string place = html.substr(first + 25, html.find(" cy=", first) - first - 25);
  EXPECT_GE(count_of(html.substr(0, html.find("</svg>", first)), place), 6u) << "marks of equal numbers stand apart";
}

}  // namespace
}  // namespace hone::report
