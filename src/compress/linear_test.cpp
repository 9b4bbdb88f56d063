#include "compress/linear.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hone {
namespace {

/// A positive definite matrix that is the same every time.
Matrix example(size_t n) {
  Matrix a(n, n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) a.row(i)[j] = 1.0 / static_cast<double>(1 + i + j) + (i == j ? 1 : 0);
  return a;
}

TEST(Linear, AMatrixTimesItsInverseIsOne) {
  const Matrix a = example(7), inv = inverse(cholesky(a));
  for (size_t i = 0; i < 7; ++i)
    for (size_t j = 0; j < 7; ++j) {
      double sum = 0;
      for (size_t k = 0; k < 7; ++k) sum += a.row(i)[k] * inv.row(k)[j];
      EXPECT_NEAR(sum, i == j ? 1 : 0, 1e-12) << i << ", " << j;
    }
}

TEST(Linear, RefusesAMatrixThatIsNotPositiveDefinite) {
  Matrix a(2, 2);
  a.row(0)[0] = 1;
  EXPECT_THROW(cholesky(a), Error);
  damp(a, 0.01);
  EXPECT_NO_THROW(cholesky(a));
}

}  // namespace
}  // namespace hone
