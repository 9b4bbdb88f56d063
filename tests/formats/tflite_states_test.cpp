// What graphs remember, in .tflite files: it is said the runtime's way, and read back it is the same.

#include "formats/tflite_states.h"

#include <gtest/gtest.h>

#include "formats/tflite/schema.h"
#include "formats/tflite_models.h"
#include "ops/interpreter.h"
#include "support/compare.h"

namespace hone {
namespace {

int count_variables(const fb::Model& model) {
  int count = 0;
  for (const fb::Tensor* tensor : *model.subgraphs()->Get(0)->tensors()) count += tensor->is_variable();
  return count;
}

int count_handles(const fb::Model& model) {
  int count = 0;
  for (const fb::Operator* op : *model.subgraphs()->Get(0)->operators())
    count += model.operator_codes()->Get(op->opcode_index())->builtin_code() == fb::BuiltinOperator::VAR_HANDLE;
  return count;
}

TEST(TfliteStates, SurviveTheFile) {
  for (const StateCase& c : state_cases()) {
    SCOPED_TRACE(c.name);
    const std::vector<std::byte> bytes = write_tflite(c.graph);
    const fb::Model& model = *fb::GetModel(bytes.data());
    EXPECT_EQ(count_variables(model), c.variables);
    EXPECT_EQ(count_handles(model), c.resources);
    const Graph again = read_bytes(bytes);
    EXPECT_EQ(again.states().size(), c.graph.states().size());
    const auto inputs = inputs_of_runs(c.graph);
    const auto before = evaluate_runs(c.graph, inputs), after = evaluate_runs(again, inputs);
    for (size_t run = 0; run < before.size(); ++run)
      for (size_t i = 0; i < before[run].size(); ++i)
        EXPECT_EQ(difference(after[run].at(i), before[run][i], {.relative = 1e-5, .absolute = 1e-6, .steps = 0}), "")
            << "run " << run << ", output " << i;
  }
}

}  // namespace
}  // namespace hone
