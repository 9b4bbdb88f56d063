#include "ops/recurrent.h"

#include <cmath>

#include "support/op_runner.h"

namespace hone {
namespace {

using namespace hone::testing;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Rnn, FeedsItsStateBack) {
  const Tensor x = Tensor::of<float>({2, 1, 1}, {0.5f, -0.25f});
  const Tensor w = Tensor::of<float>({1, 1, 1}, {1}), r = Tensor::of<float>({1, 1, 1}, {2});
  const Tensor b = Tensor::of<float>({1, 2}, {0.1f, 0.2f});
  const double h1 = std::tanh(0.8), h2 = std::tanh(-0.25 + 2 * h1 + 0.3);
  const auto y = run_op(Rnn{}, {x, w, r, b}, {.outputs = 2});
  expect_near(y[0], {2, 1, 1, 1}, {h1, h2});
  expect_near(y[1], {1, 1, 1}, {h2});
}

TEST(Rnn, RunsBackwardsInsideEachLength) {
  const Tensor x = Tensor::of<float>({3, 2, 1}, {1, 10, 2, 20, 3, 30});
  const Tensor one = Tensor::of<float>({2, 1, 1}, {1, 1}), lengths = Tensor::of<int32_t>({2}, {3, 2});
  const Rnn op{.direction = Direction::bidirectional, .activations = {"Affine", "relu"}};
  const auto y = run_op(op, {x, one, one, {}, lengths}, {.outputs = 2});
  expect_near(y[0], {3, 2, 2, 1}, {1, 10, 6, 30, 3, 30, 5, 20, 6, 0, 3, 0});
  expect_near(y[1], {2, 2, 1}, {6, 30, 6, 30});
}

TEST(Rnn, PutsTheBatchFirstWhenAsked) {
  const Tensor x = Tensor::of<float>({1, 2, 1}, {1, 2}), one = Tensor::of<float>({1, 1, 1}, {1});
  const auto y = run_op(Rnn{.batch_first = true, .activations = {"Affine"}}, {x, one, one}, {.outputs = 2});
  expect_near(y[0], {1, 2, 1, 1}, {1, 3});
  EXPECT_EQ(y[1].dims(), (Dims{1, 1, 1}));
}

TEST(Gru, ResetsBeforeOrAfterTheProduct) {
  const Tensor x = Tensor::of<float>({1, 1, 1}, {1}), w = Tensor::of<float>({1, 3, 1}, {0.5f, -0.5f, 1});
  const Tensor r = Tensor::of<float>({1, 3, 1}, {0, 0, 2}), h0 = Tensor::of<float>({1, 1, 1}, {0.4f});
  const Tensor b = Tensor::of<float>({1, 6}, {0, 0, 0, 0, 0, 0.3f});
  const double z = sigmoid(0.5), reset = sigmoid(-0.5);
  const double before = std::tanh(1 + 2 * reset * 0.4 + 0.3), after = std::tanh(1 + reset * (2 * 0.4 + 0.3));
  expect_near(run_op(Gru{}, {x, w, r, b, {}, h0})[0], {1, 1, 1, 1}, {(1 - z) * before + z * 0.4});
  expect_near(run_op(Gru{.linear_before_reset = true}, {x, w, r, b, {}, h0})[0], {1, 1, 1, 1},
              {(1 - z) * after + z * 0.4});
}

TEST(Lstm, KeepsACellAndPeepsAtIt) {
  const Tensor x = Tensor::of<float>({1, 1, 1}, {1}), w = Tensor::of<float>({1, 4, 1}, {0.1f, 0.2f, 0.3f, 0.4f});
  const Tensor r = Tensor::of<float>({1, 4, 1}, {0, 0, 0, 0}), c0 = Tensor::of<float>({1, 1, 1}, {2});
  const Tensor p = Tensor::of<float>({1, 3}, {0.5f, 0.6f, 0.7f});
  const double i = sigmoid(0.1 + 1), f = sigmoid(0.3 + 1.4), c = f * 2 + i * std::tanh(0.4);
  const double h = sigmoid(0.2 + 0.6 * c) * std::tanh(c);
  const auto y = run_op(Lstm{}, {x, w, r, {}, {}, {}, c0, p}, {.outputs = 3});
  expect_near(y[0], {1, 1, 1, 1}, {h});
  expect_near(y[1], {1, 1, 1}, {h});
  expect_near(y[2], {1, 1, 1}, {c});
  const double coupled = (1 - i) * 2 + i * std::tanh(0.4);
  expect_near(run_op(Lstm{.input_forget = true}, {x, w, r, {}, {}, {}, c0, p}, {.outputs = 3})[2], {1, 1, 1},
              {coupled});
}

TEST(Lstm, ClipsWhatEntersAnActivation) {
  const Tensor x = Tensor::of<float>({1, 1, 1}, {100}), w = Tensor::of<float>({1, 4, 1}, {1, 1, 1, 1});
  const Tensor r = Tensor::of<float>({1, 4, 1}, {0, 0, 0, 0});
  const double c = sigmoid(1) * std::tanh(1.0);
  expect_near(run_op(Lstm{.clip = 1}, {x, w, r}, {.outputs = 3})[2], {1, 1, 1}, {c});
}

TEST(Recurrent, RejectsShapesThatDoNotFit) {
  EXPECT_EQ(error_of([] {
              infer_op(Lstm{}, {f32({5, 1, 3}), f32({1, 8, 4}), f32({1, 8, 2})});
            }),
            "lstm: weight has shape [1,8,4], expected [1,8,3]");
  EXPECT_EQ(error_of([] {
              infer_op(Gru{.hidden_size = 3}, {f32({5, 1, 3}), f32({1, 9, 3}), f32({1, 9, 2})});
            }),
            "gru: recurrent weight has shape [1,9,2], expected [1,9,3]");
  EXPECT_EQ(error_of([] {
              infer_op(Rnn{.activations = {"Swish"}}, {f32({5, 1, 3}), f32({1, 2, 3}), f32({1, 2, 2})});
            }),
            "rnn: unknown activation 'Swish'");
}

TEST(Recurrent, KeepsSymbols) {
  const auto types = infer_op(Gru{}, {f32({Dim("t"), Dim("n"), 3}), f32({1, 6, 3}), f32({1, 6, 2})}, 2);
  EXPECT_EQ(types[0].shape, (Shape{Dim("t"), 1, Dim("n"), 2}));
  EXPECT_EQ(types[1].shape, (Shape{1, Dim("n"), 2}));
}

}  // namespace
}  // namespace hone
