#include "ops/strided.h"

#include <cstring>

#include "base/checked.h"

namespace hone {

namespace {

/// Drops axes of size 1 and merges neighbours that one stride walks.
void simplify(Dims& dims, Dims& strides) {
  Dims d, s;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    if (!d.empty() && s.back() == strides[i] * dims[i]) {
      d.back() *= dims[i];
      s.back() = strides[i];
    } else {
      d.push_back(dims[i]);
      s.push_back(strides[i]);
    }
  }
  if (d.empty()) {
    d.push_back(1);
    s.push_back(1);
  }
  dims = std::move(d);
  strides = std::move(s);
}

template <class U>
void copy_row(const U* in, int64_t stride, int64_t n, U* out) {
  if (stride == 1)
    std::memcpy(out, in, static_cast<size_t>(n) * sizeof(U));
  else
    for (int64_t i = 0; i < n; ++i) out[i] = in[i * stride];
}

}  // namespace

void copy_strided(const Tensor& x, int64_t offset, Dims dims, Dims strides, Tensor& y) {
  if (checked_product(dims) == 0) return;
  simplify(dims, strides);
  const int64_t row = dims.back(), stride = strides.back();
  dims.pop_back();
  strides.pop_back();
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) {
    const U* in = static_cast<const U*>(x.raw()) + offset;
    U* out = static_cast<U*>(y.mutable_raw());
    Dims index(dims.size(), 0);
    for (;;) {
      copy_row(in, stride, row, out);
      out += row;
      size_t axis = dims.size();
      for (; axis-- > 0;) {
        in += strides[axis];
        if (++index[axis] < dims[axis]) break;
        in -= strides[axis] * dims[axis];
        index[axis] = 0;
      }
      if (axis == static_cast<size_t>(-1)) return;
    }
  });
}

void move_strided(EvalContext& c, Dims out_dims, int64_t offset, Dims walk_dims, Dims strides) {
  Tensor& y = c.make_output(0, c.in(0).dtype(), std::move(out_dims));
  copy_strided(c.in(0), offset, std::move(walk_dims), std::move(strides), y);
}

Dim product_of(std::span<const Dim> dims) {
  int64_t known = 1;
  const Dim* unknown = nullptr;
  int unknowns = 0;
  for (const Dim& d : dims) {
    if (d.is_known()) {
      known = checked_mul(known, d.value());
    } else {
      unknown = &d;
      ++unknowns;
    }
  }
  if (unknowns == 0 || known == 0) return Dim(known);
  return unknowns == 1 && known == 1 ? *unknown : Dim();
}

int64_t no_macs(const Attrs&, std::span<const TensorType* const>, std::span<const TensorType* const>) { return 0; }

uint64_t element_bits(const Tensor& x, int64_t i) {
  uint64_t bits = 0;
  dispatch_size(x.dtype(), [&]<class U>(std::type_identity<U>) { bits = static_cast<const U*>(x.raw())[i]; });
  return bits;
}

uint64_t zero_element(const Tensor& like) {
  return is_per_tensor(like) ? static_cast<uint64_t>(static_cast<int64_t>(like.quant()->zero_point())) : 0;
}

}  // namespace hone
