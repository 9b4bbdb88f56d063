#include "cli/run_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

#include "base/printable.h"
#include "base/text.h"

namespace hone {

namespace {

constexpr size_t kSlowest = 10;

/// A column: a tab, then the text at the right end of `width` places.
std::string cell(const std::string& text, size_t width) {
  return cat("\t", std::string(width > text.size() ? width - text.size() : 0, ' '), text);
}

std::string thousandths(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

double percent_of(double part, double whole) { return whole > 0 ? part * 100 / whole : 0; }

std::string title(std::string_view name) {
  return cat(std::string(30, '='), " ", name, " ", std::string(30, '='), "\n");
}

std::string node_line(const TimedNode& node, int64_t so_far, const RunStatistics& total, bool is_csv) {
  const double whole = static_cast<double>(total.sum());
  const double first = static_cast<double>(node.us.first()) / 1e3, mean = node.us.mean() / 1e3;
  const double share = percent_of(static_cast<double>(node.us.sum()), whole);
  const double sum = percent_of(static_cast<double>(so_far), whole);
  const int64_t calls = total.count() > 0 ? node.us.count() / total.count() : 0;
  if (!is_csv)
    return cat(cell(node.type, 24), cell(thousandths(first), 9), cell(thousandths(mean), 9),
               cell(thousandths(share), 7), "%", cell(thousandths(sum), 7), "%", cell(thousandths(node.kilobytes), 10),
               cell(std::to_string(calls), 9), "\t", printable_line(node.name), "\n");
  std::string name = printable_line(node.name);
  std::replace(name.begin(), name.end(), ',', '\t');
  return cat(node.type, ", ", stream_number(first), ", ", stream_number(mean), ", ", stream_number(share), "%, ",
             stream_number(sum), "%, ", stream_number(node.kilobytes), ", ", calls, ", ", name, "\n");
}

std::string node_table(std::string_view name, const std::vector<const TimedNode*>& nodes, const RunStatistics& total,
                       bool is_csv) {
  std::string out = title(name);
  if (is_csv)
    out += "node type, first, avg_ms, %, cdf%, mem KB, times called, name\n";
  else
    out += cat(cell("[node type]", 24), cell("[first]", 9), cell("[avg ms]", 9), cell("[%]", 8), cell("[cdf%]", 8),
               cell("[mem KB]", 10), cell("[times called]", 9), "\t[Name]\n");
  int64_t so_far = 0;
  for (const TimedNode* node : nodes) out += node_line(*node, so_far += node->us.sum(), total, is_csv);
  return out + "\n";
}

/// The time of each run, as far as its nodes go.
RunStatistics total_of(const std::vector<TimedNode>& nodes) {
  std::vector<int64_t> sums;
  for (const TimedNode& node : nodes) {
    sums.resize(std::max(sums.size(), node.us.values().size()));
    for (size_t run = 0; run < node.us.values().size(); ++run) sums[run] += node.us.values()[run];
  }
  RunStatistics total;
  for (const int64_t sum : sums) total.add(sum);
  return total;
}

struct TypeSum {
  std::string type;
  int64_t count = 0, us = 0, calls = 0;  ///< us: of one run
  double kilobytes = 0;
};

std::string type_line(const TypeSum& sum, double share, double so_far, bool is_csv) {
  const double ms = static_cast<double>(sum.us) / 1e3;
  if (is_csv)
    return cat(sum.type, ", ", sum.count, ", ", stream_number(ms), ", ", stream_number(share), "%, ",
               stream_number(so_far), "%, ", stream_number(sum.kilobytes), ", ", sum.calls, "\n");
  return cat(cell(sum.type, 24), cell(std::to_string(sum.count), 9), cell(thousandths(ms), 10),
             cell(thousandths(share), 10), "%", cell(thousandths(so_far), 10), "%",
             cell(thousandths(sum.kilobytes), 10), cell(std::to_string(sum.calls), 9), "\n");
}

std::string type_table(const std::vector<TimedNode>& nodes, const RunStatistics& total, bool is_csv) {
  std::map<std::string, TypeSum> by_type;
  const int64_t runs = std::max<int64_t>(total.count(), 1);
  int64_t all = 0;
  for (const TimedNode& node : nodes) {
    TypeSum& sum = by_type[node.type];
    sum.type = node.type;
    ++sum.count;
    sum.us += node.us.sum() / runs;
    sum.calls += node.us.count() / runs;
    sum.kilobytes += node.kilobytes;
    all += node.us.sum() / runs;
  }
  std::vector<TypeSum> order;
  for (auto& [type, sum] : by_type) order.push_back(std::move(sum));
  std::stable_sort(order.begin(), order.end(), [](const TypeSum& a, const TypeSum& b) { return a.us > b.us; });
  std::string out = cat("Number of nodes executed: ", nodes.size(), "\n", title("Summary by node type"));
  if (is_csv)
    out += "node type, count, avg_ms, avg %, cdf %, mem KB, times called\n";
  else
    out += cat(cell("[Node type]", 24), cell("[count]", 9), cell("[avg ms]", 10), cell("[avg %]", 11),
               cell("[cdf %]", 11), cell("[mem KB]", 10), cell("[times called]", 10), "\n");
  double so_far = 0;
  for (const TypeSum& sum : order) {
    const double share = percent_of(static_cast<double>(sum.us), static_cast<double>(all));
    out += type_line(sum, share, so_far += share, is_csv);
  }
  return out + "\n";
}

}  // namespace

int64_t RunStatistics::sum() const { return std::accumulate(values_.begin(), values_.end(), int64_t{0}); }

double RunStatistics::mean() const {
  return values_.empty() ? 0 : static_cast<double>(sum()) / static_cast<double>(values_.size());
}

int64_t RunStatistics::percentile(int64_t percent) const {
  if (values_.empty()) return 0;
  std::vector<int64_t> sorted = values_;
  const auto place = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size()) * percent / 100;
  std::nth_element(sorted.begin(), place, sorted.end());
  return *place;
}

std::string RunStatistics::text() const {
  if (values_.empty()) return "count=0";
  const auto [low, high] = std::minmax_element(values_.begin(), values_.end());
  if (*low == *high) return cat("count=", count(), " curr=", values_.back(), count() > 1 ? "(all same)" : "");
  double squares = 0;
  const double middle = mean();
  for (const int64_t v : values_) squares += (static_cast<double>(v) - middle) * (static_cast<double>(v) - middle);
  const double deviation = std::sqrt(squares / static_cast<double>(count()));
  return cat("count=", count(), " first=", first(), " curr=", values_.back(), " min=", *low, " max=", *high,
             " avg=", stream_number(middle), " std=", static_cast<int64_t>(deviation));
}

std::string RunStatistics::text_with_percentiles() const {
  return cat(text(), " p5=", percentile(5), " median=", percentile(50), " p95=", percentile(95));
}

std::string stream_number(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string profile_tables(const std::vector<TimedNode>& nodes, bool is_csv) {
  const RunStatistics total = total_of(nodes);
  std::vector<const TimedNode*> order;
  for (const TimedNode& node : nodes) order.push_back(&node);
  std::string out = node_table("Run Order", order, total, is_csv);
  std::stable_sort(order.begin(), order.end(),
                   [](const TimedNode* a, const TimedNode* b) { return a->us.mean() > b->us.mean(); });
  if (order.size() > kSlowest) order.resize(kSlowest);
  out += node_table("Top by Computation Time", order, total, is_csv);
  out += type_table(nodes, total, is_csv);
  return cat(out, "Timings (microseconds): ", total.text(), "\nMemory (bytes): count=0\n", nodes.size(),
             " nodes observed\n\n");
}

}  // namespace hone
