#include "ops/resize.h"

namespace hone {

constinit const OpDef Resize::def{.name = Resize::kName, .attrs = &attr_type<Resize>()};
constinit const OpDef GridSample::def{.name = GridSample::kName, .attrs = &attr_type<GridSample>()};

}  // namespace hone
