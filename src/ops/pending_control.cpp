#include "ops/control.h"

namespace hone {

constinit const OpDef If::def{.name = If::kName, .attrs = &attr_type<If>()};
constinit const OpDef Loop::def{.name = Loop::kName, .attrs = &attr_type<Loop>()};
constinit const OpDef While::def{.name = While::kName, .attrs = &attr_type<While>()};
constinit const OpDef Scan::def{.name = Scan::kName, .attrs = &attr_type<Scan>()};
constinit const OpDef Opaque::def{.name = Opaque::kName, .attrs = &attr_type<Opaque>()};

}  // namespace hone
