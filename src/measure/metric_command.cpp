#include "measure/metric_rows.h"

namespace hone {
namespace {

std::string command_applies(const Metric&, const Task&) { return {}; }

std::vector<double> command_tally(const Metric&, const Exhibit&) { return {}; }

}  // namespace

/// Its numbers come from the command, in Judge.
constexpr MetricRow kCommandMetric{
    .name = "command",
    .title = "score of a command",
    .unit = Unit::kReal,
    .applies = command_applies,
    .is_default = never_by_default,
    .judges = every_output,
    .tally = command_tally,
    .value = mean_of_first,
    .undefined = always_defined,
    .about = "what `--metric-cmd` prints: one number, or one for each sample; larger is better",
};

}  // namespace hone
