// Operators that move elements: bytes are copied as they are, whatever they mean.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>

#include "base/checked.h"
#include "ops/movement.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

// Stored elements mean the same on both sides.
bool moves_stored(const KernelRequest& r, size_t input, size_t output = 0) {
  const TensorType& x = r.input(input);
  const TensorType& y = r.output(output);
  return x.dtype == y.dtype && same_quant(x.quant, y.quant) && (!x.is_quantized() || x.quant->is_per_tensor());
}

int64_t product(const Dims& d, size_t from, size_t to) {
  return std::accumulate(d.begin() + static_cast<ptrdiff_t>(from), d.begin() + static_cast<ptrdiff_t>(to), int64_t{1},
                         std::multiplies<>());
}

// A copy of a box: `dims` elements of `item` bytes, byte strides on both sides; the last dim is dense on both sides.
struct BoxCopy {
  Dims dims, from, to;
  int64_t item = 1, from_start = 0;

  void run(const std::byte* x, std::byte* y) const {
    const size_t bytes = static_cast<size_t>(dims.back() * item);
    Dims index(dims.size() - 1);
    x += from_start;
    for (;;) {
      std::memcpy(y, x, bytes);
      size_t i = index.size();
      for (; i-- > 0;) {
        x += from[i];
        y += to[i];
        if (++index[i] < dims[i]) break;
        x -= from[i] * dims[i];
        y -= to[i] * dims[i];
        index[i] = 0;
      }
      if (i == static_cast<size_t>(-1)) return;
    }
  }
};

Dims byte_strides(const Dims& dims, int64_t item) {
  Dims s = strides_of(dims);
  for (int64_t& v : s) v *= item;
  return s;
}

template <class T>
void transpose_elements(const T* x, T* y, const Dims& out, const Dims& strides) {
  // The last two dims are walked here, the others counted.
  const size_t rank = out.size();
  const int64_t rows = out[rank - 2];
  const int64_t columns = out[rank - 1];
  Dims index(rank - 2);
  for (;;) {
    for (int64_t i = 0; i < rows; ++i) {
      const T* from = x + i * strides[rank - 2];
      for (int64_t j = 0; j < columns; ++j) y[j] = from[j * strides[rank - 1]];
      y += columns;
    }
    size_t d = rank - 2;
    for (; d-- > 0;) {
      x += strides[d];
      if (++index[d] < out[d]) break;
      x -= strides[d] * out[d];
      index[d] = 0;
    }
    if (d == static_cast<size_t>(-1)) return;
  }
}

// Drops dims of one and merges output neighbours that are neighbours in the input too. Element strides.
void merge_dims(Dims& out, Dims& strides) {
  Dims o, s;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == 1) continue;
    if (!o.empty() && s.back() == strides[i] * out[i]) {
      o.back() *= out[i];
      s.back() = strides[i];
    } else {
      o.push_back(out[i]);
      s.push_back(strides[i]);
    }
  }
  while (o.size() < 2) {
    o.insert(o.begin(), 1);
    s.insert(s.begin(), 0);
  }
  out = std::move(o);
  strides = std::move(s);
}

// The last two dims swap: planes transposed one after the other by f(x, stride of rows, y, rows, columns).
template <class T, class F>
void transpose_planes(const T* x, T* y, const Dims& out, const Dims& strides, const F& f) {
  const size_t rank = out.size();
  const int64_t columns = out[rank - 2];
  const int64_t rows = out[rank - 1];
  const Dims outer(out.begin(), out.end() - 2);
  Dims index(outer.size());
  do {
    int64_t at = 0;
    for (size_t i = 0; i < index.size(); ++i) at += index[i] * strides[i];
    f(x + at, strides[rank - 1], y, rows, columns);
    y += rows * columns;
  } while (next_index(index, outer));
}

std::unique_ptr<Step> transpose_step(int64_t item, const Dims& dims, const Dims& strides, const KernelTable& table) {
  if (item == 4 && strides[dims.size() - 2] == 1) {
    const auto plane = [transpose = table.transpose_32](const uint32_t* x, ptrdiff_t stride, uint32_t* y, int64_t rows,
                                                        int64_t columns) {
      transpose(x, stride, y, rows, rows, columns);
    };
    return make_step(
        [=](RunContext& c) { transpose_planes(in<uint32_t>(c, 0), out<uint32_t>(c), dims, strides, plane); });
  }
  if (item == 1 && dims.back() == 3 && strides[dims.size() - 2] == 1) {
    const auto plane = [interleave = table.interleave_3](const uint8_t* x, ptrdiff_t stride, uint8_t* y, int64_t,
                                                         int64_t columns) { interleave(x, stride, y, columns); };
    return make_step(
        [=](RunContext& c) { transpose_planes(in<uint8_t>(c, 0), out<uint8_t>(c), dims, strides, plane); });
  }
  if (strides.back() == 1) {
    BoxCopy copy{dims, strides, byte_strides(dims, item), item, 0};
    for (int64_t& s : copy.from) s *= item;
    return make_step([copy](RunContext& c) { copy.run(in<std::byte>(c, 0), out<std::byte>(c)); });
  }
  return make_step([=](RunContext& c) {
    if (item == 1) transpose_elements(in<uint8_t>(c, 0), out<uint8_t>(c), dims, strides);
    if (item == 2) transpose_elements(in<uint16_t>(c, 0), out<uint16_t>(c), dims, strides);
    if (item == 4) transpose_elements(in<uint32_t>(c, 0), out<uint32_t>(c), dims, strides);
    if (item == 8) transpose_elements(in<uint64_t>(c, 0), out<uint64_t>(c), dims, strides);
  });
}

}  // namespace

std::unique_ptr<Step> make_reshape(const KernelRequest& r, const KernelTable&) {
  if (!r.is_static() || !moves_stored(r, 0) || r.node().outputs.size() != 1) return nullptr;
  const int64_t bytes = r.output().shape.elements() * size_of(r.output().dtype);
  return make_step(
      [=](RunContext& c) {
        if (in<std::byte>(c, 0) != out<std::byte>(c)) {
          std::memcpy(out<std::byte>(c), in<std::byte>(c, 0), static_cast<size_t>(bytes));
        }
      },
      0, 0);
}

std::unique_ptr<Step> make_transpose(const KernelRequest& r, const KernelTable& table) {
  const int64_t item = size_of(r.output().dtype);
  if (!r.is_static() || !moves_stored(r, 0) || r.output().shape.elements() == 0) return nullptr;
  const Dims x = r.input(0).shape.dims();
  std::vector<int64_t> perm = r.node().as<Transpose>().perm;
  if (perm.empty()) {
    for (size_t i = x.size(); i-- > 0;) perm.push_back(static_cast<int64_t>(i));
  }
  const Dims in_strides = strides_of(x);
  Dims dims, strides;
  for (int64_t p : perm) {
    dims.push_back(x[static_cast<size_t>(p)]);
    strides.push_back(in_strides[static_cast<size_t>(p)]);
  }
  merge_dims(dims, strides);
  // Nothing but dims of one moved: the bytes stay in order.
  if (dims.size() == 2 && dims[0] == 1 && strides[1] == 1) return make_reshape(r, table);
  return transpose_step(item, dims, strides, table);
}

namespace {

// What an input of a Concat writes: its bytes as they are, or, when its scale differs from the output's, through a
// table of 256.
struct Part {
  int64_t width = 0;  ///< bytes in a row
  std::vector<uint8_t> table;
};

std::optional<Part> part_of(const KernelRequest& r, size_t i, size_t axis) {
  const TensorType& x = r.input(i);
  const TensorType& y = r.output();
  const Dims dims = x.shape.dims();
  Part part{.width = product(dims, axis, dims.size()) * size_of(y.dtype), .table = {}};
  if (moves_stored(r, i)) return part;
  if (!is_quantized_bytes(x) || !is_quantized_bytes(y) || wants_fixed_point(r)) return std::nullopt;
  const double scale = double(x.quant->scale()) / double(y.quant->scale());
  for (int v = 0; v < 256; ++v) {
    const int stored = is_unsigned_byte(x) ? v : static_cast<int8_t>(v);
    const double q = std::nearbyint((stored - x.quant->zero_point()) * scale) + y.quant->zero_point();
    const double cut = std::clamp(q, static_cast<double>(min_of(y.dtype)), static_cast<double>(max_of(y.dtype)));
    part.table.push_back(static_cast<uint8_t>(saturated<int32_t>(cut)));
  }
  return part;
}

}  // namespace

std::unique_ptr<Step> make_concat(const KernelRequest& r, const KernelTable& table) {
  if (!r.is_static()) return nullptr;
  const Dims y = r.output().shape.dims();
  const auto axis = static_cast<size_t>(normalize_axis(r.node().as<Concat>().axis, r.output().shape.rank(), "concat"));
  std::vector<Part> parts;
  for (size_t i = 0; i < r.node().inputs.size(); ++i) {
    if (!r.has_input(i)) return nullptr;
    auto part = part_of(r, i, axis);
    if (!part) return nullptr;
    parts.push_back(std::move(*part));
  }
  const int64_t outer = product(y, 0, axis);
  int64_t row = 0;
  for (const Part& part : parts) row += part.width;
  const int64_t tasks = tasks_for(outer * row / 4, r.threads);
  const auto lookup = table.lookup;
  return make_step([=, parts = std::move(parts)](RunContext& c) {
    for_tasks(*c.pool, outer, tasks, [&](int64_t, int64_t first, int64_t last) {
      auto* to = out<uint8_t>(c) + first * row;
      for (int64_t o = first; o < last; ++o) {
        for (size_t i = 0; i < parts.size(); ++i) {
          const int64_t width = parts[i].width;
          const uint8_t* from = in<uint8_t>(c, i) + o * width;
          if (parts[i].table.empty()) {
            std::memcpy(to, from, static_cast<size_t>(width));
          } else {
            lookup(from, to, width, parts[i].table.data());
          }
          to += width;
        }
      }
    });
  });
}

std::unique_ptr<Step> make_split(const KernelRequest& r, const KernelTable&) {
  if (!r.is_static()) return nullptr;
  const Dims x = r.input(0).shape.dims();
  const auto axis = static_cast<size_t>(normalize_axis(r.node().as<Split>().axis, r.input(0).shape.rank(), "split"));
  const int64_t item = size_of(r.input(0).dtype);
  std::vector<int64_t> widths;
  for (size_t i = 0; i < r.node().outputs.size(); ++i) {
    if (!moves_stored(r, 0, i)) return nullptr;
    widths.push_back(product(r.output(i).shape.dims(), axis, x.size()) * item);
  }
  const int64_t outer = product(x, 0, axis);
  return make_step([=](RunContext& c) {
    const auto* from = in<std::byte>(c, 0);
    for (int64_t o = 0; o < outer; ++o) {
      for (size_t i = 0; i < widths.size(); ++i) {
        std::memcpy(out<std::byte>(c, i) + o * widths[i], from, static_cast<size_t>(widths[i]));
        from += widths[i];
      }
    }
  });
}

// Steps of ±1 and more; the last axis in steps of 1.
std::unique_ptr<Step> make_slice(const KernelRequest& r, const KernelTable&) {
  if (!r.is_static() || !moves_stored(r, 0) || r.output().shape.elements() == 0) return nullptr;
  const auto starts = constant_ints(r, 1);
  const auto ends = constant_ints(r, 2);
  if (!starts || !ends || (r.has_input(3) && !r.constant(3).exists()) || (r.has_input(4) && !r.constant(4).exists())) {
    return nullptr;
  }
  const Dims x = r.input(0).shape.dims();
  const Dims y = r.output().shape.dims();
  if (y.empty()) return nullptr;
  const int64_t item = size_of(r.output().dtype);
  const auto axes = constant_ints(r, 3);
  const auto steps = constant_ints(r, 4);
  BoxCopy copy{y, byte_strides(x, item), byte_strides(y, item), item, 0};
  for (size_t i = 0; i < starts->size(); ++i) {
    const int64_t axis =
        axes ? normalize_axis((*axes)[i], static_cast<int64_t>(x.size()), "slice") : static_cast<int64_t>(i);
    const auto a = static_cast<size_t>(axis);
    const int64_t step = steps && !steps->empty() ? (*steps)[i] : 1;
    const int64_t size = x[a];
    int64_t start = (*starts)[i] < 0 ? (*starts)[i] + size : (*starts)[i];
    start = std::clamp<int64_t>(start, 0, step < 0 ? size - 1 : size);
    copy.from_start += start * copy.from[a];
    copy.from[a] *= step;
  }
  if (copy.from.back() != item && y.back() != 1) return nullptr;
  return make_step([copy](RunContext& c) { copy.run(in<std::byte>(c, 0), out<std::byte>(c)); });
}

namespace {

// The stored element that a constant Pad writes: f32, or bytes with the input's parameters.
std::optional<uint32_t> pad_fill(const KernelRequest& r) {
  const TensorType& x = r.input(0);
  if (is_f32(x)) {
    const Tensor value = constant_f32(r, 2);
    return value.exists() ? std::bit_cast<uint32_t>(value.data<float>()[0]) : 0;
  }
  if (!is_quantized_bytes(x)) return std::nullopt;
  if (!r.has_input(2)) return static_cast<uint32_t>(x.quant->zero_point() & 0xff);
  const Tensor value = r.constant(2);
  if (value.dtype() != x.dtype || !same_quant(value.quant(), x.quant)) return std::nullopt;
  return *static_cast<const uint8_t*>(value.raw());
}

}  // namespace

std::unique_ptr<Step> make_pad(const KernelRequest& r, const KernelTable&) {
  if (!r.is_static() || r.node().as<Pad>().mode != PadMode::constant || !moves_stored(r, 0)) return nullptr;
  if (r.has_input(3) || (r.has_input(2) && (!r.constant(2).exists() || r.constant(2).elements() != 1))) return nullptr;
  const auto pads = constant_ints(r, 1);
  const auto fill = pad_fill(r);
  const Dims x = r.input(0).shape.dims();
  const Dims y = r.output().shape.dims();
  if (!pads || !fill || x.empty() || r.input(0).shape.elements() == 0 || pads->size() != 2 * x.size()) return nullptr;
  if (std::any_of(pads->begin(), pads->end(), [](int64_t p) { return p < 0; })) return nullptr;
  const int64_t item = size_of(r.output().dtype);
  const int64_t n = r.output().shape.elements();
  const BoxCopy copy{x, byte_strides(x, item), byte_strides(y, item), item, 0};
  int64_t start = 0;
  for (size_t i = 0; i < x.size(); ++i) start += (*pads)[i] * copy.to[i];
  return make_step([=, fill = *fill](RunContext& c) {
    if (item == 4) {
      std::fill(out<uint32_t>(c), out<uint32_t>(c) + n, fill);
    } else {
      std::memset(out<std::byte>(c), static_cast<int>(fill), static_cast<size_t>(n));
    }
    copy.run(in<std::byte>(c, 0), out<std::byte>(c) + start);
  });
}

// Constant indices: rows of the input, in order.
std::unique_ptr<Step> make_gather(const KernelRequest& r, const KernelTable&) {
  const auto& op = r.node().as<Gather>();
  if (!r.is_static() || !moves_stored(r, 0) || op.batch_dims != 0) return nullptr;
  auto indices = constant_ints(r, 1);
  const Dims x = r.input(0).shape.dims();
  if (!indices || x.empty()) return nullptr;
  const auto axis = static_cast<size_t>(normalize_axis(op.axis, static_cast<int64_t>(x.size()), "gather"));
  for (int64_t& i : *indices) {
    if (i < 0) i += x[axis];
    if (i < 0 || i >= x[axis]) return nullptr;
  }
  const int64_t outer = product(x, 0, axis);
  const int64_t width = product(x, axis + 1, x.size()) * size_of(r.output().dtype);
  const int64_t size = x[axis];
  return make_step([=, indices = std::move(*indices)](RunContext& c) {
    auto* to = out<std::byte>(c);
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i : indices) {
        std::memcpy(to, in<std::byte>(c, 0) + (o * size + i) * width, static_cast<size_t>(width));
        to += width;
      }
    }
  });
}

}  // namespace hone::cpu
