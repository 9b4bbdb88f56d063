#pragma once

#include <cstdint>
#include <type_traits>

namespace hone {

/// Arithmetic that wraps around on integers, where C++ leaves overflow undefined, and is plain on floats.
template <class T>
T wrapping_add(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  else
    return a + b;
}

template <class T>
T wrapping_sub(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  else
    return a - b;
}

template <class T>
T wrapping_mul(T a, T b) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  else
    return a * b;
}

template <class T>
T wrapping_neg(T a) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(uint64_t(0) - static_cast<uint64_t>(a));
  else
    return -a;
}

}  // namespace hone
