#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hone {

/// Counts of durations by upper bound, as Prometheus' histograms are.
struct TimeHistogram {
  /// Seconds; about three a decade from 100 µs to 10 s. What is above counts in `count` alone.
  static constexpr std::array<double, 16> kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                     0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  std::array<int64_t, kBounds.size()> at_most{};  ///< each bucket alone, not summed up
  int64_t count = 0;
  double seconds = 0;

  void add(double value);
};

/// Where the time of a request went, seconds.
struct RequestTime {
  double queue = 0, input = 0, infer = 0, output = 0;
};

/// What is counted of one model.
struct ModelCounts {
  int64_t success = 0;
  int64_t runs = 0;                         ///< of the model; a batch is one
  std::map<std::string, int64_t> failures;  ///< by reason
  TimeHistogram request, queue, compute;
  RequestTime total;  ///< sums over the successful ones
  double failed_seconds = 0;
  int64_t last_inference_ms = 0;  ///< since 1970
};

/// Counters of a model. Thread-safe.
class ModelMetrics {
 public:
  void run();
  void succeed(const RequestTime& time);
  /// `reason`: "invalid", "queue_full", "deadline", "resource", "internal"; any short word.
  void fail(const std::string& reason, double seconds);
  ModelCounts counts() const;

 private:
  mutable std::mutex mutex_;
  ModelCounts counts_;
};

/// Builds text in Prometheus' exposition format 0.0.4.
class MetricsText {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  /// `type`: "counter", "gauge" or "histogram". The samples that follow are of this family.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(const Labels& labels, double value);
  void sample(const Labels& labels, const TimeHistogram& histogram);
  std::string take() { return std::move(text_); }

 private:
  void line(std::string_view suffix, const Labels& labels, double value);

  std::string text_, name_;
};

/// process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds, process_start_time_seconds, read from
/// /proc; what cannot be read is left out.
void add_process_metrics(MetricsText& out);

}  // namespace hone
