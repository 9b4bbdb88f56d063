#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "ops/kernel.h"

namespace hone {

/// A walk over a broadcast result in rows: size-1 axes dropped, axes that all inputs step through evenly merged, so
/// that tensors of equal shapes become one long row.
template <size_t N>
class BroadcastLoop {
 public:
  /// Inputs of dims `from` read as if they had dims `to`; each must broadcast to `to`.
  BroadcastLoop(const Dims& to, const std::array<const Dims*, N>& from) {
    std::array<Dims, N> full;
    for (size_t i = 0; i < N; ++i) full[i] = broadcast_strides(*from[i], to);
    for (int64_t dim : to) is_empty_ |= dim == 0;
    // Built from the innermost axis outwards, so index 0 is the row.
    for (size_t axis = to.size(); axis-- > 0;) {
      if (to[axis] == 1) continue;
      if (can_merge(full, axis)) {
        dims_.back() *= to[axis];
        continue;
      }
      dims_.push_back(to[axis]);
      for (size_t i = 0; i < N; ++i) strides_[i].push_back(full[i][axis]);
    }
    if (dims_.empty()) {
      dims_.push_back(1);
      for (Dims& strides : strides_) strides.push_back(1);
    }
  }

  /// Calls body(out, offsets, steps, n) for each row: n result elements from index `out` on; input i is read at
  /// offsets[i], offsets[i] + steps[i], …
  template <class Body>
  void rows(Body&& body) const {
    if (is_empty_) return;
    std::array<int64_t, N> offsets{}, steps{};
    for (size_t i = 0; i < N; ++i) steps[i] = strides_[i][0];
    Dims index(dims_.size(), 0);
    for (int64_t out = 0;; out += dims_[0]) {
      body(out, offsets, steps, dims_[0]);
      if (!advance(index, offsets)) return;
    }
  }

 private:
  bool can_merge(const std::array<Dims, N>& full, size_t axis) const {
    if (dims_.empty()) return false;
    for (size_t i = 0; i < N; ++i)
      if (full[i][axis] != strides_[i].back() * dims_.back()) return false;
    return true;
  }

  bool advance(Dims& index, std::array<int64_t, N>& offsets) const {
    for (size_t axis = 1; axis < dims_.size(); ++axis) {
      for (size_t i = 0; i < N; ++i) offsets[i] += strides_[i][axis];
      if (++index[axis] < dims_[axis]) return true;
      for (size_t i = 0; i < N; ++i) offsets[i] -= strides_[i][axis] * dims_[axis];
      index[axis] = 0;
    }
    return false;
  }

  Dims dims_;
  std::array<Dims, N> strides_;
  bool is_empty_ = false;
};

/// out[…] = f(a[…], b[…]) with broadcasting; dims of out are `to`.
template <class Out, class A, class B, class F>
void broadcast_apply(const Dims& to, Out* out, const Dims& a_dims, const A* a, const Dims& b_dims, const B* b, F&& f) {
  BroadcastLoop<2>(to, {&a_dims, &b_dims}).rows([&](int64_t o, const auto& at, const auto& step, int64_t n) {
    const A* x = a + at[0];
    const B* y = b + at[1];
    Out* z = out + o;
    if (step[0] == 1 && step[1] == 1) {
      for (int64_t i = 0; i < n; ++i) z[i] = static_cast<Out>(f(x[i], y[i]));
    } else if (step[0] == 1 && step[1] == 0) {
      const B fixed = y[0];
      for (int64_t i = 0; i < n; ++i) z[i] = static_cast<Out>(f(x[i], fixed));
    } else {
      for (int64_t i = 0; i < n; ++i) z[i] = static_cast<Out>(f(x[i * step[0]], y[i * step[1]]));
    }
  });
}

}  // namespace hone
