#pragma once

#include <string_view>

namespace hone::report {

/// The page's style sheet: light and dark by the reader's preference, narrow screens, paper.
std::string_view style_sheet();

/// Shared SVG definitions (the hatching of forbidden ground), to stand once at the top of the page's body.
std::string_view svg_definitions();

}  // namespace hone::report
