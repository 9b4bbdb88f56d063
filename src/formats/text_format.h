#pragma once

#include "formats/format.h"

namespace hone {

/// Hone's own text form (ir/text.h), for tests and for reading: .hone.
extern const Format kTextFormat;

}  // namespace hone
