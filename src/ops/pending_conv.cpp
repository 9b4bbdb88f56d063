#include "ops/conv.h"

namespace hone {

constinit const OpDef Conv::def{.name = Conv::kName, .attrs = &attr_type<Conv>()};
constinit const OpDef ConvTranspose::def{.name = ConvTranspose::kName, .attrs = &attr_type<ConvTranspose>()};

}  // namespace hone
