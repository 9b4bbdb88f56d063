#include "base/checked.h"

#include "base/error.h"
#include "base/text.h"

namespace hone {

int64_t checked_mul(int64_t a, int64_t b) {
  int64_t result = 0;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &result))
    throw resource_error(cat("size ", a, " x ", b, " does not fit into 63 bits"));
  return result;
}

int64_t checked_add(int64_t a, int64_t b) {
  int64_t result = 0;
  if (a < 0 || b < 0 || __builtin_add_overflow(a, b, &result))
    throw resource_error(cat("size ", a, " + ", b, " does not fit into 63 bits"));
  return result;
}

int64_t checked_product(std::span<const int64_t> dims) {
  int64_t product = 1;
  bool has_zero = false;
  for (int64_t dim : dims) {
    if (dim < 0) throw invalid_argument(cat("shape ", dims, " has a negative dimension"));
    has_zero |= dim == 0;
  }
  if (has_zero) return 0;
  for (int64_t dim : dims) product = checked_mul(product, dim);
  return product;
}

}  // namespace hone
