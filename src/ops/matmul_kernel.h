#pragma once

#include <cstdint>
#include <vector>

#include "tensor/shape.h"

namespace hone {

/// c: [m,n] += a: [m,k] · b: [k,n], all row-major. T is float, double or an unsigned integer (sums wrap).
template <class T>
void multiply_add(int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c) {
  for (int64_t i = 0; i < m; ++i)
    for (int64_t p = 0; p < k; ++p) {
      const T v = a[i * k + p];
      const T* row = b + p * n;
      T* out = c + i * n;
      for (int64_t j = 0; j < n; ++j) out[j] += v * row[j];
    }
}

/// The last two axes of every matrix in x: […, rows, columns] swapped.
template <class T>
std::vector<T> swap_last_two(const std::vector<T>& x, int64_t rows, int64_t columns) {
  std::vector<T> out(x.size());
  const int64_t size = rows * columns;
  for (int64_t base = 0; base < static_cast<int64_t>(x.size()); base += size)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        out[static_cast<size_t>(base + c * rows + r)] = x[static_cast<size_t>(base + r * columns + c)];
  return out;
}

/// Sizes of a product with broadcast batches, after transposes and the 1-D rules: a: [batch_a…,m,k],
/// b: [batch_b…,k,n] → [batch…,m,n].
struct MatMulSizes {
  Dims batch;
  Dims batch_a;
  Dims batch_b;
  int64_t m = 1, n = 1, k = 1;
};

/// a and b with their matrices stored [m,k] and [k,n]; result [batch…,m,n].
template <class T>
std::vector<T> multiply_batches(const MatMulSizes& s, const std::vector<T>& a, const std::vector<T>& b) {
  int64_t batches = 1;
  for (int64_t d : s.batch) batches *= d;
  std::vector<T> out(static_cast<size_t>(batches * s.m * s.n));
  if (out.empty()) return out;
  const Dims stride_a = broadcast_strides(s.batch_a, s.batch), stride_b = broadcast_strides(s.batch_b, s.batch);
  Dims index(s.batch.size(), 0);
  T* c = out.data();
  do {
    int64_t at_a = 0, at_b = 0;
    for (size_t i = 0; i < index.size(); ++i) {
      at_a += index[i] * stride_a[i];
      at_b += index[i] * stride_b[i];
    }
    multiply_add(s.m, s.n, s.k, a.data() + at_a * s.m * s.k, b.data() + at_b * s.k * s.n, c);
    c += s.m * s.n;
  } while (next_index(index, s.batch));
  return out;
}

}  // namespace hone
