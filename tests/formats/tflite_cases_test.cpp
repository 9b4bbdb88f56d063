#include <gtest/gtest.h>

#include "formats/tflite_case.h"
#include "formats/tflite_models.h"
#include "ir/text.h"
#include "ops/control.h"
#include "ops/interpreter.h"
#include "support/compare.h"

namespace hone {
namespace {

class TfliteCases : public ::testing::TestWithParam<TfliteCase> {};

bool has_opaque(const Graph& graph) {
  for (const NodeId id : graph.order())
    if (graph.node(id).is<Opaque>()) return true;
  return false;
}

TEST_P(TfliteCases, AreReadAsCanonicalOperators) {
  const Graph graph = read_bytes(GetParam().model());
  verify(graph);
  EXPECT_FALSE(has_opaque(graph)) << to_text(graph);
  EXPECT_EQ(graph.outputs().size(), GetParam().outputs.size());
}

TEST_P(TfliteCases, AnswerTheSameAfterARoundTrip) {
  if (!GetParam().is_rewritable) GTEST_SKIP() << "reading only";
  const Graph graph = read_bytes(GetParam().model());
  const Graph again = read_bytes(write_tflite(graph));
  const std::vector<Tensor> inputs = GetParam().fed();
  const std::vector<Tensor> before = evaluate(graph, inputs), after = evaluate(again, inputs);
  ASSERT_EQ(before.size(), after.size());
  const Tolerance tolerance{GetParam().tolerance, GetParam().tolerance, GetParam().steps};
  for (size_t i = 0; i < before.size(); ++i)
    EXPECT_EQ(difference(after[i], before[i], tolerance), "") << "output " << i;
}

INSTANTIATE_TEST_SUITE_P(Cases, TfliteCases, ::testing::ValuesIn(tflite_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace

/// gtest prints a parameter by its name.
void PrintTo(const TfliteCase& c, std::ostream* out) { *out << c.name; }

}  // namespace hone
