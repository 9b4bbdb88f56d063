#pragma once

#include <cstdint>
#include <string>

#include "data/dataset.h"

namespace hone {

/// Data that the ranges come from and data that judges; disjoint.
struct DataSplit {
  Dataset calibration;
  Dataset test;
  uint64_t seed = 0;
  bool is_given = false;  ///< the data folder itself has calibration/ and test/
};

/// DIR/calibration and DIR/test when both are there, else a split by `seed`: `calibration` samples (0: a fifth, at
/// most 500) for calibration, the rest for the test. Throws Error(invalid_argument) when less than two samples exist.
DataSplit split_data(const std::string& path, const DatasetOptions& options, size_t calibration, uint64_t seed);

}  // namespace hone
