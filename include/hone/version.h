#pragma once

namespace hone {

/// "0.1.0".
const char* version();

}  // namespace hone
