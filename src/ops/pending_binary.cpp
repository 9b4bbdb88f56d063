#include "ops/binary.h"

namespace hone {

constinit const OpDef Add::def{.name = Add::kName, .attrs = &attr_type<Add>()};
constinit const OpDef Sub::def{.name = Sub::kName, .attrs = &attr_type<Sub>()};
constinit const OpDef Mul::def{.name = Mul::kName, .attrs = &attr_type<Mul>()};
constinit const OpDef Div::def{.name = Div::kName, .attrs = &attr_type<Div>()};
constinit const OpDef Pow::def{.name = Pow::kName, .attrs = &attr_type<Pow>()};
constinit const OpDef FloorDiv::def{.name = FloorDiv::kName, .attrs = &attr_type<FloorDiv>()};
constinit const OpDef Maximum::def{.name = Maximum::kName, .attrs = &attr_type<Maximum>()};
constinit const OpDef Minimum::def{.name = Minimum::kName, .attrs = &attr_type<Minimum>()};
constinit const OpDef SquaredDifference::def{.name = SquaredDifference::kName,
                                             .attrs = &attr_type<SquaredDifference>()};
constinit const OpDef Atan2::def{.name = Atan2::kName, .attrs = &attr_type<Atan2>()};
constinit const OpDef PRelu::def{.name = PRelu::kName, .attrs = &attr_type<PRelu>()};
constinit const OpDef And::def{.name = And::kName, .attrs = &attr_type<And>()};
constinit const OpDef Or::def{.name = Or::kName, .attrs = &attr_type<Or>()};
constinit const OpDef Xor::def{.name = Xor::kName, .attrs = &attr_type<Xor>()};
constinit const OpDef BitwiseAnd::def{.name = BitwiseAnd::kName, .attrs = &attr_type<BitwiseAnd>()};
constinit const OpDef BitwiseOr::def{.name = BitwiseOr::kName, .attrs = &attr_type<BitwiseOr>()};
constinit const OpDef BitwiseXor::def{.name = BitwiseXor::kName, .attrs = &attr_type<BitwiseXor>()};
constinit const OpDef Equal::def{.name = Equal::kName, .attrs = &attr_type<Equal>()};
constinit const OpDef NotEqual::def{.name = NotEqual::kName, .attrs = &attr_type<NotEqual>()};
constinit const OpDef Less::def{.name = Less::kName, .attrs = &attr_type<Less>()};
constinit const OpDef LessOrEqual::def{.name = LessOrEqual::kName, .attrs = &attr_type<LessOrEqual>()};
constinit const OpDef Greater::def{.name = Greater::kName, .attrs = &attr_type<Greater>()};
constinit const OpDef GreaterOrEqual::def{.name = GreaterOrEqual::kName, .attrs = &attr_type<GreaterOrEqual>()};
constinit const OpDef Where::def{.name = Where::kName, .attrs = &attr_type<Where>()};
constinit const OpDef Mod::def{.name = Mod::kName, .attrs = &attr_type<Mod>()};
constinit const OpDef Clip::def{.name = Clip::kName, .attrs = &attr_type<Clip>()};

}  // namespace hone
