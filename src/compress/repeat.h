#pragma once

#include <string>

#include "compress/job_recipe.h"
#include "compress/source_model.h"
#include "measure/engine.h"
#include "measure/samples.h"

namespace hone {

/// The bytes of the file that `recipe` makes of `source`, as a job with the same calibration samples wrote it.
/// `written` is that file, read: preprocessing and manifest are taken from it, since what was measured is not measured
/// again. `extension` ("onnx") names its format. Throws what applying the recipe and writing throw.
std::string repeated_file(const Graph& written, const JobRecipe& recipe, const SourceModel& source,
                          const SampleSource& calibration, const Engine& engine, const std::string& extension,
                          const Progress& progress = {});

}  // namespace hone
