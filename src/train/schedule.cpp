#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

double cosine(double share) { return 0.5 * (1 + std::cos(std::numbers::pi * share)); }

double step(double share) { return share < 0.5 ? 1 : share < 0.75 ? 0.1 : 0.01; }

double constant(double) { return 1; }

constexpr Schedule kRows[] = {
    {"cosine", "to 0 by half a cosine (Loshchilov and Hutter, SGDR, 2017)", cosine},
    {"step", "to a tenth after half of the steps and again after three quarters (He et al., 2016)", step},
    {"constant", "not at all", constant},
};

}  // namespace

std::span<const Schedule> all_schedules() { return kRows; }

const Schedule& find_schedule(std::string_view name) {
  std::vector<std::string> names;
  for (const Schedule& row : kRows) {
    if (row.name == name) return row;
    names.emplace_back(row.name);
  }
  throw invalid_argument(cat("no schedule is called '", name, "', there are: ", join(names, ", ")));
}

double rate_factor(const Schedule& schedule, double warm_up, int64_t step, int64_t steps) {
  const double warm = std::floor(warm_up * static_cast<double>(steps)), at = static_cast<double>(step);
  if (at < warm) return (at + 1) / (warm + 1);
  return schedule.factor((at - warm) / std::max(static_cast<double>(steps) - warm, 1.0));
}

}  // namespace hone
