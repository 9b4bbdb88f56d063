#include "ops/pool.h"

namespace hone {

constinit const OpDef MaxPool::def{.name = MaxPool::kName, .attrs = &attr_type<MaxPool>()};
constinit const OpDef AveragePool::def{.name = AveragePool::kName, .attrs = &attr_type<AveragePool>()};
constinit const OpDef LpPool::def{.name = LpPool::kName, .attrs = &attr_type<LpPool>()};
constinit const OpDef MaxUnpool::def{.name = MaxUnpool::kName, .attrs = &attr_type<MaxUnpool>()};
constinit const OpDef MaxRoiPool::def{.name = MaxRoiPool::kName, .attrs = &attr_type<MaxRoiPool>()};
constinit const OpDef RoiAlign::def{.name = RoiAlign::kName, .attrs = &attr_type<RoiAlign>()};

}  // namespace hone
