#include <optional>

#include "ops/binary.h"
#include "ops/elementwise.h"

namespace hone {

namespace {

void infer_where(InferContext& c) {
  c.output(0, c.dtype(1), broadcast_of(Where::kName, broadcast_of(Where::kName, c.shape(0), c.shape(1)), c.shape(2)));
}

void eval_where(EvalContext& c) {
  const Tensor &k = c.in(0), &a = c.in(1), &b = c.in(2);
  const Dims dims = broadcast(broadcast(k.dims(), a.dims()), b.dims());
  Tensor& y = c.make_output(0, a.dtype(), dims);
  const bool* pick = k.data<bool>().data();
  dispatch_size(a.dtype(), [&]<class U>(std::type_identity<U>) {
    const auto *from_a = static_cast<const U*>(a.raw()), *from_b = static_cast<const U*>(b.raw());
    auto* out = static_cast<U*>(y.mutable_raw());
    BroadcastLoop<3>(dims, {&k.dims(), &a.dims(), &b.dims()})
        .rows([&](int64_t o, const auto& at, const auto& step, int64_t n) {
          for (int64_t i = 0; i < n; ++i)
            out[o + i] = pick[at[0] + i * step[0]] ? from_a[at[1] + i * step[1]] : from_b[at[2] + i * step[2]];
        });
  });
}

void infer_clip(InferContext& c) {
  for (size_t i : {1, 2}) {
    if (!c.has_input(i)) continue;
    if (const auto n = known_length(Clip::kName, c, i); n && *n != 1)
      throw op_error(Clip::kName, cat("bound ", i, " has ", *n, " elements, expected one"));
  }
  c.output(0, c.dtype(0), c.shape(0));
}

void eval_clip(EvalContext& c) {
  const Tensor& x = c.in(0);
  Tensor& y = c.make_output(0, x.dtype(), x.dims());
  Numbers::dispatch(Clip::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
    const auto bound = [&](size_t i) -> std::optional<T> {
      if (!c.has(i)) return std::nullopt;
      if (c.in(i).elements() != 1) throw invalid_argument("clip: a bound has not exactly one element");
      return c.in(i).data<T>()[0];
    };
    const auto min = bound(1), max = bound(2);
    const auto in = x.data<T>();
    auto out = y.mutable_data<T>();
    for (size_t i = 0; i < in.size(); ++i) {
      T v = in[i];
      if (min && v < *min) v = *min;
      if (max && v > *max) v = *max;
      out[i] = v;
    }
  });
}

constexpr InputRule kWhereInputs[] = {
    {.name = "condition", .dtypes = Bools::kSet}, {.name = "a"}, {.name = "b", .same_dtype_as = 1}};

constexpr InputRule kClipInputs[] = {
    {.name = "x", .dtypes = Numbers::kSet}, {.name = "min", .same_dtype_as = 0}, {.name = "max", .same_dtype_as = 0}};

}  // namespace

constinit const OpDef Where::def{.name = Where::kName,
                                 .attrs = &attr_type<Where>(),
                                 .min_inputs = 3,
                                 .max_inputs = 3,
                                 .infer = infer_where,
                                 .eval = eval_where,
                                 .elementwise = true,
                                 .inputs = kWhereInputs};

constinit const OpDef Clip::def{.name = Clip::kName,
                                .attrs = &attr_type<Clip>(),
                                .min_inputs = 1,
                                .max_inputs = 3,
                                .infer = infer_clip,
                                .eval = eval_clip,
                                .elementwise = true,
                                .inputs = kClipInputs};

}  // namespace hone
