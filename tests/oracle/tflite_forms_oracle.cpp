// Every operator of the writer's rows in every type (tests/formats/tflite_forms.h) in the original runtime: it takes
// what was written and gives hone's numbers. Which of them can be written is recorded in tests/formats/tflite_forms.txt
// (HONE_RECORD_FORMS names a file to write it anew), which is tested without the runtime too.

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/tflite_forms.h"
#include "formats/tflite_models.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "oracle/tflite_runtime.h"
#include "support/compare.h"

namespace hone {
namespace {

/// Float kernels differ in the last bits; integers computed by way of real numbers may fall to the other side of a
/// half.
constexpr Tolerance kTolerance{.relative = 1e-4, .absolute = 1e-5, .steps = 1};

/// "equal", "not written: …" or "WRONG: …".
std::string outcome(const TfliteForm& form, const TfliteRuntime& runtime) {
  const Graph graph = parse_graph(form.graph, all_ops());
  const std::vector<Tensor> inputs = form_inputs(graph);
  std::vector<std::byte> file;
  try {
    file = write_tflite(graph);
  } catch (const Error& e) {
    const std::string text = split(e.message(), '\n').back();
    return cat("not written: ", text.substr(text.find("): ") + 3));
  }
  try {
    const std::vector<Tensor> theirs = runtime.run(file, inputs), ours = evaluate(graph, inputs);
    if (theirs.size() != ours.size()) return "WRONG: another number of outputs";
    for (size_t i = 0; i < ours.size(); ++i) {
      const bool is_half = ours[i].dtype() == DType::kF16;
      const std::string problem =
          difference(theirs[i].with_quant(ours[i].quant()), is_half ? cast(ours[i], DType::kF32) : ours[i],
                     is_half ? Tolerance{.relative = 2e-3, .absolute = 2e-3} : kTolerance);
      if (!problem.empty()) return cat("WRONG: ", problem);
    }
    return "equal";
  } catch (const Error& e) {
    return cat("WRONG: ", split(e.message(), '\n')[0]);
  }
}

TEST(TfliteForms, AreTakenByTheRuntimeAndEqual) {
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  std::string record;
  for (const TfliteForm& form : tflite_forms()) {
    const std::string found = outcome(form, *runtime);
    record += cat(form.name, ": ", found, "\n");
    EXPECT_FALSE(found.starts_with("WRONG")) << form.name << ": " << found << "\n" << form.graph;
  }
  if (const char* path = std::getenv("HONE_RECORD_FORMS"))
    write_file(path, record);
  else
    EXPECT_EQ(record, read_file(HONE_SOURCE_DIR "/tests/formats/tflite_forms.txt"));
}

}  // namespace
}  // namespace hone
