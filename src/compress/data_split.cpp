#include "compress/data_split.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"

namespace hone {

DataSplit split_data(const std::string& path, const DatasetOptions& options, size_t calibration, uint64_t seed) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::path root(path);
  if (fs::is_directory(root / "calibration", ignored) && fs::is_directory(root / "test", ignored))
    return {Dataset::open((root / "calibration").string(), options), Dataset::open((root / "test").string(), options),
            0, true};
  const Dataset all = Dataset::open(path, options);
  if (all.size() < 2)
    throw invalid_argument(cat("'", path, "' has ", all.size(), " sample, expected at least 2"),
                           "calibration and test data must not share samples");
  const size_t count = calibration > 0 ? calibration : std::clamp<size_t>(all.size() / 5, 1, 500);
  if (count >= all.size())
    throw invalid_argument(cat(count, " calibration samples leave none of ", all.size(), " for the test"),
                           "lower --calibration-samples");
  auto [first, rest] = all.split(count, seed);
  return {std::move(first), std::move(rest), seed, false};
}

}  // namespace hone
