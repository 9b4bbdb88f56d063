#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

namespace hone {

/// IEEE 754 binary16 as bits; arithmetic happens in float.
struct Half {
  uint16_t bits = 0;
  Half() = default;
  explicit Half(float value);  ///< rounds to nearest even; overflow gives infinity
  operator float() const;
  friend bool operator==(Half a, Half b) { return float(a) == float(b); }
};

/// bfloat16 as bits: the upper half of a binary32.
struct BFloat16 {
  uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float value);  ///< rounds to nearest even
  operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
  friend bool operator==(BFloat16 a, BFloat16 b) { return float(a) == float(b); }
};

/// Element types. In memory kI4 and kU4 take one byte an element, sign- or zero-extended; files pack two a byte.
enum class DType : uint8_t { kF32, kF16, kBF16, kF64, kI4, kU4, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kBool };
inline constexpr int kDTypeCount = 15;

/// "f32", "f16", "bf16", "f64", "i4", "u4", "i8", …, "bool".
std::string_view to_string(DType dtype);
std::optional<DType> parse_dtype(std::string_view text);

/// Bytes of one element in memory (1 for kI4, kU4, kBool).
int64_t size_of(DType dtype);
bool is_float(DType dtype);    ///< kF32, kF16, kBF16, kF64
bool is_integer(DType dtype);  ///< all but the floats and kBool
bool is_signed(DType dtype);   ///< floats and signed integers
/// Smallest and largest value of an integer dtype (as used for clamping; for kU64 the largest is INT64_MAX).
int64_t min_of(DType dtype);
int64_t max_of(DType dtype);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<Half> {
  static constexpr DType value = DType::kF16;
};
template <>
struct DTypeOf<BFloat16> {
  static constexpr DType value = DType::kBF16;
};
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kF64;
};
template <>
struct DTypeOf<int8_t> {
  static constexpr DType value = DType::kI8;
};
template <>
struct DTypeOf<uint8_t> {
  static constexpr DType value = DType::kU8;
};
template <>
struct DTypeOf<int16_t> {
  static constexpr DType value = DType::kI16;
};
template <>
struct DTypeOf<uint16_t> {
  static constexpr DType value = DType::kU16;
};
template <>
struct DTypeOf<int32_t> {
  static constexpr DType value = DType::kI32;
};
template <>
struct DTypeOf<uint32_t> {
  static constexpr DType value = DType::kU32;
};
template <>
struct DTypeOf<int64_t> {
  static constexpr DType value = DType::kI64;
};
template <>
struct DTypeOf<uint64_t> {
  static constexpr DType value = DType::kU64;
};
template <>
struct DTypeOf<bool> {
  static constexpr DType value = DType::kBool;
};
template <class T>
inline constexpr DType kDTypeOf = DTypeOf<T>::value;

/// Whether elements of `dtype` are held in memory as T: exact match, and int8_t/uint8_t also for kI4/kU4.
template <class T>
constexpr bool holds(DType dtype) {
  if (std::is_same_v<T, int8_t> && dtype == DType::kI4) return true;
  if (std::is_same_v<T, uint8_t> && dtype == DType::kU4) return true;
  return kDTypeOf<T> == dtype;
}

/// Calls f(std::type_identity<T>{}) with the C++ type that holds `dtype`; kI4 → int8_t, kU4 → uint8_t.
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(std::type_identity<float>{});
    case DType::kF16:
      return f(std::type_identity<Half>{});
    case DType::kBF16:
      return f(std::type_identity<BFloat16>{});
    case DType::kF64:
      return f(std::type_identity<double>{});
    case DType::kI4:
    case DType::kI8:
      return f(std::type_identity<int8_t>{});
    case DType::kU4:
    case DType::kU8:
      return f(std::type_identity<uint8_t>{});
    case DType::kI16:
      return f(std::type_identity<int16_t>{});
    case DType::kU16:
      return f(std::type_identity<uint16_t>{});
    case DType::kI32:
      return f(std::type_identity<int32_t>{});
    case DType::kU32:
      return f(std::type_identity<uint32_t>{});
    case DType::kI64:
      return f(std::type_identity<int64_t>{});
    case DType::kU64:
      return f(std::type_identity<uint64_t>{});
    case DType::kBool:
      return f(std::type_identity<bool>{});
  }
  __builtin_unreachable();
}

}  // namespace hone
