#pragma once

#include <string_view>

#include "report/view.h"

namespace hone::report {

/// The page's style sheet: light and dark by the reader's preference, narrow screens, paper.
std::string_view style_sheet();

/// The style sheet's name for how a candidate ended.
std::string_view css_class(Status status);

/// Shared SVG definitions (the hatching of forbidden ground), to stand once at the top of the page's body.
std::string_view svg_definitions();

}  // namespace hone::report
