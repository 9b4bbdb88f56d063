#include "report/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace hone::report {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(ReportText, EscapesMarkupAndQuotes) {
  EXPECT_EQ(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
}

TEST(ReportText, KeepsWellFormedUtf8) { EXPECT_EQ(escape("µ → 模型 🦉"), "µ → 模型 🦉"); }

TEST(ReportText, ReplacesBrokenUtf8AndControls) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape(std::string("a\0b", 3)), "a" + bad + "b");
  EXPECT_EQ(escape("\xFF"), bad);
  EXPECT_EQ(escape("\xE2\x86"), bad + bad);
  EXPECT_EQ(escape("\xC0\xAF"), bad + bad);            // overlong
  EXPECT_EQ(escape("\xED\xA0\x80"), bad + bad + bad);  // surrogate
}

TEST(ReportText, ShortensAtCodePoints) {
  EXPECT_EQ(shortened("µµµµ", 4), "µµµµ");
  EXPECT_EQ(shortened("µµµµµ", 4), "µµµ…");
}

TEST(ReportText, CutsTheMiddleOutOfLongNames) {
  EXPECT_EQ(without_middle("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(without_middle("abcdefghij", 6), "ab…hij");
  EXPECT_EQ(without_middle("äbcdefghiß", 5), "äb…iß");
}

TEST(ReportText, WritesDecimalsWithTrueMinusAndNoNegativeZero) {
  EXPECT_EQ(decimal(-1.25, 2), "−1.25");
  EXPECT_EQ(decimal(-0.01, 1), "0.0");
  EXPECT_EQ(decimal(kNaN, 1), "–");
  EXPECT_EQ(signed_decimal(0.3, 1), "+0.3");
  EXPECT_EQ(signed_decimal(0.01, 1), "0.0");
  EXPECT_EQ(points_change(-0.25), "−0.25");
  EXPECT_EQ(points_change(0.0), "0");
  EXPECT_EQ(points_change(0.001), "0");
}

TEST(ReportText, WritesPercentWithAsManyDecimalsAsNeeded) {
  EXPECT_EQ(percent(0.98), "98.0\xC2\xA0%");
  EXPECT_EQ(percent(0.9775), "97.75\xC2\xA0%");
  EXPECT_EQ(percent(kNaN), "–");
}

TEST(ReportText, WritesRatiosOnlyOfPositiveNumbers) {
  EXPECT_EQ(ratio_text(270, 100), "2.7×");
  EXPECT_EQ(ratio_text(100, 200), "0.50×");
  EXPECT_EQ(ratio_text(100, 0), "–");
  EXPECT_EQ(ratio_text(kNaN, 1), "–");
}

TEST(ReportText, NamesOnePointInTheSingular) {
  EXPECT_EQ(points_text(1.0), "1\xC2\xA0point");
  EXPECT_EQ(points_text(0.5), "0.5\xC2\xA0points");
}

TEST(ReportText, GroupsLongCounts) {
  EXPECT_EQ(count_text(1234), "1234");
  EXPECT_EQ(count_text(1234567),
            "1\xE2\x80\xAF"
            "234\xE2\x80\xAF"
            "567");
}

}  // namespace
}  // namespace hone::report
