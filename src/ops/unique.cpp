#include <algorithm>
#include <cstring>
#include <map>
#include <numeric>

#include "ops/lanes.h"
#include "ops/movement.h"
#include "ops/strided.h"

namespace hone {

namespace {

void infer_unique(InferContext& c) {
  const Unique& op = c.attrs<Unique>();
  const Shape& x = c.shape(0);
  Shape out{Dim()};
  if (op.has_axis) {
    out = x;
    if (x.has_rank()) out[axis_of(Unique::kName, op.axis, x.rank())] = Dim();
  }
  c.output(0, c.dtype(0), std::move(out));
  for (size_t i = 1; i < 4; ++i) c.output(i, DType::kI64, Shape{Dim()});
}

/// Groups of equal slices: for each group the first position, for each position its group.
struct Groups {
  std::vector<int64_t> first, of, counts;
};

/// `compare(i, j)`: negative, 0 or positive as slice i comes before, equals or comes after slice j.
template <class Compare>
Groups group(int64_t n, bool sorted, Compare&& compare) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
    const int sign = compare(i, j);
    return sign < 0 || (sign == 0 && i < j);
  });
  Groups g;
  g.of.assign(static_cast<size_t>(n), 0);
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || compare(order[i - 1], order[i]) != 0) {
      g.first.push_back(order[i]);
      g.counts.push_back(0);
    }
    ++g.counts.back();
    g.of[static_cast<size_t>(order[i])] = static_cast<int64_t>(g.first.size()) - 1;
  }
  if (sorted) return g;
  // Renumber by first occurrence.
  std::vector<size_t> by_first(g.first.size());
  std::iota(by_first.begin(), by_first.end(), size_t(0));
  std::sort(by_first.begin(), by_first.end(), [&](size_t a, size_t b) { return g.first[a] < g.first[b]; });
  Groups out;
  std::vector<int64_t> renumbered(by_first.size());
  for (size_t i = 0; i < by_first.size(); ++i) {
    renumbered[by_first[i]] = static_cast<int64_t>(i);
    out.first.push_back(g.first[by_first[i]]);
    out.counts.push_back(g.counts[by_first[i]]);
  }
  for (int64_t of : g.of) out.of.push_back(renumbered[static_cast<size_t>(of)]);
  return out;
}

void eval_unique(EvalContext& c) {
  const Unique& op = c.op<Unique>();
  const Tensor x = op.has_axis ? c.in(0) : c.in(0).reshaped({c.in(0).elements()});
  const Lanes lanes(x.dims(), op.has_axis ? axis_of(Unique::kName, op.axis, x.rank()) : 0);
  Groups groups;
  Anything::dispatch(Unique::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const T* in = x.data<T>().data();
    groups = group(lanes.length, op.sorted, [&](int64_t i, int64_t j) {
      for (int64_t lane = 0; lane < lanes.count; ++lane) {
        const int64_t start = lane / lanes.step * lanes.step * lanes.length + lane % lanes.step;
        const T a = in[start + i * lanes.step], b = in[start + j * lanes.step];
        if (orders_before(a, b)) return -1;
        if (orders_before(b, a)) return 1;
      }
      return 0;
    });
  });
  Dims dims = x.dims();
  const int64_t n = static_cast<int64_t>(groups.first.size());
  dims[static_cast<size_t>(lanes.axis)] = n;
  Tensor& y = c.make_output(0, x.dtype(), dims);
  const int64_t width = lanes.step * size_of(x.dtype()), outer = lanes.count / std::max<int64_t>(lanes.step, 1);
  if (y.elements() > 0)
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t i = 0; i < n; ++i)
        std::memcpy(
            static_cast<char*>(y.mutable_raw()) + (o * n + i) * width,
            static_cast<const char*>(x.raw()) + (o * lanes.length + groups.first[static_cast<size_t>(i)]) * width,
            static_cast<size_t>(width));
  const std::vector<int64_t>* const lists[] = {&groups.first, &groups.of, &groups.counts};
  for (size_t i = 1; i < c.outputs.size(); ++i) {
    const std::vector<int64_t>& list = *lists[i - 1];
    c.outputs[i] = Tensor::of<int64_t>({static_cast<int64_t>(list.size())}, std::span<const int64_t>(list));
  }
}

}  // namespace

constinit const OpDef Unique::def = [] {
  OpDef def = mover<Unique>(infer_unique, eval_unique, 1, 1);
  def.max_outputs = 4;
  return def;
}();

}  // namespace hone
