#pragma once

#include <map>
#include <string>

#include "formats/format.h"
#include "formats/tensorflow/proto.h"

namespace hone::tensorflow {

/// The variables of a SavedModel: a TensorBundle, which is a sorted table (LevelDB's format) of entries by key beside
/// shards of plain bytes. Arrays are views of the shards.
class Checkpoint {
 public:
  /// Reads variables/variables.index; a model without it has no variables.
  explicit Checkpoint(const ModelSource& folder);
  /// Value of the variable that a graph calls `name`. Throws Error(not_found), Error(invalid_model) when its checksum
  /// is another, Error(unsupported) for sliced variables.
  Tensor variable(const std::string& name) const;

 private:
  Bytes bytes_of(const BundleEntry& entry) const;
  const ModelSource& folder_;
  int64_t shards_ = 1;
  std::map<std::string, BundleEntry> entries_;
  std::map<std::string, std::string> keys_;  ///< by the variable's full name
};

/// CRC-32C (Castagnoli), masked as LevelDB stores it.
uint32_t masked_crc(std::span<const std::byte> bytes);

}  // namespace hone::tensorflow
