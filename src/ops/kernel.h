#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "ir/op_def.h"
#include "ops/compute.h"

namespace hone {

/// What the operators' files share: dtype lists that inference and evaluation both use, checks, and the ways to run a
/// quantized operator.

/// The type arithmetic on T happens in: float for the 16-bit floats, T itself else.
template <class T>
using Compute = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

/// A set of element types. kI4 and kU4 belong to none: they are storage only.
template <class... Ts>
struct Types {
  static constexpr DTypeSet kSet{kDTypeOf<Ts>...};
  static constexpr bool contains(DType dtype) { return kSet.contains(dtype); }

  /// Calls f(std::type_identity<T>{}) for the T that is `dtype`. Throws Error(unsupported) when it is not in the list.
  template <class F>
  static void dispatch(std::string_view op, DType dtype, F&& f) {
    const bool found = ((kDTypeOf<Ts> == dtype ? (f(std::type_identity<Ts>{}), true) : false) || ...);
    if (!found) throw unsupported(cat(lower(op), ": dtype ", to_string(dtype), " is not supported"));
  }
};

using Floats = Types<float, Half, BFloat16, double>;
using Integers = Types<int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t>;
using Signed = Types<float, Half, BFloat16, double, int8_t, int16_t, int32_t, int64_t>;
using Numbers =
    Types<float, Half, BFloat16, double, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t, uint64_t>;
using Indices = Types<int32_t, int64_t>;
using Bools = Types<bool>;
using Anything = Types<float, Half, BFloat16, double, int8_t, uint8_t, int16_t, uint16_t, int32_t, uint32_t, int64_t,
                       uint64_t, bool>;

/// Calls f(std::type_identity<U>{}) with an unsigned integer as large as an element of `dtype`: for moving elements.
template <class F>
void dispatch_size(DType dtype, F&& f) {
  switch (size_of(dtype)) {
    case 1:
      return f(std::type_identity<uint8_t>{});
    case 2:
      return f(std::type_identity<uint16_t>{});
    case 4:
      return f(std::type_identity<uint32_t>{});
    default:
      return f(std::type_identity<uint64_t>{});
  }
}

/// Error(invalid_model) "op: message", the operator's name in lower case.
Error op_error(std::string_view op, std::string_view message);

/// Throws unless `dtype` of input `what` is in the list.
template <class List>
void require_dtype(std::string_view op, std::string_view what, DType dtype) {
  if (!List::contains(dtype)) throw op_error(op, cat("dtype of ", what, " is ", to_string(dtype), ", not supported"));
}

/// Throws unless inputs a and b have one dtype.
void require_same_dtype(std::string_view op, const InferContext& context, size_t a, size_t b);

/// Broadcast of two shapes; throws with the operator's name.
Shape broadcast_of(std::string_view op, const Shape& a, const Shape& b);

/// The axis in 0 … rank−1; throws with the operator's name.
int64_t axis_of(std::string_view op, int64_t axis, int64_t rank);
/// The same for several axes, which must differ; sorted ascending.
std::vector<int64_t> axes_of(std::string_view op, std::span<const int64_t> axes, int64_t rank);

/// An index of run-time data, negative ones counted from the end. Throws Error(invalid_argument) outside −n … n−1.
int64_t checked_index(std::string_view op, int64_t index, int64_t n);

/// Integers of input i when it is constant, else empty. Throws on a constant of floats.
std::optional<std::vector<int64_t>> constant_ints(std::string_view op, const InferContext& context, size_t i);

/// Number of elements of input i, which has rank 0 or 1, when known. Throws on a larger rank.
std::optional<int64_t> known_length(std::string_view op, const InferContext& context, size_t i);

/// Whether the tensor is quantized per tensor (one scale for all elements).
inline bool is_per_tensor(const Tensor& x) { return x.quant() && x.quant()->is_per_tensor(); }

/// Whether integer kernels may take such a type: one finite positive scale, one zero point in the dtype's range.
bool is_integer_type(DType dtype, const QuantPtr& quant);
inline bool is_integer_type(const Tensor& x) { return is_integer_type(x.dtype(), x.quant()); }
inline bool is_integer_type(const TensorType& type) { return is_integer_type(type.dtype, type.quant); }

/// New output i in its storage: dtype and quantization of output_types[i], these dims.
Tensor& make_stored(EvalContext& context, size_t i, Dims dims);

/// y = x when their quantization is equal, else x's real numbers quantized as output_types[0] says.
Tensor requantized(const Tensor& x, const TensorType& to);

}  // namespace hone
