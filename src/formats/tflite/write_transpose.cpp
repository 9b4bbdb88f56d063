#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "formats/tflite/write_node.h"

namespace hone::tflite {

namespace {

constexpr size_t kMostTransposed = 5;

/// A permutation of axes without those of size 1, neighbours that stay neighbours as one.
struct Folded {
  Dims dims;
  std::vector<int64_t> perm;
};

Folded folded(const Dims& dims, const std::vector<int64_t>& perm) {
  std::vector<std::vector<int64_t>> runs;  // of axes of x, in the order of y
  int64_t last = -1;
  for (const int64_t axis : perm) {
    if (dims[static_cast<size_t>(axis)] == 1) continue;
    bool follows = last >= 0 && axis > last;
    for (int64_t between = last + 1; follows && between < axis; ++between)
      follows = dims[static_cast<size_t>(between)] == 1;
    if (!follows) runs.emplace_back();
    runs.back().push_back(axis);
    last = axis;
  }
  std::vector<size_t> order(runs.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return runs[a][0] < runs[b][0]; });
  Folded f{Dims(runs.size(), 1), std::vector<int64_t>(runs.size())};
  for (size_t i = 0; i < order.size(); ++i) {
    for (const int64_t axis : runs[order[i]]) f.dims[i] *= dims[static_cast<size_t>(axis)];
    f.perm[order[i]] = static_cast<int64_t>(i);
  }
  return f;
}

int64_t product(const Dims& dims, const std::vector<int64_t>& axes, size_t first, size_t end) {
  int64_t result = 1;
  for (size_t i = first; i < end; ++i) result *= dims[static_cast<size_t>(axes[i])];
  return result;
}

}  // namespace

void WriteNode::transpose(TensorIndex from, TensorIndex to, const std::vector<int64_t>& perm) {
  if (perm.size() > kMostTransposed) return transpose_folded(from, to, perm);
  const Versions versions{.f32 = 1, .i8 = 2, .i16 = 4};
  const int32_t version = perm.size() > 4 ? std::max(5, versions.of(type_of(to))) : versions.of(type_of(to));
  emit(fb::BuiltinOperator::TRANSPOSE, version, fb::TransposeOptionsT(), {from, add_ints(perm, "perm")}, {to});
}

/// More axes than the kernel takes: as few as they amount to, or moved to their places one by one.
void WriteNode::transpose_folded(TensorIndex from, TensorIndex to, const std::vector<int64_t>& perm) {
  const TensorType type = type_of(from);
  if (!type.shape.is_static())
    throw unsupported(cat("transposing ", type.shape, ", expected known sizes for more than five axes"));
  const Folded f = folded(type.shape.dims(), perm);
  const auto shaped = [&](const Dims& dims, const char* name) { return temp({type.dtype, dims, type.quant}, name); };
  const auto turned = [&](TensorIndex x, const Dims& dims, const std::vector<int64_t>& order) {
    Dims result;
    for (const int64_t axis : order) result.push_back(dims[static_cast<size_t>(axis)]);
    const TensorIndex folded_x = shaped(dims, "folded"), y = shaped(result, "turned");
    reshape(x, folded_x);
    transpose(folded_x, y, order);
    return y;
  };
  if (f.perm.size() <= kMostTransposed) return reshape(turned(from, f.dims, f.perm), to);
  std::vector<int64_t> order(f.perm.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  TensorIndex at = from;
  for (size_t i = 0; i < order.size(); ++i) {
    const auto found = std::find(order.begin(), order.end(), f.perm[i]);
    const auto j = static_cast<size_t>(found - order.begin());
    if (j == i) continue;
    at = turned(at,
                {product(f.dims, order, 0, i), product(f.dims, order, i, j), product(f.dims, order, j, j + 1),
                 product(f.dims, order, j + 1, order.size())},
                {0, 2, 1, 3});
    std::rotate(order.begin() + static_cast<int64_t>(i), found, found + 1);
  }
  reshape(at, to);
}

}  // namespace hone::tflite
