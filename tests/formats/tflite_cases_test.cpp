#include <gtest/gtest.h>

#include <optional>

#include "base/error.h"
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

/// The open dims of the inputs fixed to those of `inputs`; none when the model has none, or its constants (the state of
/// a recurrent layer, the argument of a Reshape) were made for another size.
std::optional<Graph> resized(const std::vector<std::byte>& model, const std::vector<Tensor>& inputs) {
  Graph graph;
  bool is_open = false;
  try {
    graph = read_bytes(model);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (graph.type(graph.inputs()[i]).shape.is_static()) continue;
      is_open = true;
      graph.set_input_shape(graph.inputs()[i], Shape(inputs[i].dims()));
    }
  } catch (const Error&) {
    return std::nullopt;
  }
  return is_open ? std::optional(std::move(graph)) : std::nullopt;
}

TEST_P(TfliteCases, AnswerTheSameWithAnInputThatWasResized) {
  const std::vector<Tensor> inputs = GetParam().fed();
  const auto graph = resized(GetParam().model(true), inputs);
  if (!graph) GTEST_SKIP() << "has no size to change";
  verify(*graph);
  const std::vector<Tensor> expected = evaluate(read_bytes(GetParam().model()), inputs);
  const Tolerance tolerance{GetParam().tolerance, GetParam().tolerance, GetParam().steps};
  const std::vector<Tensor> found = evaluate(*graph, inputs);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i)
    EXPECT_EQ(difference(found[i], expected[i], tolerance), "") << "output " << i;
  if (!GetParam().is_rewritable) return;
  const auto again = resized(write_tflite(read_bytes(GetParam().model(true))), inputs);
  ASSERT_TRUE(again) << "the written file has lost the open size";
  const std::vector<Tensor> rewritten = evaluate(*again, inputs);
  for (size_t i = 0; i < rewritten.size(); ++i)
    EXPECT_EQ(difference(rewritten[i], expected[i], tolerance), "") << "output " << i << " of the written file";
}

INSTANTIATE_TEST_SUITE_P(Cases, TfliteCases, ::testing::ValuesIn(tflite_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace

/// gtest prints a parameter by its name.
void PrintTo(const TfliteCase& c, std::ostream* out) { *out << c.name; }

}  // namespace hone
