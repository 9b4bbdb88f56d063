// Graphs that remember something, in six runs of the original runtime one after another.

#include <gtest/gtest.h>

#include "base/error.h"
#include "formats/tflite_models.h"
#include "formats/tflite_states.h"
#include "oracle/tflite_runtime.h"
#include "support/compare.h"

namespace hone {
namespace {

TEST(TfliteStates, AreWhatTheRuntimeRemembers) {
  const auto runtime = TfliteRuntime::open();
  if (!runtime) GTEST_SKIP() << "no TFLite runtime: tests/oracle/fetch.sh installs it";
  for (const StateCase& c : state_cases()) {
    SCOPED_TRACE(c.name);
    const auto inputs = inputs_of_runs(c.graph);
    const auto ours = evaluate_runs(c.graph, inputs);
    try {
      const auto theirs = runtime->run_steps(write_tflite(c.graph), inputs);
      for (size_t run = 0; run < ours.size(); ++run)
        for (size_t i = 0; i < ours[run].size(); ++i)
          EXPECT_EQ(difference(theirs[run].at(i).with_quant(ours[run][i].quant()), ours[run][i],
                               {.relative = 1e-4, .absolute = 1e-5, .steps = 0}),
                    "")
              << "run " << run << ", output " << i;
    } catch (const Error& e) {
      ADD_FAILURE() << e.what();
    }
  }
}

}  // namespace
}  // namespace hone
