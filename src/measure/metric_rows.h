#pragma once

#include "measure/metric.h"

namespace hone {

/// SQNR beyond this is called exact: f32 has 24 bits of significand, 144 dB.
inline constexpr double kMostDecibels = 150;

extern const MetricRow kTopMetric, kBinaryMetric, kAgreementMetric;  // metric_classes.cpp
extern const MetricRow kSqnrMetric, kMaeMetric, kCosineMetric;       // metric_numbers.cpp
extern const MetricRow kMiouMetric, kPixelsMetric, kMasksMetric;     // metric_maps.cpp
extern const MetricRow kAucMetric, kRankMetric;                      // metric_anomaly.cpp
extern const MetricRow kDetectionMetric;                             // metric_boxes.cpp
extern const MetricRow kMapMetric, kMap50Metric;                     // metric_map.cpp
extern const MetricRow kCommandMetric;                               // metric_command.cpp

/// Value of rows with is_mean: the mean of tally[0].
double mean_of_first(const Metric&, const Tallies& tallies, Which which);
std::vector<size_t> only_the_output(const Metric&, const Task& task);
/// Outputs that boxes are read from, whose order may change when scores are equal.
std::vector<size_t> box_outputs(const Metric&, const Task& task);
std::vector<size_t> every_output(const Metric&, const Task& task);
inline bool never_by_default(const Task&) { return false; }
inline std::string always_defined(const Metric&, const Tallies&, double) { return {}; }

}  // namespace hone
