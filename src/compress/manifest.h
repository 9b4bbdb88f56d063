#pragma once

#include <string>
#include <string_view>

#include "compress/job.h"
#include "compress/job_recipe.h"
#include "container/json.h"

namespace hone {

/// Key of the manifest in a graph's metadata.
inline constexpr std::string_view kManifestKey = "hone.manifest";

/// What has to be known to repeat what the job made; without the preprocessing, which a file carries by itself.
JobRecipe recipe_of(const Job& job, const Outcome& outcome);

/// How a model came to be, as one line of JSON that rides inside the written files: tool version, the recipe
/// (job_recipe.h), number of test samples, budget, scores before and after with 95 % intervals, what watched()
/// counted; deliver() adds golden answers. Nothing in it depends on time or machine: the same run gives the same bytes.
std::string manifest_of(const Job& job, const Outcome& outcome, const Json& watch);

}  // namespace hone
