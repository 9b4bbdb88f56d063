#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "hone/dtype.h"

namespace hone::onnx {

/// The runtime whose rules written files keep.
inline constexpr std::string_view kRuntime = "ONNX Runtime 1.30";

/// The domain of ONNX's classical machine learning.
inline constexpr std::string_view kMlDomain = "ai.onnx.ml";

/// A set of element types.
class TypeSet {
 public:
  /// Names separated by spaces: "f32 i64".
  explicit consteval TypeSet(std::string_view names) {
    constexpr std::string_view kNames[] = {"f32", "f16", "bf16", "f64", "i4",  "u4",  "i8",  "u8",
                                           "i16", "u16", "i32",  "u32", "i64", "u64", "bool"};
    while (!names.empty()) {
      const size_t end = std::min(names.find(' '), names.size());
      size_t at = 0;
      while (kNames[at] != names.substr(0, end)) ++at;
      bits_ |= 1u << at;
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }
  constexpr bool has(DType dtype) const { return (bits_ >> static_cast<int>(dtype) & 1) != 0; }
  constexpr bool empty() const { return bits_ == 0; }

 private:
  uint32_t bits_ = 0;
};

/// The element types ONNX Runtime's CPU provider takes for an operator, f16 it brings to f32 by itself included.
/// `in` and `out` have a letter for each operand: T, U, V are types that operands share, each in its set; lower case
/// ones are fixed (b bool, f f32, i i32, l i64, c u8); '.' is anything. A '*' says that the letter before it repeats.
struct Kernel {
  std::string_view op;
  std::string_view in, out;
  TypeSet t, u, v;
  int first = 17;                ///< operator sets for which this holds, to the next line of the same operator
  std::string_view domain = {};  ///< empty: ONNX's own; operators of another one are written in its version 1
};

/// The rule for `op` at `opset`, or null: hone never writes it.
const Kernel* find_kernel(std::string_view op, int opset);
std::span<const Kernel> all_kernels();

/// The letter of operand `i` in Kernel::in or Kernel::out; '.' beyond its end.
char letter_of(std::string_view letters, size_t i);
/// The set of a letter that is a variable; null for the others.
const TypeSet* set_of(const Kernel& kernel, char letter);
/// The type of a letter that is fixed.
std::optional<DType> fixed_type(char letter);

/// A type in `set` that holds every value of `dtype`, the narrowest first: what an operator is computed in that has no
/// kernel for `dtype`. Empty when there is none.
std::optional<DType> widened(DType dtype, const TypeSet& set);

/// Whether `wide` is such a type for `narrow`.
bool is_wider(DType wide, DType narrow);

std::string to_text(const TypeSet& set);

}  // namespace hone::onnx
