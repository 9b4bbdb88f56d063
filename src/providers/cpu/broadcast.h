#pragma once

#include <cstdint>

#include "tensor/shape.h"

namespace hone::cpu {

/// Two-input broadcasting as rows: inside a row of `inner` elements each input either moves along or stays on one
/// element; rows are numbered row-major over `outer`.
struct BroadcastRows {
  int64_t inner = 1;
  bool a_moves = true, b_moves = true;
  Dims outer, a_strides, b_strides;  ///< strides in elements of the outer dims
  int64_t rows = 1;

  /// For inputs of dims `a` and `b` and the output they broadcast to.
  static BroadcastRows of(const Dims& a, const Dims& b, const Dims& out);

  /// Calls f(row, a_offset, b_offset) for rows [begin, end).
  template <class F>
  void for_rows(int64_t begin, int64_t end, const F& f) const {
    Dims index(outer.size());
    int64_t rest = begin;
    int64_t a = 0;
    int64_t b = 0;
    for (size_t i = outer.size(); i-- > 0; rest /= outer[i]) {
      index[i] = rest % outer[i];
      a += index[i] * a_strides[i];
      b += index[i] * b_strides[i];
    }
    for (int64_t row = begin; row < end; ++row) {
      f(row, a, b);
      for (size_t i = outer.size(); i-- > 0;) {
        a += a_strides[i];
        b += b_strides[i];
        if (++index[i] < outer[i]) break;
        a -= a_strides[i] * outer[i];
        b -= b_strides[i] * outer[i];
        index[i] = 0;
      }
    }
  }
};

}  // namespace hone::cpu
