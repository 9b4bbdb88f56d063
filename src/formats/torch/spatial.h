#pragma once

#include <cstdint>
#include <vector>

namespace hone::torch {

/// Padding of each spatial axis as begins, then ends.
std::vector<int64_t> both_ends(std::vector<int64_t> pads);

/// 1 … spatial: the axes between batch and channels.
inline std::vector<int64_t> resized_axes(int64_t spatial) {
  std::vector<int64_t> axes;
  for (int64_t i = 1; i <= spatial; ++i) axes.push_back(i);
  return axes;
}

}  // namespace hone::torch
