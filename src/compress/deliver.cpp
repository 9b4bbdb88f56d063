#include "compress/deliver.h"

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "compress/agreement.h"
#include "compress/sha256.h"
#include "formats/formats.h"
#include "passes/pipelines.h"

namespace hone {

namespace {

/// Measures the file as its user will run it: read, simplified, executed.
void prove(DeliveredFile& file, const Candidate& best, const Candidate& baseline, const DataSplit& data,
           const std::vector<InputSpec>& inputs, const DeliverOptions& options) {
  Graph graph = read_model(file.path);
  run_pipeline(graph, standard_pipeline());
  AgreementReference in_memory;
  in_memory.learn(best.graph, options.engine, options.output, data.test, inputs, {});
  const Agreement same = in_memory.compare(graph, options.engine, options.output, data.test, inputs, options.progress);
  file.samples = same.decisions;
  file.same_decisions = same.agreeing;
  if (data.test.has_labels()) {
    const AccuracyOptions accuracy_options{.output = options.output, .progress = options.progress};
    file.score = measure_accuracy(graph, options.engine, data.test, inputs, accuracy_options).top1;
  } else {
    AgreementReference original;
    original.learn(baseline.graph, options.engine, options.output, data.test, inputs, {});
    file.score = original.compare(graph, options.engine, options.output, data.test, inputs, options.progress).share;
  }
  const double drop = 100 * (baseline.score - file.score);
  file.is_verified = drop <= options.max_drop_points + 1e-9;
  if (!file.is_verified) file.problem = cat("read back it loses ", drop, " points");
}

}  // namespace

std::vector<DeliveredFile> deliver(const Candidate& best, const Candidate& baseline, const DataSplit& data,
                                   const std::vector<InputSpec>& inputs, const DeliverOptions& options) {
  make_directory(options.directory);
  std::vector<DeliveredFile> files;
  size_t written = 0;
  for (const char* extension : {".onnx", ".tflite"}) {
    DeliveredFile file;
    file.path = (std::filesystem::path(options.directory) / (options.stem + extension)).string();
    try {
      write_model(best.graph, file.path);
      file.bytes = static_cast<int64_t>(std::filesystem::file_size(file.path));
      file.sha256 = sha256_of_file(file.path);
      ++written;
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kUnsupported) throw;
      file.problem = e.message();
    }
    if (file.bytes > 0) prove(file, best, baseline, data, inputs, options);
    files.push_back(std::move(file));
  }
  if (written == 0) throw unsupported(cat("neither ONNX nor TFLite can hold the result: ", files[0].problem));
  return files;
}

}  // namespace hone
