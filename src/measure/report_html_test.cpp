#include "measure/report_html.h"

#include <gtest/gtest.h>

#include <cctype>
#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"

namespace hone {
namespace {

// Changing a report in place is easier with the library's own type.
using Draft = nlohmann::json;

Draft example() {
  std::ifstream file(std::string(HONE_SOURCE_DIR) + "/tests/report/example.json");
  return Draft::parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

std::string render(const Draft& report) {
  return render_report_html(Json::parse(report.dump(-1, ' ', false, Draft::error_handler_t::replace)));
}

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
  const std::string html = render(example());
  expect_sound(html);
  EXPECT_NE(html.find("int8 (mse) is <b>2.7× faster</b> and <b>3.5× smaller</b>"), std::string::npos);
  EXPECT_NE(html.find("−1.1…+0.6"), std::string::npos);
  EXPECT_NE(html.find("inside the budget of 1\xC2\xA0point."), std::string::npos);
  EXPECT_NE(html.find("The interval reaches past the budget"), std::string::npos);
}

TEST(ReportHtml, FetchesNothingAndRunsNothing) {
  const std::string html = render(example());
  for (const char* part : {"<script", "http://", "https://", "src=", "@import", "onload", "<iframe"}) {
    EXPECT_EQ(html.find(part), std::string::npos) << part;
  }
}

TEST(ReportHtml, LabelsEveryMeasuredPointInThePlot) {
  const Draft report = example();
  const std::string html = render(report);
  EXPECT_EQ(count_of(html, "<text class=\"name "), 2 * (report["candidates"].size() + 1));  // wide and narrow
}

TEST(ReportHtml, EscapesTextWhereverItComesFrom) {
  const std::string evil = "\"><script>alert('x')</script>&";
  Draft report = example();
  for (const char* key : {"tool_version", "created", "command", "metric"}) report[key] = evil;
  for (const char* object : {"model", "machine", "data"}) {
    for (Draft& value : report[object]) value = value.is_string() ? Draft(evil) : value;
  }
  report["budget"]["objective"] = evil;
  for (Draft& c : report["candidates"]) c["label"] = c["reason"] = c["kind"] = evil;
  for (Draft& l : report["sensitivity"]) l["layer"] = l["op"] = evil;
  for (Draft& o : report["outputs"]) o["path"] = o["sha256"] = evil;
  const std::string html = render(report);
  EXPECT_EQ(structure_fault(html), "");
  EXPECT_EQ(html.find("<script"), std::string::npos);
}

TEST(ReportHtml, SaysThatNothingStayedInsideTheBudget) {
  Draft report = example();
  report["chosen"] = nullptr;
  report["candidates"] = Draft::array({report["candidates"][2]});
  report["sensitivity"] = Draft::array();
  const std::string html = render(report);
  expect_sound(html);
  EXPECT_NE(html.find("The one candidate did not stay inside"), std::string::npos);
  EXPECT_EQ(html.find("Layer sensitivity"), std::string::npos);
  EXPECT_EQ(html.find("class=\"gauge\""), std::string::npos);
}

TEST(ReportHtml, SaysWhatToExpectOnDataThatHadNoPartInTheChoice) {
  Draft report = example();
  report["unseen"] = {{"drop_points", {{"value", 0.4}, {"low", -0.3}, {"high", 1.2}}}, {"repeats", 1000}};
  EXPECT_NE(render(report).find("−1.2…+0.3</span>): expect that on new data."), std::string::npos);
  EXPECT_EQ(render(report).find("beyond the budget.</b>"), std::string::npos);
  report["unseen"]["drop_points"]["value"] = 1.1;
  EXPECT_NE(render(report).find("<b>It is beyond the budget.</b>"), std::string::npos);
  report["unseen"] = nullptr;
  EXPECT_NE(render(report).find("The same few samples chose this model and measured it"), std::string::npos);
}

TEST(ReportHtml, TellsNothingBetterFromNothingInsideTheBudget) {
  Draft report = example();
  report["chosen"] = nullptr;
  for (Draft& c : report["candidates"]) c["status"] = "kept";
  EXPECT_NE(render(report).find("<b>Nothing inside</b> the budget"), std::string::npos);
  for (Draft& c : report["candidates"]) c["status"] = "rejected";
  EXPECT_NE(render(report).find("candidates stayed inside</b> the budget"), std::string::npos);
}

TEST(ReportHtml, CallsASlowerChoiceSlower) {
  Draft report = example();
  report["candidates"][5]["latency_us"]["median"] = 825.2;
  EXPECT_NE(render(report).find("2.0× slower but <b>3.5× smaller"), std::string::npos);
}

TEST(ReportHtml, RendersWhatWasNeverMeasuredAsDashes) {
  const std::string html = render(Draft{{"schema_version", 1}});
  expect_sound(html);
  EXPECT_NE(html.find("No candidate was tried"), std::string::npos);
  EXPECT_EQ(html.find("class=\"plot"), std::string::npos);
}

TEST(ReportHtml, TreatsNaNAsAbsent) {
  Json report = Json::parse(example().dump());
  report["baseline"]["size_bytes"] = Json(std::nan(""));
  report["baseline"]["accuracy"]["value"] = Json(INFINITY);
  expect_sound(render_report_html(report));
}

TEST(ReportHtml, UsesALogarithmicAxisForAWideRangeOfLatencies) {
  Draft report = example();
  report["baseline"]["latency_us"]["median"] = 90000;
  EXPECT_NE(render(report).find("ms (logarithmic)"), std::string::npos);
}

/// Replaces every value of the report, one at a time, by `replacement` and renders.
void replace_each(Draft& whole, Draft& place, const Draft& replacement, int& rendered) {
  const Draft kept = place;
  place = replacement;
  if (whole.is_object() && whole.value("schema_version", Draft()) == 1) {
    const std::string html = render(whole);
    expect_sound(html);
    ++rendered;
  }
  place = kept;
  if (!place.is_structured()) return;
  size_t index = 0;
  for (Draft& child : place) {
    if (place.is_array() && index++ >= 2) break;  // two of a kind are enough
    replace_each(whole, child, replacement, rendered);
  }
}

TEST(ReportHtml, SurvivesEveryValueReplacedByAnything) {
  Draft report = example();
  const Draft original = report;
  int rendered = 0;
  for (const Draft& replacement : {Draft(), Draft("text"), Draft(-1e300), Draft(1e15), Draft(0), Draft(-7.5),
                                   Draft::array({Draft()}), Draft::object()}) {
    replace_each(report, report, replacement, rendered);
    ASSERT_EQ(report, original);
    if (HasFailure()) break;
  }
  EXPECT_GT(rendered, 500);
}

TEST(ReportHtml, RejectsWhatIsNoReport) {
  EXPECT_THROW(render(Draft::array()), Error);
  EXPECT_THROW(render(Draft::object()), Error);
  try {
    render(Draft{{"schema_version", 2}});
    FAIL() << "accepted schema_version 2";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(e.message(), "report: schema_version is 2, expected 1");
  }
}

}  // namespace
}  // namespace hone
