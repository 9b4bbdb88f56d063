#pragma once

#include <string>
#include <string_view>

namespace hone {

/// The page docs/conformance.md: totals of each path and a row for each model.
/// `results`: lines of models_oracle --results, a model's name and its verdicts between tabs. `sources`: lines of a
/// model's name, its repository and its path there between tabs; models without one are left out.
/// Throws Error(invalid_argument) on a line of another form.
std::string conformance_page(std::string_view results, std::string_view sources);

}  // namespace hone
