#include "tensor/tensor.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/checked.h"
#include "base/error.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/text.h"

namespace hone {

QuantPtr QuantParams::per_tensor(float scale, int32_t zero_point) {
  return std::make_shared<const QuantParams>(QuantParams{{scale}, {zero_point}, -1, 0});
}

QuantPtr QuantParams::per_channel(std::vector<float> scales, std::vector<int32_t> zero_points, int64_t axis) {
  return std::make_shared<const QuantParams>(QuantParams{std::move(scales), std::move(zero_points), axis, 0});
}

bool same_quant(const QuantPtr& a, const QuantPtr& b) { return a == b || (a && b && *a == *b); }

bool operator==(const TensorType& a, const TensorType& b) {
  return a.dtype == b.dtype && a.shape == b.shape && same_quant(a.quant, b.quant);
}

std::string to_text(const TensorType& type) {
  std::string out = cat(to_string(type.dtype), type.shape);
  if (!type.quant) return out;
  const QuantParams& q = *type.quant;
  auto list = [](const auto& values) {
    if (values.size() == 1) return cat(values[0]);
    std::string text = "[";
    for (size_t i = 0; i < values.size(); ++i) text += cat(i ? ", " : "", values[i]);
    return text + "]";
  };
  out += "{";
  if (q.axis >= 0) out += cat("axis=", q.axis, ", ");
  if (q.block_size > 0) out += cat("block=", q.block_size, ", ");
  return out + cat("scale=", list(q.scales), ", zero_point=", list(q.zero_points), "}");
}

void Tensor::check_holds(bool ok) const {
  if (!ok) throw internal_error(cat("tensor of ", to_text(type()), " accessed as another type or size"));
}

Tensor Tensor::empty(DType dtype, Dims dims, QuantPtr quant) {
  Tensor t;
  t.dtype_ = dtype;
  t.elements_ = checked_product(dims);
  t.dims_ = std::move(dims);
  t.quant_ = std::move(quant);
  const int64_t bytes = checked_mul(t.elements_, size_of(dtype));
  constexpr int64_t kLimit = int64_t(1) << 40, kSmall = 1 << 16;
  if (bytes >= kSmall && bytes <= kLimit) require_memory(bytes, [&] { return cat("a tensor of ", to_text(t.type())); });
  void* memory = bytes > kLimit ? nullptr : std::aligned_alloc(64, static_cast<size_t>((bytes + 127) / 64 * 64));
  if (!memory)
    throw resource_error(
        cat("cannot allocate ", human_bytes(static_cast<uint64_t>(bytes)), " for a tensor of ", to_text(t.type())));
  t.data_ = std::shared_ptr<const void>(memory, [](const void* p) { std::free(const_cast<void*>(p)); });
  return t;
}

Tensor Tensor::zeros(DType dtype, Dims dims, QuantPtr quant) {
  Tensor t = empty(dtype, std::move(dims), std::move(quant));
  std::memset(t.mutable_raw(), 0, static_cast<size_t>(t.byte_size()));
  return t;
}

Tensor Tensor::view(DType dtype, Dims dims, const void* data, std::shared_ptr<const void> owner, QuantPtr quant) {
  static const char kNothing[64] = {};
  Tensor t;
  t.dtype_ = dtype;
  t.elements_ = checked_product(dims);
  t.dims_ = std::move(dims);
  t.quant_ = std::move(quant);
  t.data_ = std::shared_ptr<const void>(std::move(owner), data ? data : kNothing);
  return t;
}

Tensor Tensor::reshaped(Dims dims) const {
  if (checked_product(dims) != elements_)
    throw invalid_argument(cat("cannot view ", to_text(type()), " as ", to_text(Shape(dims))));
  Tensor t = *this;
  t.dims_ = std::move(dims);
  return t;
}

Tensor Tensor::with_quant(QuantPtr quant) const {
  Tensor t = *this;
  t.quant_ = std::move(quant);
  return t;
}

void Tensor::release_pages() const {
  if (const MappedFile* file = MappedFile::find(data_))
    file->release({static_cast<const std::byte*>(raw()), static_cast<size_t>(byte_size())});
}

void Tensor::release_file() const {
  if (const MappedFile* file = MappedFile::find(data_)) file->release(file->bytes());
}

Tensor Tensor::clone() const {
  if (!exists()) return {};
  Tensor t = empty(dtype_, dims_, quant_);
  std::memcpy(t.mutable_raw(), raw(), static_cast<size_t>(byte_size()));
  return t;
}

bool identical(const Tensor& a, const Tensor& b) {
  if (a.exists() != b.exists()) return false;
  if (!a.exists()) return true;
  return a.dtype() == b.dtype() && a.dims() == b.dims() && same_quant(a.quant(), b.quant()) &&
         std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.byte_size())) == 0;
}

namespace {

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) {
    return static_cast<double>(value) != 0;
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<To> && !std::is_integral_v<From>) {
    return saturated<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

/// Channel of element i: (i / inner) % dim.
struct ChannelOf {
  int64_t inner = 1, dim = 1;
  ChannelOf(const Dims& dims, const QuantParams& q) {
    if (q.axis < 0) return;
    const size_t axis = static_cast<size_t>(q.axis);
    if (axis >= dims.size() || (q.block_size == 0 && static_cast<size_t>(dims[axis]) != q.scales.size()))
      throw invalid_argument(cat("quantization along axis ", q.axis, " with ", q.scales.size(),
                                 " scales does not fit shape ", Shape(dims)));
    dim = dims[axis];
    for (size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
  }
  int64_t operator()(int64_t i) const { return i / inner % dim; }
};

/// Index into scales of element i, blocked quantization included.
struct ScaleIndex {
  ChannelOf channel;
  int64_t block = 0, blocks = 0;
  ScaleIndex(const Dims& dims, const QuantParams& q) : channel(dims, q), block(q.block_size) {
    if (block == 0) return;
    blocks = (channel.dim + block - 1) / block;
    int64_t expected = blocks * channel.inner;
    for (int64_t i = 0; i < q.axis; ++i) expected = checked_mul(expected, dims[static_cast<size_t>(i)]);
    if (static_cast<int64_t>(q.scales.size()) != expected)
      throw invalid_argument(cat("blocked quantization has ", q.scales.size(), " scales, expected ", expected));
  }
  size_t operator()(int64_t i) const {
    if (block == 0) return static_cast<size_t>(channel(i));
    const int64_t outer = i / (channel.inner * channel.dim);
    return static_cast<size_t>((outer * blocks + channel(i) / block) * channel.inner + i % channel.inner);
  }
};

}  // namespace

Tensor cast(const Tensor& x, DType to) {
  if (x.dtype() == to && !x.quant()) return x;
  Tensor y = Tensor::empty(to, x.dims());
  dispatch(x.dtype(), [&]<class From>(std::type_identity<From>) {
    dispatch(to, [&]<class To>(std::type_identity<To>) {
      const auto in = x.data<From>();
      auto out = y.mutable_data<To>();
      for (size_t i = 0; i < in.size(); ++i) {
        out[i] = convert<To>(in[i]);
        if (to == DType::kI4) out[i] = convert<To>((static_cast<int>(out[i]) << 28) >> 28);
        if (to == DType::kU4) out[i] = convert<To>(static_cast<int>(out[i]) & 15);
      }
    });
  });
  return y;
}

Tensor dequantize(const Tensor& x) {
  if (!x.quant()) return cast(x, DType::kF32);
  const QuantParams& q = *x.quant();
  const ScaleIndex index(x.dims(), q);
  Tensor y = Tensor::empty(DType::kF32, x.dims());
  auto out = y.mutable_data<float>();
  dispatch(x.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto in = x.data<T>();
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t c = q.axis < 0 ? 0 : index(static_cast<int64_t>(i));
      out[i] = q.scales[c] * static_cast<float>(static_cast<int64_t>(in[i]) - q.zero_points[c]);
    }
  });
  return y;
}

Tensor quantize(const Tensor& x, DType dtype, const QuantPtr& quant) {
  const Tensor real = dequantize(x);
  const ScaleIndex index(x.dims(), *quant);
  const auto in = real.data<float>();
  Tensor y = Tensor::empty(dtype, x.dims(), quant);
  const double low = static_cast<double>(min_of(dtype)), high = static_cast<double>(max_of(dtype));
  dispatch(dtype, [&]<class T>(std::type_identity<T>) {
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < in.size(); ++i) {
      const size_t c = quant->axis < 0 ? 0 : index(static_cast<int64_t>(i));
      const double v = static_cast<double>(std::nearbyint(in[i] / quant->scales[c])) + quant->zero_points[c];
      out[i] = convert<T>(std::isnan(v) ? 0.0 : v < low ? low : v > high ? high : v);
    }
  });
  return y;
}

std::vector<int64_t> to_ints(const Tensor& x) {
  if (is_float(x.dtype()))
    throw invalid_argument(cat("found a tensor of ", to_string(x.dtype()), ", expected integers"));
  std::vector<int64_t> out(static_cast<size_t>(x.elements()));
  dispatch(x.dtype(), [&]<class T>(std::type_identity<T>) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int64_t>(x.data<T>()[i]);
  });
  return out;
}

std::vector<double> to_doubles(const Tensor& x) {
  const Tensor real = x.quant() ? dequantize(x) : x;
  std::vector<double> out(static_cast<size_t>(real.elements()));
  dispatch(real.dtype(), [&]<class T>(std::type_identity<T>) {
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(real.data<T>()[i]);
  });
  return out;
}

}  // namespace hone
