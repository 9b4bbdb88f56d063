#pragma once

#include "report/view.h"

namespace hone::report {

/// The report that the tests look at: a small classifier on an N100, nine candidates, every section filled.
Report example_report();

}  // namespace hone::report
