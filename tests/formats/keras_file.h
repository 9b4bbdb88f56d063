#pragma once

#include <map>
#include <string>
#include <vector>

namespace hone {

/// One array of a file, at a path like "model_weights/dense/dense/kernel:0".
struct H5Array {
  std::string path;
  std::vector<int64_t> dims;
  std::vector<float> values;
  bool is_chunked = false;  ///< deflated and shuffled, in chunks of at most 2 along each axis
};

/// Writes an HDF5 file with the HDF5 library: arrays, and texts as attributes of objects ("" is the root): one text for
/// a list of one, else a list.
void write_h5(const std::string& path, const std::vector<H5Array>& arrays,
              const std::map<std::pair<std::string, std::string>, std::vector<std::string>>& texts);

/// Writes a zip archive with libzip.
void write_zip(const std::string& path, const std::map<std::string, std::string>& members, bool is_deflated);

}  // namespace hone
