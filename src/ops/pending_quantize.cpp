#include "ops/quantize.h"

namespace hone {

constinit const OpDef Quantize::def{.name = Quantize::kName, .attrs = &attr_type<Quantize>()};
constinit const OpDef Dequantize::def{.name = Dequantize::kName, .attrs = &attr_type<Dequantize>()};
constinit const OpDef QuantizeLinear::def{.name = QuantizeLinear::kName, .attrs = &attr_type<QuantizeLinear>()};
constinit const OpDef DequantizeLinear::def{.name = DequantizeLinear::kName, .attrs = &attr_type<DequantizeLinear>()};
constinit const OpDef DynamicQuantizeLinear::def{.name = DynamicQuantizeLinear::kName,
                                                 .attrs = &attr_type<DynamicQuantizeLinear>()};

}  // namespace hone
