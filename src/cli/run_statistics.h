#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hone {

/// Times as TensorFlow's tools print them: whole microseconds, in the words of tsl/util/stats_calculator.h.
class RunStatistics {
 public:
  void add(int64_t value) { values_.push_back(value); }
  const std::vector<int64_t>& values() const { return values_; }
  int64_t count() const { return static_cast<int64_t>(values_.size()); }
  int64_t first() const { return values_.empty() ? 0 : values_.front(); }
  int64_t sum() const;
  double mean() const;  ///< 0 of nothing
  /// The value at this place of a hundred in order of size; 0 of nothing.
  int64_t percentile(int64_t percent) const;

  /// "count=50 first=3 curr=2 min=1 max=9 avg=2.5 std=1"; "count=2 curr=5(all same)"; "count=0".
  std::string text() const;
  /// The same with " p5=1 median=2 p95=8".
  std::string text_with_percentiles() const;

 private:
  std::vector<int64_t> values_;
};

/// A number as a C++ stream prints it by default: six digits, "1.35076e+06".
std::string stream_number(double value);

/// An operator, or a stage of loading, with its times in the runs.
struct TimedNode {
  std::string type, name;
  RunStatistics us;
  double kilobytes = 0;
};

/// The tables of TensorFlow's StatsCalculator over nodes in the order they ran: run order, the ten slowest, sums by
/// type, and the summary of whole runs, which are the sums of their nodes. As CSV where asked.
std::string profile_tables(const std::vector<TimedNode>& nodes, bool is_csv);

}  // namespace hone
