#pragma once

#include <string>
#include <string_view>

#include "compress/job.h"

namespace hone {

/// Key of the manifest in a graph's metadata.
inline constexpr std::string_view kManifestKey = "hone.manifest";

/// How a model came to be, as one line of JSON that rides inside the written files: tool version, SHA-256 of the source
/// model, recipe (as parse_recipe reads it), data split, budget, metric, scores before and after with 95 % intervals.
/// Nothing in it depends on time or machine: the same run gives the same bytes.
std::string manifest_of(const Outcome& outcome);

}  // namespace hone
