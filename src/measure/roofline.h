#pragma once

#include <string>
#include <vector>

#include "measure/bench.h"

namespace hone {

/// What an engine reaches on this machine where nothing limits but arithmetic, or nothing but memory. 0: not measured.
/// Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model", 2009.
struct Roof {
  double f32_gmacs = 0;         ///< 10⁹ multiply-adds a second, of a product whose operands stay in the caches
  double int8_gmacs = 0;        ///< the same of bytes
  double cache_gigabytes = 0;   ///< 10⁹ bytes a second read and written by an elementwise operator on 512 KB
  double memory_gigabytes = 0;  ///< and on 64 MB
};

/// Runs each of the four for about `seconds` and takes the shortest run.
Roof measure_roof(const Engine& engine, double seconds = 0.3);

/// Shares of the roof: the time that arithmetic, or moving activations through the caches and weights from memory,
/// whichever is more, would take at the roof, by the time that was taken. Above 1 where weights were still in a cache
/// or the kernel multiplies less than the operator says (Winograd); 0 where nothing is known of the step's work.
std::vector<double> shares_of_roof(const std::vector<StepTime>& steps, const Roof& roof);

/// {"f32_gmacs":…,"int8_gmacs":…,"cache_gigabytes":…,"memory_gigabytes":…}
Json to_json(const Roof& roof);

}  // namespace hone
