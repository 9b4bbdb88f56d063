#include "support/compare.h"

#include <cmath>

#include "base/text.h"

namespace hone {

namespace {

bool close(double a, double b, const Tolerance& tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::abs(a - b) <= tolerance.absolute + tolerance.relative * std::abs(b);
}

template <class Value>
std::string describe_at(int64_t i, Value found, Value expected, int64_t wrong, int64_t total) {
  return cat("element ", i, " is ", found, ", expected ", expected, " (", wrong, " of ", total, " differ)");
}

/// Finds the first difference and counts all.
template <class Value, class Differs>
std::string first_difference(const std::vector<Value>& found, const std::vector<Value>& expected, Differs&& differs) {
  int64_t first = -1, wrong = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (!differs(found[i], expected[i])) continue;
    if (first < 0) first = static_cast<int64_t>(i);
    ++wrong;
  }
  if (first < 0) return {};
  const auto at = static_cast<size_t>(first);
  return describe_at(first, found[at], expected[at], wrong, static_cast<int64_t>(found.size()));
}

}  // namespace

std::string difference(const Tensor& found, const Tensor& expected, const Tolerance& tolerance) {
  if (!found.exists()) return "is absent";
  if (!(found.type() == expected.type()))
    return cat("is ", to_text(found.type()), ", expected ", to_text(expected.type()));
  if (is_float(found.dtype()))
    return first_difference(to_doubles(found), to_doubles(expected),
                            [&](double a, double b) { return !close(a, b, tolerance); });
  const auto differs = [&](int64_t a, int64_t b) {
    return a == b ? false : tolerance.steps == 0 || std::abs(double(a) - double(b)) > double(tolerance.steps);
  };
  return first_difference(to_ints(found), to_ints(expected), differs);
}

}  // namespace hone
