#include "report/plot.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "report/bars.h"
#include "report/example.h"
#include "report/style.h"
#include "report/verdict.h"

namespace hone::report {
namespace {

/// The numbers of an attribute in every element of a class, in order.
std::vector<double> places(const std::string& svg, const std::string& of_class, const std::string& attribute) {
  std::vector<double> out;
  for (size_t at = svg.find("class=\"" + of_class); at != std::string::npos;
       at = svg.find("class=\"" + of_class, at + 1)) {
    const size_t end = svg.find('>', at), found = svg.find(" " + attribute + "=\"", at);
    if (found < end) out.push_back(std::strtod(svg.c_str() + found + attribute.size() + 3, nullptr));
  }
  return out;
}

TEST(Plot, MarksStandByTheirLatencyAndAccuracy) {
  Report report = example_report();
  report.candidates.resize(2);
  for (Point& p : report.candidates) p.status = Status::kKept;
  report.candidates[0].latency_us = {100, 99, 101}, report.candidates[0].accuracy = {97.5, 96, 98};
  report.candidates[1].latency_us = {200, 199, 201}, report.candidates[1].accuracy = {97.0, 96, 98};
  const std::string svg = accuracy_plot(report, {});
  const std::vector<double> x = places(svg, "dot kept", "cx"), y = places(svg, "dot kept", "cy");
  ASSERT_EQ(x.size(), 2u) << svg;
  EXPECT_LT(x[0], x[1]);
  EXPECT_LT(y[0], y[1]) << "more accurate stands higher";
}

TEST(Plot, IsEmptyWhereNothingWasMeasured) { EXPECT_EQ(accuracy_plot(Report{}, {}), ""); }

TEST(Plot, TicksAreRoundAndInside) {
  const Ticks ticks = round_ticks(3.2, 19.7, 5);
  EXPECT_EQ(ticks.first, 5);
  EXPECT_EQ(ticks.step, 5);
  EXPECT_EQ(ticks.count, 3);
  EXPECT_EQ(ticks.digits, 0);
  EXPECT_EQ(round_ticks(0.01, 0.04, 3).digits, 2);
}

TEST(Bars, AreAsLongAsTheirNumbers) {
  Report report = example_report();
  report.candidates.resize(1);
  report.baseline.size_bytes = 200e3;
  report.candidates[0].size_bytes = 50e3;
  const std::string svg = size_bars(report);
  const std::vector<double> widths = places(svg, "fill", "width");
  ASSERT_EQ(widths.size(), 2u) << svg;
  EXPECT_NEAR(widths[0] / widths[1], 4, 0.1);
}

TEST(Bars, AreLeftOutWhereNothingIsKnown) {
  EXPECT_EQ(size_bars(Report{}), "");
  EXPECT_EQ(sensitivity_bars(Report{}), "");
  EXPECT_EQ(budget_gauge(Report{}), "");
}

TEST(Verdict, SaysWhatWasChosenAndWhatItGains) {
  const std::string text = verdict_html(example_report());
  EXPECT_NE(text.find("int8 (mse)"), std::string::npos);
  EXPECT_NE(text.find("2.7× faster"), std::string::npos);
  EXPECT_NE(gauge_note(example_report()).find("past the budget"), std::string::npos);
  EXPECT_EQ(unseen_note(Report{}), "");
  EXPECT_EQ(metric_title(example_report()), "Top-1 accuracy");
}

TEST(Style, HasARuleForEveryClassOfAStatus) {
  for (const Status status : {Status::kBaseline, Status::kChosen, Status::kKept, Status::kRejected})
    EXPECT_NE(style_sheet().find("." + std::string(css_class(status))), std::string_view::npos) << css_class(status);
  for (const char* medium : {"@media print", "prefers-color-scheme", "max-width"})
    EXPECT_NE(style_sheet().find(medium), std::string_view::npos) << medium;
  EXPECT_NE(svg_definitions().find("<pattern"), std::string_view::npos);
}

}  // namespace
}  // namespace hone::report
