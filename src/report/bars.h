#pragma once

#include <string>

#include "report/view.h"

namespace hone::report {

/// File sizes of the baseline and of every candidate as bars, in the order of the table. "" when none is known.
std::string size_bars(const Report& report);

/// The twenty layers that suffer most from int8, the worst first: a bar for each layer's relative error
/// (10^(−sqnr/20)). "" when nothing was measured.
std::string sensitivity_bars(const Report& report);

/// The chosen candidate's change of accuracy with its interval on a ruler, the ground beyond the budget hatched. ""
/// when nothing was chosen or its drop is unknown.
std::string budget_gauge(const Report& report);

}  // namespace hone::report
