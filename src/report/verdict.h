#pragma once

#include <string>

#include "report/view.h"

namespace hone::report {

/// The report in one sentence, as HTML: what was chosen, what it gains, what it costs, whether that is inside the
/// budget.
std::string verdict_html(const Report& report);

/// What the chosen candidate's interval says about the budget, as HTML.
std::string gauge_note(const Report& report);
/// What the choice itself does to the measured change; empty when nothing was chosen. HTML.
std::string unseen_note(const Report& r);

/// "Top-1 accuracy": the metric's title as a heading.
std::string metric_title(const Report& report);

}  // namespace hone::report
