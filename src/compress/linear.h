#pragma once

#include <cstddef>
#include <vector>

namespace hone {

/// Numbers in rows. Rows × columns, row-major.
struct Matrix {
  Matrix() = default;
  Matrix(size_t rows, size_t columns) : rows(rows), columns(columns), data(rows * columns, 0) {}

  size_t rows = 0, columns = 0;
  std::vector<double> data;

  double* row(size_t r) { return data.data() + r * columns; }
  const double* row(size_t r) const { return data.data() + r * columns; }
};

/// Adds `share` of the mean diagonal to the diagonal of a: [n, n], which makes second moments of few samples regular.
/// A zero diagonal entry, of a column that no sample fills, becomes the mean.
void damp(Matrix& a, double share);

/// The lower factor L with a = L·Lᵀ of a symmetric positive definite a: [n, n]; above the diagonal zeros. Throws
/// Error(internal) when it is not positive definite (damp it first).
Matrix cholesky(const Matrix& a);

/// X with L·Lᵀ·X = b for b: [n, m].
Matrix solve(const Matrix& factor, Matrix b);

/// (L·Lᵀ)⁻¹, symmetric.
Matrix inverse(const Matrix& factor);

}  // namespace hone
