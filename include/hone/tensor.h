#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hone/dtype.h"
#include "hone/shape.h"

namespace hone {

/// real = scale[c] · (stored − zero_point[c]), c the index along `axis`; one entry and axis −1 when per tensor.
/// With block_size > 0 (ONNX opset 21 blocked quantization) scales form a tensor whose `axis` is dim / block_size long.
struct QuantParams {
  std::vector<float> scales;
  std::vector<int32_t> zero_points;  ///< same length as scales
  int64_t axis = -1;
  int64_t block_size = 0;

  static std::shared_ptr<const QuantParams> per_tensor(float scale, int32_t zero_point);
  static std::shared_ptr<const QuantParams> per_channel(std::vector<float> scales, std::vector<int32_t> zero_points,
                                                        int64_t axis);
  bool is_per_tensor() const { return axis < 0; }
  float scale(int64_t channel = 0) const { return scales[axis < 0 ? 0 : static_cast<size_t>(channel)]; }
  int32_t zero_point(int64_t channel = 0) const { return zero_points[axis < 0 ? 0 : static_cast<size_t>(channel)]; }
  friend bool operator==(const QuantParams&, const QuantParams&) = default;
};
using QuantPtr = std::shared_ptr<const QuantParams>;

/// The fact on every edge of a graph. `quant` null: plain numbers; else `dtype` is how real (f32) numbers are stored.
struct TensorType {
  DType dtype = DType::kF32;
  Shape shape;
  QuantPtr quant;

  bool is_quantized() const { return quant != nullptr; }
  /// What an operator sees: kF32 for a quantized type, else dtype.
  DType logical_dtype() const { return quant ? DType::kF32 : dtype; }
};
bool operator==(const TensorType& a, const TensorType& b);
/// Equal quantization: both plain, or equal parameters.
bool same_quant(const QuantPtr& a, const QuantPtr& b);
/// "f32[1,8]", "i8[1,8]{scale=0.5, zero_point=3}", "i8[4,3]{axis=0, scale=[…], zero_point=[…]}".
std::string to_text(const TensorType& type);

/// A type with concrete dims plus shared bytes, possibly memory-mapped or an arena's. Cheap to copy; copies share
/// bytes. Bytes of a tensor are 64-byte aligned when allocated here; views may be aligned to their element only, or not
/// at all.
class Tensor {
 public:
  Tensor() = default;  ///< absent: no type, no bytes
  /// Uninitialized bytes. Throws Error(resource) when the size overflows or memory is refused.
  static Tensor empty(DType dtype, Dims dims, QuantPtr quant = nullptr);
  static Tensor zeros(DType dtype, Dims dims, QuantPtr quant = nullptr);
  /// Views `data` (size checked by the caller) for as long as `owner` lives; a null owner means the caller keeps it
  /// alive.
  static Tensor view(DType dtype, Dims dims, const void* data, std::shared_ptr<const void> owner,
                     QuantPtr quant = nullptr);
  template <class T>
  static Tensor of(Dims dims, std::span<const T> values);
  template <class T>
  static Tensor of(Dims dims, std::initializer_list<T> values) {
    return of<T>(std::move(dims), std::span<const T>(values.begin(), values.size()));
  }
  template <class T>
  static Tensor scalar(T value) {
    return of<T>({}, std::span<const T>(&value, 1));
  }

  bool exists() const { return data_ != nullptr; }
  DType dtype() const { return dtype_; }
  const Dims& dims() const { return dims_; }
  int64_t dim(int64_t i) const { return dims_[static_cast<size_t>(i)]; }
  int64_t rank() const { return static_cast<int64_t>(dims_.size()); }
  int64_t elements() const { return elements_; }
  int64_t byte_size() const { return elements_ * size_of(dtype_); }
  const QuantPtr& quant() const { return quant_; }
  TensorType type() const { return {dtype_, Shape(dims_), quant_}; }

  const void* raw() const { return data_.get(); }
  /// For the one who just made it and has not yet shared it.
  void* mutable_raw() { return const_cast<void*>(data_.get()); }
  /// Elements as T; throws Error(internal) unless holds<T>(dtype()).
  template <class T>
  std::span<const T> data() const {
    check_holds(holds<T>(dtype_));
    return {static_cast<const T*>(data_.get()), static_cast<size_t>(elements_)};
  }
  template <class T>
  std::span<T> mutable_data() {
    check_holds(holds<T>(dtype_));
    return {static_cast<T*>(mutable_raw()), static_cast<size_t>(elements_)};
  }

  /// Same bytes under other dims (equal element count, else Error(invalid_argument)) or other quantization.
  Tensor reshaped(Dims dims) const;
  Tensor with_quant(QuantPtr quant) const;
  /// Own aligned copy of the bytes.
  Tensor clone() const;

  /// Bytes that lie in a mapped file leave memory until somebody reads them; others stay.
  void release_pages() const;
  /// The same for the whole file that they lie in.
  void release_file() const;

 private:
  void check_holds(bool ok) const;

  DType dtype_ = DType::kF32;
  Dims dims_;
  int64_t elements_ = 0;
  QuantPtr quant_;
  std::shared_ptr<const void> data_;
};

/// Same dtype, dims, quantization and bytes.
bool identical(const Tensor& a, const Tensor& b);

/// Element-wise conversion as C++ static_cast does it, floats to integers truncating and saturating; drops
/// quantization.
Tensor cast(const Tensor& x, DType to);
/// Real numbers of a quantized tensor as f32 (a plain tensor is cast).
Tensor dequantize(const Tensor& x);
/// round_half_even(x / scale) + zero_point, saturated to dtype (ONNX QuantizeLinear); x is f32 or cast to it.
Tensor quantize(const Tensor& x, DType dtype, const QuantPtr& quant);

/// Any integer tensor (or bool) as int64 values, e.g. a shape or axes input. Throws Error(invalid_argument) on floats.
std::vector<int64_t> to_ints(const Tensor& x);
/// Any plain tensor as doubles, a quantized one as its real numbers.
std::vector<double> to_doubles(const Tensor& x);

template <class T>
Tensor Tensor::of(Dims dims, std::span<const T> values) {
  Tensor t = empty(kDTypeOf<T>, std::move(dims));
  t.check_holds(static_cast<size_t>(t.elements_) == values.size());
  for (size_t i = 0; i < values.size(); ++i) t.mutable_data<T>()[i] = values[i];
  return t;
}

}  // namespace hone
