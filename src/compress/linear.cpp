#include "compress/linear.h"

#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace hone {

void damp(Matrix& a, double share) {
  double trace = 0;
  for (size_t i = 0; i < a.rows; ++i) trace += a.row(i)[i];
  const double mean = a.rows > 0 && trace > 0 ? trace / static_cast<double>(a.rows) : 1;
  for (size_t i = 0; i < a.rows; ++i) {
    double& d = a.row(i)[i];
    d = d > 0 ? d + share * mean : mean;
  }
}

Matrix cholesky(const Matrix& a) {
  const size_t n = a.rows;
  Matrix l(n, n);
  for (size_t i = 0; i < n; ++i) {
    double* li = l.row(i);
    for (size_t j = 0; j <= i; ++j) {
      const double* lj = l.row(j);
      double sum = a.row(i)[j];
      for (size_t k = 0; k < j; ++k) sum -= li[k] * lj[k];
      if (i != j) {
        li[j] = sum / lj[j];
        continue;
      }
      if (!(sum > 0)) throw Error(ErrorCode::kInternal, cat("matrix is not positive definite at row ", i));
      li[i] = std::sqrt(sum);
    }
  }
  return l;
}

Matrix solve(const Matrix& factor, Matrix b) {
  const size_t n = factor.rows, m = b.columns;
  for (size_t i = 0; i < n; ++i) {
    double* bi = b.row(i);
    for (size_t k = 0; k < i; ++k) {
      const double f = factor.row(i)[k];
      const double* bk = b.row(k);
      for (size_t j = 0; j < m; ++j) bi[j] -= f * bk[j];
    }
    for (size_t j = 0; j < m; ++j) bi[j] /= factor.row(i)[i];
  }
  for (size_t i = n; i-- > 0;) {
    double* bi = b.row(i);
    for (size_t k = i + 1; k < n; ++k) {
      const double f = factor.row(k)[i];
      const double* bk = b.row(k);
      for (size_t j = 0; j < m; ++j) bi[j] -= f * bk[j];
    }
    for (size_t j = 0; j < m; ++j) bi[j] /= factor.row(i)[i];
  }
  return b;
}

Matrix inverse(const Matrix& factor) {
  Matrix identity(factor.rows, factor.rows);
  for (size_t i = 0; i < factor.rows; ++i) identity.row(i)[i] = 1;
  return solve(factor, std::move(identity));
}

}  // namespace hone
