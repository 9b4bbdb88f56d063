#pragma once

#include "ir/op_def.h"

namespace hone {

/// Every operator hone knows: the one list. Adding an operator adds one line in all.cpp.
OpSet all_ops();

}  // namespace hone
