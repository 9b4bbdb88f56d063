#include "ops/binary.h"
#include "ops/elementwise.h"
#include "ops/quantized_binary.h"

namespace hone {

constinit const OpDef Equal::def = comparison<Equal, Anything>(
    [](auto a, auto b) { return a == b; }, {.commutative = true, .eval_quantized = eval_quantized_equal});
constinit const OpDef NotEqual::def = comparison<NotEqual, Anything>(
    [](auto a, auto b) { return a != b; }, {.commutative = true, .eval_quantized = eval_quantized_not_equal});
constinit const OpDef Less::def =
    comparison<Less, Numbers>([](auto a, auto b) { return a < b; }, {.eval_quantized = eval_quantized_less});
constinit const OpDef LessOrEqual::def = comparison<LessOrEqual, Numbers>(
    [](auto a, auto b) { return a <= b; }, {.eval_quantized = eval_quantized_less_or_equal});
constinit const OpDef Greater::def =
    comparison<Greater, Numbers>([](auto a, auto b) { return a > b; }, {.eval_quantized = eval_quantized_greater});
constinit const OpDef GreaterOrEqual::def = comparison<GreaterOrEqual, Numbers>(
    [](auto a, auto b) { return a >= b; }, {.eval_quantized = eval_quantized_greater_or_equal});

}  // namespace hone
