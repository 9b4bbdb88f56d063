#include "serve/batch.h"

#include <algorithm>
#include <cstring>

#include "passes/check.h"
#include "runtime/session.h"

namespace hone {

namespace {

bool has_free_rows(const TensorType& type) {
  const Shape& shape = type.shape;
  if (!shape.has_rank() || shape.rank() < 1 || shape[0].is_known()) return false;
  for (int64_t i = 1; i < shape.rank(); ++i)
    if (!shape[i].is_known()) return false;
  return !type.quant || type.quant->is_per_tensor() || type.quant->axis != 0;
}

/// Whether `rows` tensors of one row are what `all` has in its rows.
bool are_rows(std::span<const Tensor> all, std::span<const std::vector<Tensor>> rows) {
  for (const Tensor& t : all)
    if (t.rank() < 1 || t.dim(0) != static_cast<int64_t>(rows.size())) return false;
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::vector<Tensor> row = row_of(all, static_cast<int64_t>(r));
    for (size_t i = 0; i < row.size(); ++i)
      if (!identical(row[i], rows[r][i])) return false;
  }
  return true;
}

std::vector<Tensor> clones(std::span<const Tensor> tensors) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) out.push_back(t.clone());
  return out;
}

}  // namespace

bool has_free_rows(const Graph& graph) {
  const auto is_free = [&](ValueId id) { return has_free_rows(graph.type(id)); };
  return graph.states().empty() && !graph.inputs().empty() && !graph.outputs().empty() &&
         std::all_of(graph.inputs().begin(), graph.inputs().end(), is_free) &&
         std::all_of(graph.outputs().begin(), graph.outputs().end(), is_free);
}

int64_t proven_batch(const std::shared_ptr<const Program>& program, int64_t wanted) {
  wanted = std::min(wanted, kMaxBatch);
  if (wanted < 2 || !has_free_rows(program->graph())) return 1;
  Session session(program);
  std::vector<std::vector<Tensor>> inputs, answers;
  std::vector<const std::vector<Tensor>*> rows;
  int64_t proven = 1;
  for (int64_t size = 2; size <= wanted; size *= 2) {
    while (static_cast<int64_t>(inputs.size()) < size) {
      inputs.push_back(generate_inputs(program->graph(), inputs.size(), 1));
      answers.push_back(clones(session.run(inputs.back())));
    }
    rows.clear();
    for (const std::vector<Tensor>& input : inputs) rows.push_back(&input);
    if (!are_rows(session.run(joined_rows(rows)), answers)) break;
    proven = size;
  }
  return proven;
}

std::vector<Tensor> joined_rows(std::span<const std::vector<Tensor>* const> rows) {
  std::vector<Tensor> out;
  for (size_t i = 0; i < rows.front()->size(); ++i) {
    const Tensor& first = (*rows.front())[i];
    Dims dims = first.dims();
    dims[0] = static_cast<int64_t>(rows.size());
    Tensor all = Tensor::empty(first.dtype(), std::move(dims), first.quant());
    const auto size = static_cast<size_t>(first.byte_size());
    for (size_t r = 0; r < rows.size(); ++r)
      if (size > 0) std::memcpy(static_cast<char*>(all.mutable_raw()) + r * size, (*rows[r])[i].raw(), size);
    out.push_back(std::move(all));
  }
  return out;
}

std::vector<Tensor> row_of(std::span<const Tensor> tensors, int64_t row) {
  std::vector<Tensor> out;
  for (const Tensor& t : tensors) {
    Dims dims = t.dims();
    dims[0] = 1;
    const int64_t size = t.byte_size() / t.dim(0);
    out.push_back(Tensor::view(t.dtype(), std::move(dims), static_cast<const char*>(t.raw()) + row * size,
                               std::make_shared<Tensor>(t), t.quant()));
  }
  return out;
}

}  // namespace hone
