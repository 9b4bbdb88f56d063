#pragma once

#include <span>
#include <string>

#include "runtime/session.h"

namespace hone {

/// Runs `session` and names the node behind which the first value stands that is no finite number: "'conv_1' (Conv)".
/// "" where every value is one. The session's observer is gone afterwards.
std::string first_bad_node(Session& session, std::span<const Tensor> inputs);

/// Whether a float tensor holds infinity or NaN.
bool has_bad_values(const Tensor& t);

}  // namespace hone
