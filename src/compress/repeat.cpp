#include "compress/repeat.h"

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "compress/dequantize.h"
#include "compress/file_forms.h"

namespace hone {

std::string repeated_file(const Graph& written, const JobRecipe& recipe, const SourceModel& source,
                          const SampleSource& calibration, const Engine& engine, const std::string& extension,
                          const Progress& progress) {
  Graph graph = recipe.recipe.steps.empty()
                    ? source.graph
                    : apply(recipe.recipe, with_float_weights(source.graph), Evidence(calibration, engine, progress));
  for (const auto& [key, value] : written.metadata) graph.metadata[key] = value;
  const TemporaryFolder folder;
  const FileForm form = write_form(graph, extension, folder.path(), "model");
  if (form.bytes == 0) throw unsupported(cat("the model cannot be written as ", extension, ": ", form.problem));
  return read_file(form.path);
}

}  // namespace hone
