#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "ops/control.h"
#include "ops/subgraph.h"

namespace hone {

namespace {

int64_t entry(const std::vector<int64_t>& list, size_t i) { return i < list.size() ? list[i] : 0; }

/// How an axis divides a tensor: `outer` blocks of `count` slices of `bytes` each.
struct Cut {
  int64_t outer = 1, count = 1;
  size_t bytes = 1;
};

Cut cut_at(const Tensor& x, int64_t axis) {
  Cut cut{.count = x.dim(axis), .bytes = static_cast<size_t>(size_of(x.dtype()))};
  for (int64_t i = 0; i < axis; ++i) cut.outer *= x.dim(i);
  for (int64_t i = axis + 1; i < x.rank(); ++i) cut.bytes *= static_cast<size_t>(x.dim(i));
  return cut;
}

Tensor slice_at(const Tensor& x, int64_t axis, int64_t index) {
  const Cut cut = cut_at(x, axis);
  Dims dims = x.dims();
  dims.erase(dims.begin() + axis);
  Tensor out = Tensor::empty(x.dtype(), std::move(dims), x.quant());
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(out.mutable_raw());
  for (int64_t o = 0; o < cut.outer && cut.bytes > 0; ++o)
    std::memcpy(to + static_cast<size_t>(o) * cut.bytes, from + static_cast<size_t>(o * cut.count + index) * cut.bytes,
                cut.bytes);
  return out;
}

Tensor stack_at(const std::vector<Tensor>& parts, int64_t axis, bool is_reversed, const TensorType& element) {
  Dims dims;
  if (!parts.empty()) dims = parts[0].dims();
  for (int64_t i = 0; parts.empty() && element.shape.has_rank() && i < element.shape.rank(); ++i)
    dims.push_back(element.shape[i].is_known() ? element.shape[i].value() : 0);
  const int64_t at = normalize_axis(axis, static_cast<int64_t>(dims.size()) + 1, "scan: output axis");
  dims.insert(dims.begin() + at, static_cast<int64_t>(parts.size()));
  Tensor out = Tensor::empty(element.dtype, dims, parts.empty() ? nullptr : parts[0].quant());
  if (parts.empty()) return out;
  const Cut cut = cut_at(out, at);
  auto* to = static_cast<char*>(out.mutable_raw());
  for (size_t p = 0; p < parts.size(); ++p) {
    const size_t place = is_reversed ? parts.size() - 1 - p : p;
    if (parts[p].dims() != parts[0].dims()) throw invalid_argument("scan: an output changes its shape");
    const auto* from = static_cast<const char*>(parts[p].raw());
    for (int64_t o = 0; o < cut.outer && cut.bytes > 0; ++o)
      std::memcpy(to + (static_cast<size_t>(o * cut.count) + place) * cut.bytes,
                  from + static_cast<size_t>(o) * cut.bytes, cut.bytes);
  }
  return out;
}

struct Counts {
  size_t states, scanned;
};

Counts counts_of(const Scan& op, size_t inputs, size_t outputs) {
  if (op.num_state < 0 || op.num_scan < 1 || static_cast<size_t>(op.num_state + op.num_scan) > inputs ||
      static_cast<size_t>(op.num_state) > outputs)
    throw invalid_model(cat("scan: ", op.num_state, " states and ", op.num_scan, " scanned inputs of ",
                            static_cast<int64_t>(inputs), " inputs in all"));
  return {static_cast<size_t>(op.num_state), static_cast<size_t>(op.num_scan)};
}

void infer_scan(InferContext& c) {
  if (c.subgraphs().size() != 1) throw invalid_model("scan: expected one subgraph");
  const Scan& op = c.attrs<Scan>();
  const Counts n = counts_of(op, c.input_count(), c.output_count());
  Dim length;
  for (size_t i = 0; i < n.scanned; ++i) {
    const Shape& shape = c.shape(n.states + i);
    if (!shape.has_rank()) continue;
    const Dim& dim = shape[normalize_axis(entry(op.scan_input_axes, i), shape.rank(), "scan: input axis")];
    if (length.is_known() && dim.is_known() && !(length == dim))
      throw invalid_model(cat("scan: inputs are ", length.value(), " and ", dim.value(), " long"));
    if (!length.is_known()) length = dim;
  }
  for (size_t i = 0; i < c.output_count(); ++i) {
    const TensorType type = subgraph_output(c.subgraphs()[0], i);
    if (i < n.states) {
      c.output(i, type.dtype, common_shape(type.shape, c.shape(i)));
      continue;
    }
    Shape shape = type.shape;
    if (shape.has_rank()) {
      const int64_t axis =
          normalize_axis(entry(op.scan_output_axes, i - n.states), shape.rank() + 1, "scan: output axis");
      shape.list().insert(shape.list().begin() + axis, length);
    }
    c.output(i, type.dtype, std::move(shape));
  }
}

void eval_scan(EvalContext& c) {
  const Scan& op = c.op<Scan>();
  const Counts n = counts_of(op, c.inputs.size(), c.outputs.size());
  const Graph& body = c.subgraphs[0];
  std::vector<int64_t> axes;
  int64_t length = 0;
  for (size_t i = 0; i < n.scanned; ++i) {
    const Tensor& x = c.in(n.states + i);
    axes.push_back(normalize_axis(entry(op.scan_input_axes, i), x.rank(), "scan: input axis"));
    if (i > 0 && x.dim(axes[i]) != length)
      throw invalid_argument(cat("scan: inputs are ", length, " and ", x.dim(axes[i]), " long"));
    length = x.dim(axes[i]);
  }
  std::vector<Tensor> state(c.inputs.begin(), c.inputs.begin() + static_cast<int64_t>(n.states));
  std::vector<std::vector<Tensor>> made(c.outputs.size() - n.states);
  for (int64_t t = 0; t < length; ++t) {
    std::vector<Tensor> inputs = state;
    for (size_t i = 0; i < n.scanned; ++i) {
      const bool is_reversed = entry(op.scan_input_directions, i) != 0;
      inputs.push_back(slice_at(c.in(n.states + i), axes[i], is_reversed ? length - 1 - t : t));
    }
    inputs.insert(inputs.end(), c.inputs.begin() + static_cast<int64_t>(n.states + n.scanned), c.inputs.end());
    std::vector<Tensor> results = run_subgraph(c, 0, std::move(inputs), c.seed + static_cast<uint64_t>(t));
    for (size_t i = 0; i < n.states; ++i) state[i] = results.at(i);
    for (size_t i = 0; i < made.size(); ++i) made[i].push_back(results.at(n.states + i));
  }
  for (size_t i = 0; i < n.states; ++i) c.outputs[i] = as_wanted(state[i], c.output_types[i]);
  for (size_t i = 0; i < made.size(); ++i) {
    const Tensor whole = stack_at(made[i], entry(op.scan_output_axes, i), entry(op.scan_output_directions, i) != 0,
                                  subgraph_output(body, n.states + i));
    c.outputs[n.states + i] = as_wanted(whole, c.output_types[n.states + i]);
  }
}

}  // namespace

constinit const OpDef Scan::def{.name = Scan::kName,
                                .attrs = &attr_type<Scan>(),
                                .min_inputs = 1,
                                .max_inputs = -1,
                                .min_outputs = 0,
                                .max_outputs = -1,
                                .infer = infer_scan,
                                .eval = eval_scan};

}  // namespace hone
