#include "serve/metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace hone {

void TimeHistogram::add(double value) {
  ++count;
  seconds += value;
  for (size_t i = 0; i < kBounds.size(); ++i)
    if (value <= kBounds[i]) {
      ++at_most[i];
      return;
    }
}

void ModelMetrics::succeed(const RequestTime& t) {
  using namespace std::chrono;
  const int64_t now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
  const std::lock_guard lock(mutex_);
  ++counts_.success;
  counts_.request.add(t.queue + t.input + t.infer + t.output);
  counts_.queue.add(t.queue);
  counts_.compute.add(t.infer);
  counts_.total.queue += t.queue;
  counts_.total.input += t.input;
  counts_.total.infer += t.infer;
  counts_.total.output += t.output;
  counts_.last_inference_ms = now;
}

void ModelMetrics::run() {
  const std::lock_guard lock(mutex_);
  ++counts_.runs;
}

void ModelMetrics::fail(const std::string& reason, double seconds) {
  const std::lock_guard lock(mutex_);
  ++counts_.failures[reason];
  counts_.failed_seconds += seconds;
}

ModelCounts ModelMetrics::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += cat("# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
}

void MetricsText::line(std::string_view suffix, const Labels& labels, double value) {
  text_ += cat(name_, suffix);
  for (size_t i = 0; i < labels.size(); ++i) {
    text_ += cat(i ? "," : "{", labels[i].first, "=\"");
    for (const char c : labels[i].second) text_ += c == '\n' ? "\\n" : c == '"' || c == '\\' ? cat('\\', c) : cat(c);
    text_ += '"';
  }
  text_ += cat(labels.empty() ? " " : "} ", std::isinf(value) ? "+Inf" : to_text(value), "\n");
}

void MetricsText::sample(const Labels& labels, double value) { line("", labels, value); }

void MetricsText::sample(const Labels& labels, const TimeHistogram& histogram) {
  Labels with_bound = labels;
  with_bound.emplace_back("le", "");
  int64_t sum = 0;
  for (size_t i = 0; i < TimeHistogram::kBounds.size(); ++i) {
    with_bound.back().second = to_text(TimeHistogram::kBounds[i]);
    line("_bucket", with_bound, static_cast<double>(sum += histogram.at_most[i]));
  }
  with_bound.back().second = "+Inf";
  line("_bucket", with_bound, static_cast<double>(histogram.count));
  line("_sum", labels, histogram.seconds);
  line("_count", labels, static_cast<double>(histogram.count));
}

namespace {

/// When this process started, seconds since 1970; negative when that is not told.
double start_time() {
  std::string stat, boot;
  std::getline(std::ifstream("/proc/self/stat"), stat);
  const std::vector<std::string> fields = split(stat.substr(std::min(stat.size(), stat.rfind(')') + 2)), ' ');
  std::ifstream system("/proc/stat");
  while (std::getline(system, boot) && !boot.starts_with("btime ")) {
  }
  if (fields.size() < 20 || !boot.starts_with("btime ")) return -1;
  const double ticks = parse_double(fields[19]).value_or(0);  // field 22 of the line
  return parse_double(boot.substr(6)).value_or(0) + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace

void add_process_metrics(MetricsText& out) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  out.family("process_cpu_seconds_total", "counter", "User and system CPU time spent.");
  out.sample({}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  std::string sizes;
  std::getline(std::ifstream("/proc/self/statm"), sizes);
  if (const std::vector<std::string> pages = split(sizes, ' '); pages.size() > 1) {
    out.family("process_resident_memory_bytes", "gauge", "Resident memory.");
    out.sample({}, parse_double(pages[1]).value_or(0) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
  }
  std::error_code error;
  if (std::filesystem::directory_iterator files("/proc/self/fd", error); !error) {
    out.family("process_open_fds", "gauge", "Open file descriptors.");
    out.sample({}, static_cast<double>(std::distance(begin(files), std::filesystem::directory_iterator())));
  }
  if (const double start = start_time(); start > 0) {
    out.family("process_start_time_seconds", "gauge", "When the process started, since 1970.");
    out.sample({}, start);
  }
}

}  // namespace hone
