#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "compress/recipe.h"
#include "container/json.h"
#include "measure/budget.h"

namespace hone {

/// What has to be known, beside the model and the data, to repeat a job. Readable JSON: a file of its own beside the
/// results, and the beginning of every manifest.
struct JobRecipe {
  std::string source_sha256;  ///< of the model's file; "" for one that came from memory
  Recipe recipe;
  int64_t calibration = 0;  ///< samples
  int64_t seed = -1;        ///< of the split that made them; negative: the data came split
  int64_t limit = 0;        ///< of the data; 0: all of it
  std::string input_quant;  ///< "SCALE,ZERO" of integers in the data's files; "" for none
  std::string preprocess;   ///< of the first input, as to_json(Preprocess); "" when it takes no pictures
  std::string metric;       ///< name of its row
  std::string metric_command;
  std::string output;  ///< name of the output that is judged; "": the first
  Budget budget;
};

/// {"source_sha256":…,"recipe":"int8 {calibrator=\"mse\"}","data":{"calibration":500,"seed":0},"metric":"top1",
/// "max_drop":1,…}; what is not set is left out.
Json to_json(const JobRecipe& recipe);
/// Reads it back; members that it does not know (a whole manifest's) are passed over. Throws Error(invalid_argument)
/// that names the member that is missing or of the wrong kind.
JobRecipe parse_job_recipe(std::string_view json);

}  // namespace hone
