#pragma once

#include <string>

#include "report/view.h"

namespace hone {

/// The report of `hone optimize` as one self-contained HTML page: no scripts, no outside resources, plots as inline
/// SVG. It reads on a phone, on a desktop, in the dark and on paper. What is absent is shown as a dash or left out.
std::string render_report_html(const report::Report& report);

}  // namespace hone
