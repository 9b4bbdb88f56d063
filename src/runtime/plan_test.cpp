#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "base/thread_pool.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/unary.h"
#include "runtime/bodies.h"
#include "runtime/choose.h"
#include "runtime/copy_step.h"
#include "runtime/execution.h"

namespace hone {
namespace {

const Provider* const kReference[] = {&reference_provider()};

constexpr std::string_view kChain = R"(graph "chain" {
  input %x: f32[4]
  const %k: f32[4] = {1, 2, 3, 4}
  %a: f32[4] = Neg(%x)
  %b: f32[4] = Exp(%a)
  %c: f32[4] = Add(%b, %k)
  output %c
})";

std::vector<Tensor> four() { return {Tensor::of<float>({4}, {1, -1, 0.5f, 2})}; }

TEST(Plan, GivesEveryValueASlotAndKnowsItsMemoryBeforeRunning) {
  const auto plan = Plan::compile(parse_graph(kChain, all_ops()), kReference);
  ASSERT_EQ(plan->steps().size(), 3u);
  EXPECT_EQ(plan->steps()[2].name, "c");
  EXPECT_EQ(plan->steps()[2].provider, "reference");
  EXPECT_EQ(plan->weight_bytes(), 16);
  EXPECT_GE(plan->arena_bytes(), 128) << "two values of 64-byte blocks live at a time";
  EXPECT_EQ(plan->slots()[static_cast<size_t>(plan->inputs()[0])].kind, Slot::kInput);
}

TEST(Plan, RefusesWithAllNodesThatNobodyRuns) {
  const Graph graph = parse_graph(R"(graph "odd" {
  input %x: f32[4]
  %a = Opaque(%x) {format="onnx", type="First"}
  %b = Opaque(%x) {format="onnx", type="Second"}
  output %a, %b
})",
                                  all_ops());
  try {
    Plan::compile(graph, kReference);
    FAIL() << "compiled";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(e.what()).find("'a'"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("'b'"), std::string::npos) << e.what();
  }
}

/// A kernel that takes nothing, and one that takes Neg.
struct NegStep : Step {
  void run(RunContext& context) const override {
    const auto from = context.inputs[0]->data<float>();
    for (size_t i = 0; i < from.size(); ++i) context.outputs[0]->mutable_data<float>()[i] = -from[i];
  }
};
std::unique_ptr<Step> declines(const KernelRequest&) { return nullptr; }
std::unique_ptr<Step> negates(const KernelRequest&) { return std::make_unique<NegStep>(); }
constexpr Kernel kKernels[] = {{"declines", declines}, {"negates", negates}};
constexpr KernelRow kRows[] = {{&Neg::def, kKernels}};

TEST(Choose, AKernelThatDeclinesLeavesTheNodeToTheNextAndTheReferenceTakesTheRest) {
  const Graph graph = parse_graph(kChain, all_ops());
  const Provider provider{"own", "for this test", kRows};
  const Provider* providers[] = {&provider};
  const std::vector<ChosenStep> steps = choose_steps(graph, providers, {});
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].planned.step->kernel, "negates");
  EXPECT_EQ(steps[0].planned.provider, "own");
  EXPECT_EQ(steps[1].planned.provider, "reference");
  EXPECT_EQ(steps[2].inputs.size(), 2u);
}

TEST(Execution, ShowsEachStepToItsObserverInOrder) {
  Execution execution(Plan::compile(parse_graph(kChain, all_ops()), kReference));
  HeldStates states;
  ThreadPool pool;
  std::vector<size_t> seen;
  execution.run(
      four(), states, pool,
      [&](size_t step, double us, std::span<const Tensor* const> outputs) {
        EXPECT_GE(us, 0);
        EXPECT_EQ(outputs.size(), 1u);
        seen.push_back(step);
      },
      0);
  EXPECT_EQ(seen, (std::vector<size_t>{0, 1, 2}));
}

TEST(Execution, RefusesInputsOfOtherTypes) {
  Execution execution(Plan::compile(parse_graph(kChain, all_ops()), kReference));
  HeldStates states;
  ThreadPool pool;
  const std::vector<Tensor> longer = {Tensor::empty(DType::kF32, {5})}, whole = {Tensor::empty(DType::kI32, {4})};
  EXPECT_THROW(execution.run(longer, states, pool, {}, 0), Error);
  EXPECT_THROW(execution.run(whole, states, pool, {}, 0), Error);
  EXPECT_THROW(execution.run({}, states, pool, {}, 0), Error);
}

int waits = 0;

TEST(CopyStep, CopiesBetweenTheHostAndAnotherMemoryAndWaits) {
  const MemoryKind memory{
      "elsewhere",
      nullptr,
      nullptr,
      [](void*, void* to, const void* from, int64_t n) { std::memcpy(to, from, static_cast<size_t>(n)); },
      [](void*, void* to, const void* from, int64_t n) { std::memcpy(to, from, static_cast<size_t>(n)); },
      [](void*) { ++waits; }};
  const Tensor from = four()[0];
  Tensor there = Tensor::empty(DType::kF32, {4}), back = Tensor::empty(DType::kF32, {4});
  const auto copy = [](const MemoryKind* a, const MemoryKind* b, const Tensor& x, Tensor& y) {
    const Tensor* in[] = {&x};
    Tensor* out[] = {&y};
    RunContext context{.inputs = in, .outputs = out};
    make_copy(a, b)->run(context);
  };
  copy(nullptr, &memory, from, there);
  copy(&memory, nullptr, there, back);
  EXPECT_EQ(to_doubles(back), to_doubles(from));
  RunContext nothing{.inputs = {}, .outputs = {}};
  make_wait(memory)->run(nothing);
  EXPECT_EQ(waits, 1);
}

TEST(Bodies, ResultsStayValidWhenABodyRunsAgain) {
  const auto program = Program::as_is(parse_graph(kChain, all_ops()), {.providers = {&reference_provider()}});
  const std::shared_ptr<const Program> programs[] = {program};
  BodySessions bodies(programs);
  const Tensor first = bodies.run(0, four(), 0)[0];
  const std::vector<double> before = to_doubles(first);
  bodies.run(0, {Tensor::of<float>({4}, {9, 9, 9, 9})}, 0);
  EXPECT_EQ(to_doubles(first), before);
}

}  // namespace
}  // namespace hone
