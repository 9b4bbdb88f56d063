#pragma once

#include "runtime/provider.h"

namespace hone {

/// A step that copies its input to its output in another memory; one of the two is the host's (null).
std::unique_ptr<Step> make_copy(const MemoryKind* from, const MemoryKind* to);

/// A step that returns when what is queued for `memory` is done, and throws what failed there.
std::unique_ptr<Step> make_wait(const MemoryKind& memory);

}  // namespace hone
