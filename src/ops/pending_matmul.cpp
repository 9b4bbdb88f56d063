#include "ops/matmul.h"

namespace hone {

constinit const OpDef MatMul::def{.name = MatMul::kName, .attrs = &attr_type<MatMul>()};
constinit const OpDef Gemm::def{.name = Gemm::kName, .attrs = &attr_type<Gemm>()};
constinit const OpDef FullyConnected::def{.name = FullyConnected::kName, .attrs = &attr_type<FullyConnected>()};
constinit const OpDef Einsum::def{.name = Einsum::kName, .attrs = &attr_type<Einsum>()};
constinit const OpDef Det::def{.name = Det::kName, .attrs = &attr_type<Det>()};

}  // namespace hone
