#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/tflite_case.h"
#include "formats/tflite_models.h"
#include "ops/interpreter.h"
#include "oracle/tflite_runtime.h"
#include "support/compare.h"

namespace hone {
namespace {

class TfliteOperator : public ::testing::TestWithParam<TfliteCase> {
 protected:
  void SetUp() override {
    runtime_ = TfliteRuntime::open();
    if (!runtime_) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  }
  void compare(const std::vector<Tensor>& found, const std::vector<Tensor>& expected) const {
    ASSERT_EQ(found.size(), expected.size());
    const Tolerance tolerance{GetParam().tolerance, GetParam().tolerance, GetParam().steps};
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(difference(found[i].with_quant(nullptr), expected[i], tolerance), "") << "output " << i;
  }
  std::unique_ptr<TfliteRuntime> runtime_;
};

TEST_P(TfliteOperator, AnswersAsTheRuntime) {
  const std::vector<std::byte> model = GetParam().model();
  const std::vector<Tensor> inputs = GetParam().fed();
  compare(evaluate(read_bytes(model), inputs), runtime_->run(model, inputs));
}

TEST_P(TfliteOperator, RunsThereAfterHoneWroteIt) {
  if (!GetParam().is_rewritable) GTEST_SKIP() << "reading only";
  const std::vector<std::byte> model = GetParam().model();
  const std::vector<Tensor> inputs = GetParam().fed();
  compare(runtime_->run(write_tflite(read_bytes(model)), inputs), runtime_->run(model, inputs));
}

TEST_P(TfliteOperator, CanBeResizedThereAfterHoneWroteIt) {
  if (!GetParam().is_rewritable) GTEST_SKIP() << "reading only";
  const std::vector<Tensor> inputs = GetParam().fed();
  std::vector<Tensor> expected;
  try {
    expected = runtime_->run(GetParam().model(true), inputs);
  } catch (const Error& e) {
    GTEST_SKIP() << "the runtime cannot resize the original: " << e.what();
  }
  compare(runtime_->run(write_tflite(read_bytes(GetParam().model(true))), inputs), expected);
}

INSTANTIATE_TEST_SUITE_P(Cases, TfliteOperator, ::testing::ValuesIn(tflite_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace

/// gtest prints a parameter by its name.
void PrintTo(const TfliteCase& c, std::ostream* out) { *out << c.name; }

}  // namespace hone
