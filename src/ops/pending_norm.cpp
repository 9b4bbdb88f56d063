#include "ops/norm.h"

namespace hone {

constinit const OpDef BatchNorm::def{.name = BatchNorm::kName, .attrs = &attr_type<BatchNorm>()};
constinit const OpDef InstanceNorm::def{.name = InstanceNorm::kName, .attrs = &attr_type<InstanceNorm>()};
constinit const OpDef LayerNorm::def{.name = LayerNorm::kName, .attrs = &attr_type<LayerNorm>()};
constinit const OpDef GroupNorm::def{.name = GroupNorm::kName, .attrs = &attr_type<GroupNorm>()};
constinit const OpDef Lrn::def{.name = Lrn::kName, .attrs = &attr_type<Lrn>()};
constinit const OpDef L2Normalize::def{.name = L2Normalize::kName, .attrs = &attr_type<L2Normalize>()};
constinit const OpDef LpNormalize::def{.name = LpNormalize::kName, .attrs = &attr_type<LpNormalize>()};
constinit const OpDef MeanVarianceNormalize::def{.name = MeanVarianceNormalize::kName,
                                                 .attrs = &attr_type<MeanVarianceNormalize>()};
constinit const OpDef Softmax::def{.name = Softmax::kName, .attrs = &attr_type<Softmax>()};
constinit const OpDef LogSoftmax::def{.name = LogSoftmax::kName, .attrs = &attr_type<LogSoftmax>()};
constinit const OpDef Hardmax::def{.name = Hardmax::kName, .attrs = &attr_type<Hardmax>()};
constinit const OpDef NllLoss::def{.name = NllLoss::kName, .attrs = &attr_type<NllLoss>()};
constinit const OpDef SoftmaxCrossEntropyLoss::def{.name = SoftmaxCrossEntropyLoss::kName,
                                                   .attrs = &attr_type<SoftmaxCrossEntropyLoss>()};

}  // namespace hone
