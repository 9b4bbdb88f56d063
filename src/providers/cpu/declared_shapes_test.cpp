// Shapes that a file declares and inference cannot know are claims: what is computed counts.

#include <gtest/gtest.h>

#include "base/error.h"
#include "ir/text.h"
#include "ops/all.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"

namespace hone {
namespace {

std::vector<Tensor> run(std::string_view text, const std::vector<Tensor>& inputs) {
  Runner runner(parse_graph(text, all_ops()), {&cpu_provider()});
  return runner.run(inputs);
}

std::string error_of(std::string_view text, const std::vector<Tensor>& inputs) {
  try {
    run(text, inputs);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInvalidModel);
    return e.message();
  }
  return "";
}

const Tensor kX = Tensor::of<float>({2, 2}, {1, 0, 2, 3});

TEST(DeclaredShapes, OfAResultThatNobodyReadsDoNotMatter) {
  for (const char* declared : {"i64[2,1]", "i64[2,100000]"}) {
    const auto y =
        run(std::string("graph { input %x: f32[2,2]\n  %y: ") + declared + " = NonZero(%x)\n  output %y\n}", {kX});
    EXPECT_EQ(y[0].dims(), (Dims{2, 3}));
    EXPECT_EQ(to_ints(y[0]), (std::vector<int64_t>{0, 1, 1, 0, 0, 1}));
  }
}

TEST(DeclaredShapes, ThatLieToAReaderAreAnError) {
  EXPECT_EQ(error_of(R"(graph {
    input %x: f32[2,2]
    %i: i64[2,100000] = NonZero(%x)
    %y = Neg(%i)
    output %y
  })",
                     {kX}),
            "nonzero: output 0 is i64[2,3], declared as i64[2,100000]");
}

TEST(DeclaredShapes, OfAReshapeAreChecked) {
  constexpr std::string_view kReshape = R"(graph {
    input %x: f32[2,2]
    input %s: i64[1]
    %r: f32[100000] = Reshape(%x, %s)
    %y = Neg(%r)
    output %y
  })";
  EXPECT_EQ(error_of(kReshape, {kX, Tensor::of<int64_t>({1}, {4})}),
            "reshape: output 0 is f32[4], declared as f32[100000]");
}

TEST(DeclaredShapes, OfASplitAreChecked) {
  constexpr std::string_view kSplit = R"(graph {
    input %x: f32[2,2]
    input %s: i64[2]
    %a: f32[1000,2], %b: f32[1,2] = Split(%x, %s) {axis=0}
    %y = Neg(%a)
    output %y, %b
  })";
  EXPECT_EQ(error_of(kSplit, {kX, Tensor::of<int64_t>({2}, {1, 1})}),
            "split: output 0 is f32[1,2], declared as f32[1000,2]");
}

TEST(DeclaredShapes, ThatAreTrueLetOtherStepsRunOnTheCpu) {
  const Graph graph = parse_graph(R"(graph {
    input %x: f32[2,2]
    input %s: i64[1]
    %r: f32[4] = Reshape(%x, %s)
    %y = Neg(%r)
    output %y
  })",
                                  all_ops());
  const Provider* providers[] = {&cpu_provider()};
  const auto plan = Plan::compile(graph, providers, {});
  ASSERT_EQ(plan->steps().size(), 2u);
  EXPECT_EQ(plan->steps()[0].provider, "reference");
  EXPECT_EQ(plan->steps()[1].provider, "cpu");
  Session session(plan);
  const Tensor inputs[] = {kX, Tensor::of<int64_t>({1}, {4})};
  EXPECT_TRUE(identical(session.run(inputs)[0], Tensor::of<float>({4}, {-1, -0.0f, -2, -3})));
}

}  // namespace
}  // namespace hone
