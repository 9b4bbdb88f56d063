// Positions of extremes, and choice between two tensors.
#include <algorithm>
#include <numeric>

#include "ops/binary.h"
#include "ops/shaping.h"
#include "providers/cpu/rows.h"

namespace hone::cpu {
namespace {

// NaN is largest.
template <class T>
bool is_before(T a, T b) {
  return a < b || (b != b && a == a);
}

struct ArgShape {
  int64_t outer, count, inner;
  bool is_max, selects_last;
};

// The best of `count` values side by side: it stays in a register, and there is no branch to foresee.
template <class T>
int64_t find_extreme(const T* x, const ArgShape& s) {
  T held = x[0];
  int64_t found = 0;
  for (int64_t i = 1; i < s.count; ++i) {
    const T v = x[i];
    const bool is_worse = s.is_max ? is_before(v, held) : is_before(held, v);
    const bool is_better = s.is_max ? is_before(held, v) : is_before(v, held);
    const bool is_taken = is_better | (s.selects_last & !is_worse);
    held = is_taken ? v : held;
    found = is_taken ? i : found;
  }
  return found;
}

// best: [outer, inner] of x: [outer, count, inner]; rows [from, to) of outer.
template <class T, class Index>
void find_extremes(const T* x, Index* best, const ArgShape& s, int64_t from, int64_t to) {
  if (s.inner == 1) {
    for (int64_t o = from; o < to; ++o) best[o] = static_cast<Index>(find_extreme(x + o * s.count, s));
    return;
  }
  for (int64_t o = from; o < to; ++o) {
    const T* lanes = x + o * s.count * s.inner;
    Index* found = best + o * s.inner;
    std::fill_n(found, s.inner, Index{0});
    for (int64_t i = 1; i < s.count; ++i) {
      const T* row = lanes + i * s.inner;
      for (int64_t j = 0; j < s.inner; ++j) {
        const T held = lanes[static_cast<int64_t>(found[j]) * s.inner + j];
        const bool is_worse = s.is_max ? is_before(row[j], held) : is_before(held, row[j]);
        const bool is_better = s.is_max ? is_before(held, row[j]) : is_before(row[j], held);
        if (is_better || (s.selects_last && !is_worse)) found[j] = static_cast<Index>(i);
      }
    }
  }
}

template <class T, class Index>
std::unique_ptr<Step> arg_step(const KernelRequest& r, const ArgShape& s) {
  const int64_t tasks = tasks_for(s.outer * s.count * s.inner, r.threads);
  return make_step([=](RunContext& c) {
    for_tasks(*c.pool, s.outer, tasks,
              [&](int64_t, int64_t from, int64_t to) { find_extremes(in<T>(c, 0), out<Index>(c), s, from, to); });
  });
}

template <class T>
std::unique_ptr<Step> arg_step(const KernelRequest& r, const ArgShape& s) {
  if (r.output().dtype == DType::kI32) return arg_step<T, int32_t>(r, s);
  return r.output().dtype == DType::kI64 ? arg_step<T, int64_t>(r, s) : nullptr;
}

template <class Op>
std::unique_ptr<Step> make_arg(const KernelRequest& r, bool is_max) {
  const auto& op = r.node().as<Op>();
  if (!r.is_static() || r.input(0).shape.rank() == 0 || r.input(0).shape.elements() == 0) return nullptr;
  const Dims x = r.input(0).shape.dims();
  const auto axis = normalize_axis(op.axis, static_cast<int64_t>(x.size()), "arg");
  const auto product = [](auto first, auto last) {
    return std::accumulate(first, last, int64_t{1}, std::multiplies<>());
  };
  const ArgShape s{.outer = product(x.begin(), x.begin() + axis),
                   .count = x[static_cast<size_t>(axis)],
                   .inner = product(x.begin() + axis + 1, x.end()),
                   .is_max = is_max,
                   .selects_last = op.select_last_index};
  if (is_f32(r.input(0))) return arg_step<float>(r, s);
  if (!is_quantized_bytes(r.input(0))) return nullptr;
  return is_unsigned_byte(r.input(0)) ? arg_step<uint8_t>(r, s) : arg_step<int8_t>(r, s);
}

// The last dim of the choice, with the steps of the three inputs along it.
struct ChoiceRun {
  int64_t n = 1, condition = 0, a = 0, b = 0;
};

// Without a branch: conditions are often hard to foresee.
template <class T>
T chosen(uint8_t condition, T a, T b) {
  const T mask = static_cast<T>(T{0} - static_cast<T>(condition != 0));
  return static_cast<T>(b ^ ((a ^ b) & mask));
}

template <class T>
void choose(const uint8_t* condition, const T* a, const T* b, T* y, const ChoiceRun& run) {
  if (run.condition == 1 && run.a == 1 && run.b == 1) {
    for (int64_t i = 0; i < run.n; ++i) y[i] = chosen(condition[i], a[i], b[i]);
    return;
  }
  for (int64_t i = 0; i < run.n; ++i) y[i] = chosen(condition[i * run.condition], a[i * run.a], b[i * run.b]);
}

struct Choice {
  Dims outer;
  Dims strides[3];  // of the outer dims, in elements
  ChoiceRun run;
};

Choice choice_of(const Dims (&inputs)[3], const Dims& y) {
  Dims all[3];
  for (size_t i = 0; i < 3; ++i) all[i] = broadcast_strides(inputs[i], y);
  Choice c;
  for (size_t d = 0; d < y.size(); ++d) {
    if (y[d] == 1) continue;
    bool continues = !c.outer.empty();
    for (size_t i = 0; continues && i < 3; ++i) continues = c.strides[i].back() == all[i][d] * y[d];
    if (continues) {
      c.outer.back() *= y[d];
      for (size_t i = 0; i < 3; ++i) c.strides[i].back() = all[i][d];
      continue;
    }
    c.outer.push_back(y[d]);
    for (size_t i = 0; i < 3; ++i) c.strides[i].push_back(all[i][d]);
  }
  if (c.outer.empty()) return c;
  c.run = {c.outer.back(), c.strides[0].back(), c.strides[1].back(), c.strides[2].back()};
  c.outer.pop_back();
  for (Dims& s : c.strides) s.pop_back();
  return c;
}

template <class T>
std::unique_ptr<Step> where_step(const Choice& choice) {
  return make_step([choice](RunContext& c) {
    Dims index(choice.outer.size());
    T* y = out<T>(c);
    do {
      int64_t at[3] = {};
      for (size_t i = 0; i < 3; ++i) {
        for (size_t d = 0; d < index.size(); ++d) at[i] += index[d] * choice.strides[i][d];
      }
      choose(in<uint8_t>(c, 0) + at[0], in<T>(c, 1) + at[1], in<T>(c, 2) + at[2], y, choice.run);
      y += choice.run.n;
    } while (next_index(index, choice.outer));
  });
}

}  // namespace

std::unique_ptr<Step> make_arg_max(const KernelRequest& r, const KernelTable&) { return make_arg<ArgMax>(r, true); }
std::unique_ptr<Step> make_arg_min(const KernelRequest& r, const KernelTable&) { return make_arg<ArgMin>(r, false); }

std::unique_ptr<Step> make_where(const KernelRequest& r, const KernelTable&) {
  const TensorType& y = r.output();
  if (!r.is_static() || y.shape.elements() == 0) return nullptr;
  for (size_t i : {1, 2}) {
    if (r.input(i).dtype != y.dtype || !same_quant(r.input(i).quant, y.quant)) return nullptr;
  }
  if (y.is_quantized() && !y.quant->is_per_tensor()) return nullptr;
  const Choice choice =
      choice_of({r.input(0).shape.dims(), r.input(1).shape.dims(), r.input(2).shape.dims()}, y.shape.dims());
  switch (size_of(y.dtype)) {
    case 1:
      return where_step<uint8_t>(choice);
    case 2:
      return where_step<uint16_t>(choice);
    case 4:
      return where_step<uint32_t>(choice);
    case 8:
      return where_step<uint64_t>(choice);
    default:
      return nullptr;
  }
}

}  // namespace hone::cpu
