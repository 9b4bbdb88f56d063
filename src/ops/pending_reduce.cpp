#include "ops/reduce.h"

namespace hone {

constinit const OpDef ReduceSum::def{.name = ReduceSum::kName, .attrs = &attr_type<ReduceSum>()};
constinit const OpDef ReduceMean::def{.name = ReduceMean::kName, .attrs = &attr_type<ReduceMean>()};
constinit const OpDef ReduceMax::def{.name = ReduceMax::kName, .attrs = &attr_type<ReduceMax>()};
constinit const OpDef ReduceMin::def{.name = ReduceMin::kName, .attrs = &attr_type<ReduceMin>()};
constinit const OpDef ReduceProd::def{.name = ReduceProd::kName, .attrs = &attr_type<ReduceProd>()};
constinit const OpDef ReduceL1::def{.name = ReduceL1::kName, .attrs = &attr_type<ReduceL1>()};
constinit const OpDef ReduceL2::def{.name = ReduceL2::kName, .attrs = &attr_type<ReduceL2>()};
constinit const OpDef ReduceLogSum::def{.name = ReduceLogSum::kName, .attrs = &attr_type<ReduceLogSum>()};
constinit const OpDef ReduceLogSumExp::def{.name = ReduceLogSumExp::kName, .attrs = &attr_type<ReduceLogSumExp>()};
constinit const OpDef ReduceSumSquare::def{.name = ReduceSumSquare::kName, .attrs = &attr_type<ReduceSumSquare>()};
constinit const OpDef ReduceAny::def{.name = ReduceAny::kName, .attrs = &attr_type<ReduceAny>()};
constinit const OpDef ReduceAll::def{.name = ReduceAll::kName, .attrs = &attr_type<ReduceAll>()};

}  // namespace hone
