// Single ONNX nodes of operator sets 7 to 24 (tests/oracle/onnx_forms.txt) against what ONNX Runtime gave for them,
// recorded in forms_expected.txt: no runtime is needed here.

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/writer.h"
#include "ops/interpreter.h"
#include "oracle/onnx_form.h"
#include "passes/pipelines.h"
#include "support/compare.h"

namespace hone {
namespace {

/// Two implementations of float arithmetic; quantized results may fall to the other side of a half.
constexpr Tolerance kTolerance{.relative = 1e-3, .absolute = 1e-5, .steps = 1};

/// Outputs by the line of the form.
std::map<std::string, std::vector<Tensor>> recorded() {
  std::map<std::string, std::vector<Tensor>> all;
  std::vector<Tensor>* outputs = nullptr;
  for (const std::string& line : split(read_file(HONE_SOURCE_DIR "/tests/onnx/forms_expected.txt"), '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("  ") && outputs)
      outputs->push_back(parse_literal(trim(line)));
    else
      outputs = &all[line];
  }
  return all;
}

Graph read_bytes(const std::string& model) {
  const auto bytes = std::make_shared<const std::string>(model);
  return kOnnxFormat.read({"form.onnx", std::as_bytes(std::span(*bytes)), bytes});
}

/// Runs `run` for every form that was recorded; it gives the outputs.
template <class Run>
void compare_all(Run run) {
  const auto expected = recorded();
  int compared = 0;
  for (const OnnxForm& form : read_onnx_forms()) {
    const auto found = expected.find(form.name);
    if (found == expected.end()) continue;
    ++compared;
    try {
      const std::vector<Tensor> outputs = run(form);
      ASSERT_EQ(outputs.size(), found->second.size()) << form.name;
      for (size_t i = 0; i < outputs.size(); ++i)
        EXPECT_EQ(difference(outputs[i].with_quant(nullptr), found->second[i], kTolerance), "")
            << form.name << "\n  output " << i;
    } catch (const Error& e) {
      ADD_FAILURE() << form.name << "\n  " << e.what();
    }
  }
  EXPECT_EQ(compared, static_cast<int>(expected.size())) << "forms_expected.txt is stale: hone_onnx_oracle --record";
}

TEST(OnnxForms, GiveOnTheReferenceWhatOnnxRuntimeGives) {
  compare_all([](const OnnxForm& form) { return evaluate(read_bytes(form.model), form.inputs); });
}

TEST(OnnxForms, GiveTheSameAfterThePasses) {
  compare_all([](const OnnxForm& form) {
    Graph graph = read_bytes(form.model);
    run_pipeline(graph, standard_pipeline());
    return evaluate(graph, form.inputs);
  });
}

TEST(OnnxForms, GiveTheSameWhenWrittenAndReadAgain) {
  compare_all([](const OnnxForm& form) {
    const Graph graph = read_bytes(form.model);
    return evaluate(read_bytes(onnx::encode_model(graph)), form.inputs);
  });
}

}  // namespace
}  // namespace hone
