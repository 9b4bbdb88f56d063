#include "ops/recurrent.h"

#include "base/checked.h"
#include "ops/gate_activation.h"
#include "ops/kernel.h"

namespace hone {
namespace {

/// G and the inputs that only some cells have.
template <class Op>
constexpr int64_t kGates = std::is_same_v<Op, Rnn>   ? 1
                           : std::is_same_v<Op, Gru> ? 3
                                                     : 4;

template <class Op>
int64_t directions(const Op& op) {
  return op.direction == Direction::bidirectional ? 2 : 1;
}

template <class Op>
std::vector<std::string> default_activations() {
  if constexpr (std::is_same_v<Op, Rnn>)
    return {"Tanh"};
  else if constexpr (std::is_same_v<Op, Gru>)
    return {"Sigmoid", "Tanh"};
  else
    return {"Sigmoid", "Tanh", "Tanh"};
}

template <class Op>
std::vector<GateActivation> activations_of(const Op& op, int64_t direction) {
  const GateActivationSpec spec{Op::kName, op.activations, op.activation_alpha, op.activation_beta, op.clip};
  const auto defaults = default_activations<Op>();
  return gate_activations(spec, static_cast<size_t>(direction) * defaults.size(), defaults);
}

void check_shape(std::string_view op, const InferContext& ctx, size_t i, const char* name, const Shape& expected) {
  if (ctx.has_input(i) && !compatible(ctx.shape(i), expected))
    throw op_error(op, cat(name, " has shape ", ctx.shape(i), ", expected ", expected));
}

/// H by the attribute, or by the recurrent weights.
template <class Op>
Dim hidden_size(const InferContext& ctx) {
  const int64_t declared = ctx.attrs<Op>().hidden_size;
  if (declared < 0 || declared > int64_t(1) << 31) throw op_error(Op::kName, cat("hidden_size is ", declared));
  const Shape& r = ctx.shape(2);
  if (declared > 0) return declared;
  return r.has_rank() && r.rank() == 3 ? r[2] : Dim();
}

template <class Op>
void infer(InferContext& ctx) {
  const Op& op = ctx.attrs<Op>();
  constexpr bool kIsLstm = std::is_same_v<Op, Lstm>;
  const Shape& x = ctx.shape(0);
  if (!compatible(x, Shape::unknown_of_rank(3))) throw op_error(Op::kName, cat("x has shape ", x, ", expected rank 3"));
  const Dim hidden = hidden_size<Op>(ctx), d = directions(op);
  auto times = [&](int64_t n) { return hidden.is_known() ? Dim(hidden.value() * n) : Dim(); };
  const Dim time = x.has_rank() ? x[op.batch_first ? 1 : 0] : Dim();
  const Dim batch = x.has_rank() ? x[op.batch_first ? 0 : 1] : Dim();
  check_shape(Op::kName, ctx, 1, "weight", {d, times(kGates<Op>), x.has_rank() ? x[2] : Dim()});
  check_shape(Op::kName, ctx, 2, "recurrent weight", {d, times(kGates<Op>), hidden});
  check_shape(Op::kName, ctx, 3, "bias", {d, times(2 * kGates<Op>)});
  check_shape(Op::kName, ctx, 4, "lengths", {batch});
  const Shape state = op.batch_first ? Shape{batch, d, hidden} : Shape{d, batch, hidden};
  check_shape(Op::kName, ctx, 5, "initial state", state);
  if (kIsLstm) check_shape(Op::kName, ctx, 6, "initial cell", state);
  if (kIsLstm) check_shape(Op::kName, ctx, 7, "peephole weight", {d, times(3)});
  for (int64_t i = 0; i < d.value(); ++i) activations_of(op, i);
  ctx.output(0, ctx.dtype(0), op.batch_first ? Shape{batch, time, d, hidden} : Shape{time, d, batch, hidden});
  for (size_t i = 1; i < ctx.output_count(); ++i) ctx.output(i, ctx.dtype(0), state);
}

template <class T>
T dot(const T* a, const T* b, int64_t n) {
  T sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// Parameters of one direction and the state of one sequence.
template <class T>
struct Cell {
  int64_t inputs = 0, hidden = 0;
  const T* w = nullptr;         ///< [G·H, I]
  const T* r = nullptr;         ///< [G·H, H]
  const T* bias = nullptr;      ///< [2·G·H]: of w, then of r; or null
  const T* peephole = nullptr;  ///< [3·H]: i o f; or null
  int64_t gates = 1;
  std::vector<GateActivation> act;
  std::vector<T> h, c, next;

  T input_sum(int64_t gate, int64_t j, const T* x) const {
    const int64_t row = gate * hidden + j;
    return dot(w + row * inputs, x, inputs) + (bias ? bias[row] : T(0));
  }
  T state_sum(int64_t gate, int64_t j, const T* state) const {
    const int64_t row = gate * hidden + j;
    return dot(r + row * hidden, state, hidden) + (bias ? bias[gates * hidden + row] : T(0));
  }
  T sum(int64_t gate, int64_t j, const T* x) const { return input_sum(gate, j, x) + state_sum(gate, j, h.data()); }
  T apply(size_t function, T value) const { return static_cast<T>(act[function](static_cast<double>(value))); }
};

template <class T>
void step(const Rnn&, Cell<T>& cell, const T* x) {
  for (int64_t j = 0; j < cell.hidden; ++j) cell.next[static_cast<size_t>(j)] = cell.apply(0, cell.sum(0, j, x));
  cell.h = cell.next;
}

template <class T>
void step(const Gru& op, Cell<T>& cell, const T* x) {
  constexpr int64_t kUpdate = 0, kReset = 1, kHidden = 2;
  std::vector<T> reset(static_cast<size_t>(cell.hidden)), gated(reset.size());
  for (int64_t j = 0; j < cell.hidden; ++j) {
    const size_t k = static_cast<size_t>(j);
    reset[k] = cell.apply(0, cell.sum(kReset, j, x));
    gated[k] = reset[k] * cell.h[k];
  }
  for (int64_t j = 0; j < cell.hidden; ++j) {
    const size_t k = static_cast<size_t>(j);
    const T update = cell.apply(0, cell.sum(kUpdate, j, x));
    const T recurrent = op.linear_before_reset ? reset[k] * cell.state_sum(kHidden, j, cell.h.data())
                                               : cell.state_sum(kHidden, j, gated.data());
    const T candidate = cell.apply(1, cell.input_sum(kHidden, j, x) + recurrent);
    cell.next[k] = (1 - update) * candidate + update * cell.h[k];
  }
  cell.h = cell.next;
}

template <class T>
void step(const Lstm& op, Cell<T>& cell, const T* x) {
  constexpr int64_t kInput = 0, kOutput = 1, kForget = 2, kCell = 3;
  const int64_t n = cell.hidden;
  for (int64_t j = 0; j < n; ++j) {
    const size_t k = static_cast<size_t>(j);
    auto peep = [&](int64_t which) { return cell.peephole ? cell.peephole[which * n + j] * cell.c[k] : T(0); };
    const T input = cell.apply(0, cell.sum(kInput, j, x) + peep(0));
    const T forget = op.input_forget ? 1 - input : cell.apply(0, cell.sum(kForget, j, x) + peep(2));
    const T candidate = cell.apply(1, cell.sum(kCell, j, x));
    cell.c[k] = forget * cell.c[k] + input * candidate;
    const T output = cell.apply(0, cell.sum(kOutput, j, x) + peep(1));
    cell.next[k] = output * cell.apply(2, cell.c[k]);
  }
  cell.h = cell.next;
}

/// Sizes and where things lie: steps of x and y in elements.
struct Layout {
  int64_t time, batch, inputs, hidden, directions;
  bool batch_first;
  int64_t x_at(int64_t t, int64_t b) const { return (batch_first ? b * time + t : t * batch + b) * inputs; }
  int64_t y_at(int64_t t, int64_t d, int64_t b) const {
    return (batch_first ? (b * time + t) * directions + d : (t * directions + d) * batch + b) * hidden;
  }
  int64_t state_at(int64_t d, int64_t b) const { return (batch_first ? b * directions + d : d * batch + b) * hidden; }
};

std::vector<int64_t> lengths_of(std::string_view op, const EvalContext& ctx, const Layout& layout) {
  if (!ctx.has(4)) return std::vector<int64_t>(static_cast<size_t>(layout.batch), layout.time);
  std::vector<int64_t> lengths = to_ints(ctx.in(4));
  for (int64_t n : lengths)
    if (n < 0 || n > layout.time)
      throw op_error(op, cat("a sequence of length ", n, " in a batch of length ", layout.time));
  return lengths;
}

/// Elements of input i, null when it is absent.
template <class T>
const T* elements_of(const EvalContext& ctx, size_t i) {
  return ctx.has(i) ? ctx.in(i).data<T>().data() : nullptr;
}

template <class Op, class T>
Cell<T> cell_of(const EvalContext& ctx, const Layout& layout, int64_t direction) {
  const int64_t rows = kGates<Op> * layout.hidden;
  const T *bias = elements_of<T>(ctx, 3), *peephole = elements_of<T>(ctx, 7);
  return {.inputs = layout.inputs,
          .hidden = layout.hidden,
          .w = elements_of<T>(ctx, 1) + direction * rows * layout.inputs,
          .r = elements_of<T>(ctx, 2) + direction * rows * layout.hidden,
          .bias = bias ? bias + direction * 2 * rows : nullptr,
          .peephole = peephole ? peephole + direction * 3 * layout.hidden : nullptr,
          .gates = kGates<Op>,
          .act = activations_of(ctx.op<Op>(), direction),
          .h = {},
          .c = {},
          .next = std::vector<T>(static_cast<size_t>(layout.hidden))};
}

/// Runs one sequence of the batch through the cell and stores every state and the last ones.
template <class Op, class T>
void run_sequence(EvalContext& ctx, const Layout& layout, Cell<T>& cell, int64_t direction, int64_t b, int64_t length) {
  const Op& op = ctx.op<Op>();
  const int64_t state = layout.state_at(direction, b);
  auto initial = [&](const T* from) {
    return from ? std::vector<T>(from + state, from + state + layout.hidden)
                : std::vector<T>(static_cast<size_t>(layout.hidden));
  };
  cell.h = initial(elements_of<T>(ctx, 5));
  cell.c = initial(elements_of<T>(ctx, 6));
  const bool is_reverse = op.direction == Direction::reverse || direction == 1;
  const T* x = elements_of<T>(ctx, 0);
  T* y = ctx.outputs[0].mutable_data<T>().data();
  for (int64_t s = 0; s < length; ++s) {
    const int64_t t = is_reverse ? length - 1 - s : s;
    step(op, cell, x + layout.x_at(t, b));
    std::copy(cell.h.begin(), cell.h.end(), y + layout.y_at(t, direction, b));
  }
  const std::vector<T>* last[] = {&cell.h, &cell.c};
  for (size_t i = 1; i < ctx.outputs.size(); ++i)
    std::copy(last[i - 1]->begin(), last[i - 1]->end(), ctx.outputs[i].mutable_data<T>().data() + state);
}

template <class Op, class T>
void run(EvalContext& ctx) {
  const Op& op = ctx.op<Op>();
  const Tensor& x = ctx.in(0);
  const Layout layout{x.dim(op.batch_first ? 1 : 0),
                      x.dim(op.batch_first ? 0 : 1),
                      x.dim(2),
                      ctx.in(2).dim(2),
                      directions(op),
                      op.batch_first};
  const std::vector<int64_t> lengths = lengths_of(Op::kName, ctx, layout);
  for (size_t i = 0; i < ctx.outputs.size(); ++i) {
    Tensor& y = ctx.make_output(i);
    std::fill_n(y.mutable_data<T>().data(), y.elements(), T(0));
  }
  for (int64_t d = 0; d < layout.directions; ++d) {
    Cell<T> cell = cell_of<Op, T>(ctx, layout, d);
    for (int64_t b = 0; b < layout.batch; ++b)
      run_sequence<Op, T>(ctx, layout, cell, d, b, lengths[static_cast<size_t>(b)]);
  }
}

template <class Op>
void eval(EvalContext& ctx) {
  dispatch_real(lower(Op::kName), ctx.in(0).dtype(), [&]<class T>(std::type_identity<T>) { run<Op, T>(ctx); });
}

template <class Op>
int64_t macs(const Attrs&, std::span<const TensorType* const> in, std::span<const TensorType* const>) {
  const Dims x = in[0]->shape.dims();
  return checked_mul(checked_mul(x[0], x[1]), checked_add(in[1]->shape.elements(), in[2]->shape.elements()));
}

constexpr InputRule kInputs[] = {
    {.name = "x", .dtypes = Floats::kSet, .min_rank = 3, .max_rank = 3},
    {.name = "weight", .same_dtype_as = 0, .min_rank = 3, .max_rank = 3},
    {.name = "recurrent weight", .same_dtype_as = 0, .min_rank = 3, .max_rank = 3},
    {.name = "bias", .same_dtype_as = 0, .min_rank = 2, .max_rank = 2},
    {.name = "lengths", .dtypes = Integers::kSet, .min_rank = 1, .max_rank = 1},
    {.name = "initial state", .same_dtype_as = 0, .min_rank = 3, .max_rank = 3},
    {.name = "initial cell", .same_dtype_as = 0, .min_rank = 3, .max_rank = 3},
    {.name = "peephole weight", .same_dtype_as = 0, .min_rank = 2, .max_rank = 2},
};

template <class Op>
constexpr OpDef recurrent() {
  constexpr bool kIsLstm = std::is_same_v<Op, Lstm>;
  return {.name = Op::kName,
          .attrs = &attr_type<Op>(),
          .min_inputs = 3,
          .max_inputs = kIsLstm ? 8 : 6,
          .max_outputs = kIsLstm ? 3 : 2,
          .infer = infer<Op>,
          .eval = widened<eval<Op>>,
          .macs = macs<Op>,
          .inputs = std::span(kInputs).first(kIsLstm ? 8 : 6)};
}

}  // namespace

constinit const OpDef Rnn::def = recurrent<Rnn>();
constinit const OpDef Gru::def = recurrent<Gru>();
constinit const OpDef Lstm::def = recurrent<Lstm>();

}  // namespace hone
