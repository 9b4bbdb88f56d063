#pragma once

#include <string>
#include <vector>

#include "compress/deliver.h"
#include "compress/optimize.h"
#include "data/json.h"

namespace hone {

/// What the report says besides the measurements.
struct ReportContext {
  std::string command;  ///< as typed
  std::string created;  ///< ISO 8601
  std::string model_path;
  std::string data_path;
  std::string cpu;  ///< model name
  std::string isa;  ///< "avx512-vnni", …
  std::string os;
  double max_drop_points = 1;
  Objective objective = Objective::kLatency;
  int threads = 1;
};

/// report.json as measure/report_html.h defines it.
Json optimize_report(const OptimizeResult& result, const DataSplit& data, const std::vector<DeliveredFile>& files,
                     const ReportContext& context);

}  // namespace hone
