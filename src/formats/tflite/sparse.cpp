#include "formats/tflite/sparse.h"

#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"

namespace hone::tflite {

namespace {

template <class V>
std::vector<int64_t> widened(const V* table) {
  if (!table || !table->values()) return {};
  return {table->values()->begin(), table->values()->end()};
}

std::vector<int64_t> index_list(fb::SparseIndexVector kind, const void* table) {
  switch (kind) {
    case fb::SparseIndexVector::Int32Vector:
      return widened(static_cast<const fb::Int32Vector*>(table));
    case fb::SparseIndexVector::Uint16Vector:
      return widened(static_cast<const fb::Uint16Vector*>(table));
    case fb::SparseIndexVector::Uint8Vector:
      return widened(static_cast<const fb::Uint8Vector*>(table));
    default:
      return {};
  }
}

/// One level of storage: dense with `extent` entries, or compressed.
struct Level {
  bool is_dense = true;
  int64_t extent = 0;
  int64_t axis = 0;    ///< tensor dimension it walks
  int64_t factor = 1;  ///< what one step is worth on that axis
  std::vector<int64_t> segments, indices;
};

class Densifier {
 public:
  Densifier(std::vector<Level> levels, std::span<const std::byte> values, Tensor& out)
      : levels_(std::move(levels)), strides_(strides_of(out.dims())), values_(values), out_(out) {
    size_ = static_cast<size_t>(size_of(out.dtype()));
    count_ = static_cast<int64_t>(values.size() / size_);
  }

  void walk(size_t level, int64_t position, int64_t offset) {
    if (level == levels_.size()) return store(position, offset);
    const Level& l = levels_[level];
    const int64_t step = l.factor * strides_[static_cast<size_t>(l.axis)];
    if (l.is_dense) {
      for (int64_t i = 0; i < l.extent; ++i) walk(level + 1, position * l.extent + i, offset + i * step);
      return;
    }
    if (position + 1 >= static_cast<int64_t>(l.segments.size()))
      throw invalid_model(cat("sparse tensor: level ", level, " has too few segments"));
    for (int64_t j = l.segments[static_cast<size_t>(position)]; j < l.segments[static_cast<size_t>(position) + 1]; ++j)
      walk(level + 1, j, offset + l.indices[static_cast<size_t>(j)] * step);
  }

 private:
  void store(int64_t position, int64_t offset) {
    if (position >= count_)
      throw invalid_model(cat("sparse tensor: found ", count_, " values, expected more than ", position));
    std::memcpy(static_cast<char*>(out_.mutable_raw()) + static_cast<size_t>(offset) * size_,
                values_.data() + static_cast<size_t>(position) * size_, size_);
  }

  std::vector<Level> levels_;
  Dims strides_;
  std::span<const std::byte> values_;
  Tensor& out_;
  size_t size_ = 1;
  int64_t count_ = 0;
};

void read_compressed(Level& level, const fb::DimensionMetadata& meta, size_t number) {
  level.is_dense = false;
  level.segments = index_list(meta.array_segments_type(), meta.array_segments());
  level.indices = index_list(meta.array_indices_type(), meta.array_indices());
  auto fail = [&](const char* what) { throw invalid_model(cat("sparse tensor: level ", number, " has ", what)); };
  if (level.segments.empty() || level.segments.front() != 0) fail("segments that do not begin at 0");
  for (size_t i = 1; i < level.segments.size(); ++i)
    if (level.segments[i] < level.segments[i - 1]) fail("segments that run backwards");
  if (level.segments.back() > static_cast<int64_t>(level.indices.size())) fail("segments beyond its indices");
  for (const int64_t index : level.indices)
    if (index < 0 || index >= level.extent) fail("an index outside its dimension");
}

/// Extents and axes of the levels before their order is applied: tensor dims, then block dims.
std::vector<Level> unordered_levels(const fb::SparsityParameters& sparsity, const Dims& dims) {
  const size_t rank = dims.size();
  const size_t blocks = sparsity.block_map() ? sparsity.block_map()->size() : 0;
  std::vector<Level> levels(rank + blocks);
  for (size_t i = 0; i < rank; ++i) {
    levels[i].axis = static_cast<int64_t>(i);
    levels[i].extent = dims[i];
  }
  for (size_t b = 0; b < blocks; ++b) {
    const int64_t axis = sparsity.block_map()->Get(static_cast<flatbuffers::uoffset_t>(b));
    if (axis < 0 || axis >= static_cast<int64_t>(rank))
      throw invalid_model(cat("sparse tensor: block_map names dimension ", axis, " of ", rank));
    levels[rank + b].axis = axis;
  }
  return levels;
}

std::vector<Level> read_levels(const fb::SparsityParameters& sparsity, const Dims& dims) {
  std::vector<Level> all = unordered_levels(sparsity, dims);
  const size_t rank = dims.size();
  const auto* order = sparsity.traversal_order();
  const auto* metas = sparsity.dim_metadata();
  if (!order || !metas || order->size() != all.size() || metas->size() != all.size())
    throw invalid_model(cat("sparse tensor: traversal order and metadata must have ", all.size(), " entries"));
  std::vector<bool> seen(all.size(), false);
  for (const int32_t index : *order) {
    if (index < 0 || static_cast<size_t>(index) >= all.size() || seen[static_cast<size_t>(index)])
      throw invalid_model("sparse tensor: traversal order is no permutation");
    seen[static_cast<size_t>(index)] = true;
  }
  // Blocks are stored densely: their sizes tell how the tensor dimension they belong to is divided.
  for (flatbuffers::uoffset_t i = 0; i < order->size(); ++i) {
    const size_t index = static_cast<size_t>(order->Get(i));
    if (index < rank) continue;
    Level& block = all[index];
    Level& outer = all[static_cast<size_t>(block.axis)];
    block.extent = metas->Get(i)->dense_size();
    if (metas->Get(i)->format() != fb::DimensionType::DENSE || block.extent <= 0 || outer.factor != 1 ||
        outer.extent % block.extent != 0)
      throw invalid_model(cat("sparse tensor: a block of ", block.extent, " does not divide dimension ", block.axis));
    outer.extent /= block.extent;
    outer.factor = block.extent;
  }
  std::vector<Level> levels;
  for (flatbuffers::uoffset_t i = 0; i < order->size(); ++i) {
    Level level = all[static_cast<size_t>(order->Get(i))];
    const fb::DimensionMetadata& meta = *metas->Get(i);
    if (meta.format() == fb::DimensionType::SPARSE_CSR)
      read_compressed(level, meta, i);
    else if (meta.dense_size() != level.extent)
      throw invalid_model(
          cat("sparse tensor: level ", i, " has size ", meta.dense_size(), ", expected ", level.extent));
    levels.push_back(std::move(level));
  }
  return levels;
}

}  // namespace

Tensor densify(const fb::SparsityParameters& sparsity, std::span<const std::byte> values, DType dtype, Dims dims,
               QuantPtr quant) {
  if (dtype == DType::kI4 || dtype == DType::kBool)
    throw unsupported(cat("sparse tensor of ", to_string(dtype), ", expected floats or bytes"));
  std::vector<Level> levels = read_levels(sparsity, dims);
  Tensor out = Tensor::zeros(dtype, std::move(dims), std::move(quant));
  if (out.quant() && out.quant()->is_per_tensor() && out.quant()->zero_point() != 0)
    throw unsupported("sparse tensor with a zero point, expected symmetric quantization");
  if (out.elements() > 0) Densifier(std::move(levels), values, out).walk(0, 0, 0);
  return out;
}

}  // namespace hone::tflite
