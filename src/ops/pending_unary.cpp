#include "ops/unary.h"

namespace hone {

constinit const OpDef Abs::def{.name = Abs::kName, .attrs = &attr_type<Abs>()};
constinit const OpDef Neg::def{.name = Neg::kName, .attrs = &attr_type<Neg>()};
constinit const OpDef Sign::def{.name = Sign::kName, .attrs = &attr_type<Sign>()};
constinit const OpDef Ceil::def{.name = Ceil::kName, .attrs = &attr_type<Ceil>()};
constinit const OpDef Floor::def{.name = Floor::kName, .attrs = &attr_type<Floor>()};
constinit const OpDef Round::def{.name = Round::kName, .attrs = &attr_type<Round>()};
constinit const OpDef Sqrt::def{.name = Sqrt::kName, .attrs = &attr_type<Sqrt>()};
constinit const OpDef Rsqrt::def{.name = Rsqrt::kName, .attrs = &attr_type<Rsqrt>()};
constinit const OpDef Reciprocal::def{.name = Reciprocal::kName, .attrs = &attr_type<Reciprocal>()};
constinit const OpDef Exp::def{.name = Exp::kName, .attrs = &attr_type<Exp>()};
constinit const OpDef Log::def{.name = Log::kName, .attrs = &attr_type<Log>()};
constinit const OpDef Sin::def{.name = Sin::kName, .attrs = &attr_type<Sin>()};
constinit const OpDef Cos::def{.name = Cos::kName, .attrs = &attr_type<Cos>()};
constinit const OpDef Tan::def{.name = Tan::kName, .attrs = &attr_type<Tan>()};
constinit const OpDef Asin::def{.name = Asin::kName, .attrs = &attr_type<Asin>()};
constinit const OpDef Acos::def{.name = Acos::kName, .attrs = &attr_type<Acos>()};
constinit const OpDef Atan::def{.name = Atan::kName, .attrs = &attr_type<Atan>()};
constinit const OpDef Sinh::def{.name = Sinh::kName, .attrs = &attr_type<Sinh>()};
constinit const OpDef Cosh::def{.name = Cosh::kName, .attrs = &attr_type<Cosh>()};
constinit const OpDef Tanh::def{.name = Tanh::kName, .attrs = &attr_type<Tanh>()};
constinit const OpDef Asinh::def{.name = Asinh::kName, .attrs = &attr_type<Asinh>()};
constinit const OpDef Acosh::def{.name = Acosh::kName, .attrs = &attr_type<Acosh>()};
constinit const OpDef Atanh::def{.name = Atanh::kName, .attrs = &attr_type<Atanh>()};
constinit const OpDef Erf::def{.name = Erf::kName, .attrs = &attr_type<Erf>()};
constinit const OpDef Sigmoid::def{.name = Sigmoid::kName, .attrs = &attr_type<Sigmoid>()};
constinit const OpDef Relu::def{.name = Relu::kName, .attrs = &attr_type<Relu>()};
constinit const OpDef HardSwish::def{.name = HardSwish::kName, .attrs = &attr_type<HardSwish>()};
constinit const OpDef Mish::def{.name = Mish::kName, .attrs = &attr_type<Mish>()};
constinit const OpDef Softplus::def{.name = Softplus::kName, .attrs = &attr_type<Softplus>()};
constinit const OpDef Softsign::def{.name = Softsign::kName, .attrs = &attr_type<Softsign>()};
constinit const OpDef Not::def{.name = Not::kName, .attrs = &attr_type<Not>()};
constinit const OpDef BitwiseNot::def{.name = BitwiseNot::kName, .attrs = &attr_type<BitwiseNot>()};
constinit const OpDef IsNaN::def{.name = IsNaN::kName, .attrs = &attr_type<IsNaN>()};
constinit const OpDef Identity::def{.name = Identity::kName, .attrs = &attr_type<Identity>()};
constinit const OpDef IsInf::def{.name = IsInf::kName, .attrs = &attr_type<IsInf>()};
constinit const OpDef LeakyRelu::def{.name = LeakyRelu::kName, .attrs = &attr_type<LeakyRelu>()};
constinit const OpDef Elu::def{.name = Elu::kName, .attrs = &attr_type<Elu>()};
constinit const OpDef Celu::def{.name = Celu::kName, .attrs = &attr_type<Celu>()};
constinit const OpDef Selu::def{.name = Selu::kName, .attrs = &attr_type<Selu>()};
constinit const OpDef HardSigmoid::def{.name = HardSigmoid::kName, .attrs = &attr_type<HardSigmoid>()};
constinit const OpDef ThresholdedRelu::def{.name = ThresholdedRelu::kName, .attrs = &attr_type<ThresholdedRelu>()};
constinit const OpDef Shrink::def{.name = Shrink::kName, .attrs = &attr_type<Shrink>()};
constinit const OpDef Gelu::def{.name = Gelu::kName, .attrs = &attr_type<Gelu>()};
constinit const OpDef Clamp::def{.name = Clamp::kName, .attrs = &attr_type<Clamp>()};
constinit const OpDef Cast::def{.name = Cast::kName, .attrs = &attr_type<Cast>()};
constinit const OpDef BitShift::def{.name = BitShift::kName, .attrs = &attr_type<BitShift>()};

}  // namespace hone
