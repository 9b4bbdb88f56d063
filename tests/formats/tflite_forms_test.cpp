// Every operator of the writer's rows in every type: what the original runtime said of the files (tflite_forms.txt,
// recorded by tests/oracle) stays so, tested without it.

#include "formats/tflite_forms.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/tflite_models.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"
#include "support/compare.h"

namespace hone {
namespace {

constexpr Tolerance kTolerance{.relative = 1e-4, .absolute = 1e-5, .steps = 1};

std::map<std::string, std::string> recorded() {
  std::map<std::string, std::string> all;
  for (const std::string& line : split(read_file(HONE_SOURCE_DIR "/tests/formats/tflite_forms.txt"), '\n'))
    if (const size_t at = line.find(": "); at != std::string::npos) all[line.substr(0, at)] = line.substr(at + 2);
  return all;
}

TEST(TfliteForms, AreWrittenWhereTheRuntimeTakesThemAndReadBackEqual) {
  std::map<std::string, std::string> expected = recorded();
  for (const TfliteForm& form : tflite_forms()) {
    const std::string verdict = expected[form.name];
    ASSERT_FALSE(verdict.empty()) << form.name << ": tflite_forms.txt is stale, run make oracle-test";
    const Graph graph = parse_graph(form.graph, all_ops());
    try {
      const std::vector<std::byte> file = write_tflite(graph);
      EXPECT_EQ(verdict, "equal") << form.name;
      const std::vector<Tensor> inputs = form_inputs(graph);
      const std::vector<Tensor> ours = evaluate(graph, inputs), again = evaluate(read_bytes(file), inputs);
      ASSERT_EQ(again.size(), ours.size()) << form.name;
      for (size_t i = 0; i < ours.size(); ++i)
        if (ours[i].dtype() != DType::kF16) {
          EXPECT_EQ(difference(again[i], ours[i], kTolerance), "") << form.name;
        }
    } catch (const Error& e) {
      EXPECT_TRUE(verdict.starts_with("not written")) << form.name << "\n  " << e.what();
    }
  }
}

}  // namespace
}  // namespace hone
