#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "measure/metric.h"

namespace hone::report {

/// What stands where nothing was measured.
inline constexpr std::string_view kDash = "–";

/// `text` for use in HTML and SVG content and in quoted attributes. Control characters other than tab and newline, and
/// bytes that are not UTF-8, become U+FFFD, so that no input can break the page.
std::string escape(std::string_view text);

/// Number of code points, the measure of a label's length.
size_t length_of(std::string_view text);

/// At most `limit` code points, an ellipsis as the last one where something was cut.
std::string shortened(std::string_view text, size_t limit);

/// At most `limit` code points, the middle cut out: both ends of a long name tell it from others.
std::string without_middle(std::string_view text, size_t limit);

/// A score in the unit that the page shows: "97.25 %", "31.2 dB", "exact", "0.9912"; a dash for NaN.
std::string score_text(Unit unit, double shown);
/// What was lost, as a change: "−0.25 pt", "+1.2 dB", "−0.01".
std::string change_text(Unit unit, double drop);
std::string_view unit_symbol(Unit unit);

/// Fixed decimals with a true minus sign: decimal(-0.25, 1) → "−0.3"; a dash for NaN. Never "−0.0".
std::string decimal(double value, int digits);

/// As `decimal`, with "+" before positive values.
std::string signed_decimal(double value, int digits);

/// At most `digits` decimals, trailing zeros dropped: "1", "0.5", "1.25".
std::string trimmed(double value, int digits);

/// 0.9725 → "97.25 %", 0.98 → "98.0 %": one or two decimals, with a no-break space.
std::string percent(double fraction);

/// Bytes and microseconds as on a data sheet; a dash for NaN.
std::string bytes_text(double bytes);
std::string us_text(double us);

/// A change in percentage points: "−0.25", "+0.1", "0"; at most two decimals.
std::string points_change(double points);

/// A whole number with thin gaps between thousands; a dash for NaN.
std::string count_text(double count);

/// "2.7×": how many times `before` holds `after`; a dash unless both are positive.
std::string ratio_text(double before, double after);

/// "1 point", "0.5 points".
std::string points_text(double points);

/// A number for SVG coordinates: two decimals, trailing zeros dropped.
std::string coord(double value);

}  // namespace hone::report
