#include <algorithm>
#include <cmath>
#include <random>

#include "base/checked.h"
#include "ops/kernel.h"
#include "ops/movement.h"
#include "ops/random_engine.h"
#include "ops/shaping.h"

namespace hone {

namespace {

/// y[i] = draw(engine), cast to the dtype.
template <class Draw>
void fill(Tensor& y, RandomEngine engine, Draw&& draw) {
  Anything::dispatch("random", y.dtype(), [&]<class T>(std::type_identity<T>) {
    for (T& v : y.mutable_data<T>()) v = static_cast<T>(static_cast<Compute<T>>(draw(engine)));
  });
}

template <class Op>
RandomEngine engine_of(const EvalContext& c) {
  return RandomEngine(random_seed(c.op<Op>().has_seed, c.op<Op>().seed, c.seed));
}

template <class Op>
void infer_shaped(InferContext& c) {
  const Op& op = c.attrs<Op>();
  require_dtype<Floats>(Op::kName, "the result", op.dtype);
  checked_product(op.shape);
  c.output(0, op.dtype, Shape(op.shape));
}

template <class Op, class List>
void infer_like(InferContext& c) {
  const DType dtype = c.attrs<Op>().has_dtype ? c.attrs<Op>().dtype : c.dtype(0);
  require_dtype<List>(Op::kName, "the result", dtype);
  c.output(0, dtype, c.shape(0));
}

template <class Op>
void eval_normal(EvalContext& c) {
  const Op& op = c.op<Op>();
  fill(c.make_output(0), engine_of<Op>(c), [&](RandomEngine& e) { return op.mean + op.scale * e.normal(); });
}

template <class Op>
void eval_uniform(EvalContext& c) {
  const Op& op = c.op<Op>();
  fill(c.make_output(0), engine_of<Op>(c),
       [&](RandomEngine& e) { return op.low + (double(op.high) - double(op.low)) * e.uniform(); });
}

template <class Op>
constexpr OpDef random(void (*infer)(InferContext&), void (*eval)(EvalContext&), int inputs,
                       std::span<const InputRule> rules = {}) {
  OpDef def{.name = Op::kName, .attrs = &attr_type<Op>(), .min_inputs = inputs, .max_inputs = inputs};
  def.inputs = rules;
  def.infer = infer;
  def.eval = eval;
  def.is_random = true;
  return def;
}

void eval_bernoulli(EvalContext& c) {
  const std::vector<double> p = to_doubles(c.in(0));
  size_t i = 0;
  fill(c.make_output(0), engine_of<Bernoulli>(c), [&](RandomEngine& e) { return e.uniform() < p[i++] ? 1.0 : 0.0; });
}

void infer_multinomial(InferContext& c) {
  const Multinomial& op = c.attrs<Multinomial>();
  require_dtype<Indices>(Multinomial::kName, "the result", op.dtype);
  const Shape& x = c.shape(0);
  if (x.has_rank() && x.rank() != 2) throw op_error(Multinomial::kName, cat("x has shape ", x, ", expected [N,C]"));
  if (op.sample_size < 1)
    throw op_error(Multinomial::kName, cat("sample_size ", op.sample_size, ", expected 1 or more"));
  c.output(0, op.dtype, Shape{x.has_rank() ? x[0] : Dim(), Dim(op.sample_size)});
}

/// Draws by inverting the cumulated probabilities e^x / Σ e^x of each row.
void eval_multinomial(EvalContext& c) {
  const Tensor& x = c.in(0);
  const std::vector<double> logits = to_doubles(x);
  const int64_t classes = x.dim(1), samples = c.op<Multinomial>().sample_size;
  if (classes == 0) throw invalid_argument("multinomial: no classes to draw from");
  std::vector<double> cumulated(static_cast<size_t>(classes));
  int64_t drawn = 0;
  Tensor& y = c.make_output(0, c.op<Multinomial>().dtype, {x.dim(0), samples});
  fill(y, engine_of<Multinomial>(c), [&](RandomEngine& e) {
    if (drawn % samples == 0) {
      const double* row = logits.data() + drawn / samples * classes;
      const double max = *std::max_element(row, row + classes);
      double sum = 0;
      for (size_t i = 0; i < cumulated.size(); ++i) cumulated[i] = sum += std::exp(row[i] - max);
    }
    ++drawn;
    const double at = e.uniform() * cumulated.back();
    const auto found = std::upper_bound(cumulated.begin(), cumulated.end(), at) - cumulated.begin();
    return static_cast<double>(std::min<int64_t>(found, classes - 1));
  });
}

bool is_training(const Tensor* mode) { return mode && mode->elements() == 1 && to_ints(*mode)[0] != 0; }

void infer_dropout(InferContext& c) {
  c.output(0, c.dtype(0), c.shape(0));
  c.output(1, DType::kBool, c.shape(0));
}

void eval_dropout(EvalContext& c) {
  const Tensor& x = c.in(0);
  Tensor mask = Tensor::empty(DType::kBool, x.dims());
  auto keep = mask.mutable_data<bool>();
  std::fill(keep.begin(), keep.end(), true);
  const double ratio = c.has(1) && c.in(1).elements() == 1 ? to_doubles(c.in(1))[0] : 0.5;
  if (c.has(2) && is_training(&c.in(2)) && ratio != 0) {
    if (!(ratio > 0 && ratio < 1)) throw invalid_argument(cat("dropout: ratio ", ratio, ", expected 0 to 1"));
    // The draw of ONNX's own reference: MT19937, 53 bits from two words.
    std::mt19937 engine(static_cast<uint32_t>(static_cast<uint64_t>(c.op<Dropout>().seed) + c.seed));
    for (bool& k : keep) {
      const uint32_t high = engine() >> 5, low = engine() >> 6;
      k = (high * 67108864.0 + low) * 0x1p-53 >= ratio;
    }
    Tensor& y = c.make_output(0, x.dtype(), x.dims());
    Floats::dispatch(Dropout::kName, x.dtype(), [&]<class T>(std::type_identity<T>) {
      const auto in = x.data<T>();
      auto out = y.mutable_data<T>();
      for (size_t i = 0; i < in.size(); ++i)
        out[i] = keep[i] ? static_cast<T>(static_cast<Compute<T>>(static_cast<Compute<T>>(in[i]) / (1 - ratio))) : T();
    });
  } else {
    c.outputs[0] = x;
  }
  if (c.outputs.size() > 1) c.outputs[1] = std::move(mask);
}

constexpr InputRule kMultinomialInputs[] = {{.name = "x", .dtypes = Floats::kSet, .min_rank = 2, .max_rank = 2}};

constexpr InputRule kBernoulliInputs[] = {{.name = "probability", .dtypes = Floats::kSet}};

constexpr InputRule kDropoutInputs[] = {{.name = "x", .dtypes = Floats::kSet},
                                        {.name = "ratio", .dtypes = Floats::kSet},
                                        {.name = "training_mode", .dtypes = Bools::kSet}};

}  // namespace

constinit const OpDef RandomNormal::def =
    random<RandomNormal>(infer_shaped<RandomNormal>, eval_normal<RandomNormal>, 0);
constinit const OpDef RandomUniform::def =
    random<RandomUniform>(infer_shaped<RandomUniform>, eval_uniform<RandomUniform>, 0);
constinit const OpDef RandomNormalLike::def =
    random<RandomNormalLike>(infer_like<RandomNormalLike, Floats>, eval_normal<RandomNormalLike>, 1);
constinit const OpDef RandomUniformLike::def =
    random<RandomUniformLike>(infer_like<RandomUniformLike, Floats>, eval_uniform<RandomUniformLike>, 1);
constinit const OpDef Bernoulli::def =
    random<Bernoulli>(infer_like<Bernoulli, Anything>, eval_bernoulli, 1, kBernoulliInputs);
constinit const OpDef Multinomial::def =
    random<Multinomial>(infer_multinomial, eval_multinomial, 1, kMultinomialInputs);

constinit const OpDef Dropout::def{.name = Dropout::kName,
                                   .attrs = &attr_type<Dropout>(),
                                   .min_inputs = 1,
                                   .max_inputs = 3,
                                   .max_outputs = 2,
                                   .infer = infer_dropout,
                                   .eval = eval_dropout,
                                   .quant = {.kind = QuantRule::kSameScale},
                                   .inputs = kDropoutInputs};

}  // namespace hone
