#include "train/trainer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>

#include "base/error.h"
#include "data/npz.h"
#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/movement.h"
#include "ops/norm.h"
#include "ops/pool.h"
#include "ops/recurrent.h"
#include "providers/cpu/provider.h"
#include "train/first_bad.h"

namespace hone {
namespace {

Tensor noise(Dims dims, uint64_t seed, float scale) {
  Random random(seed);
  Tensor t = Tensor::empty(DType::kF32, std::move(dims));
  for (float& v : t.mutable_data<float>()) v = scale * static_cast<float>(2 * random.share() - 1);
  return t;
}

/// x: [1,6,6,1] → Conv 3×3, ReLU → global average → FullyConnected → Softmax over two classes.
Graph small_net(int64_t channels, uint64_t seed) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, Shape{1, 6, 6, 1}, nullptr});
  const ValueId w = g.add_constant(noise({channels, 3, 3, 1}, seed, 0.5f), "w");
  const ValueId b = g.add_constant(noise({channels}, seed + 1, 0.1f), "b");
  const ValueId y = g.add(Conv{.pads = {1, 1, 1, 1}, .act_min = 0}, {x, w, b});
  const ValueId mean = g.add(AveragePool{.kernel = {6, 6}}, {y});
  const ValueId flat = g.add(Reshape{}, {mean, g.add_constant(Tensor::of<int64_t>({2}, {1, channels}))});
  const ValueId dense = g.add_constant(noise({2, channels}, seed + 2, 0.5f), "dense");
  g.set_outputs({g.add(Softmax{}, {g.add(FullyConnected{}, {flat, dense})})});
  return g;
}

/// Horizontal stripes are class 0, vertical ones class 1, under noise.
TrainingData stripes(size_t count, uint64_t seed) {
  TrainingData data;
  for (size_t i = 0; i < count; ++i) data.labels.push_back(static_cast<int64_t>(i % 2));
  data.samples = {count, [seed](size_t i) {
                    Tensor t = noise({1, 6, 6, 1}, seed + i, 0.3f);
                    for (int64_t r = 0; r < 6; ++r)
                      for (int64_t c = 0; c < 6; ++c)
                        t.mutable_data<float>()[static_cast<size_t>(r * 6 + c)] +=
                            (i % 2 == 0 ? r : c) % 2 ? 1.0f : -1.0f;
                    return std::vector<Tensor>{t};
                  }};
  return data;
}

Engine engine(int threads = 1) { return {{&cpu_provider()}, {.threads = threads}}; }

TrainOptions quick() {
  TrainOptions o;
  o.epochs = 6;
  o.batch = 8;
  o.learning_rate = 0.05;
  return o;
}

TEST(Trainer, TeachesASmallNetToTellStripes) {
  const TrainingData data = stripes(96, 1), held_out = stripes(37, 1000);
  const std::pair<Optimizer::Kind, double> ways[] = {
      {Optimizer::kSgd, 0.1}, {Optimizer::kAdamW, 0.02}, {Optimizer::kLamb, 0.05}};
  for (const auto& [kind, rate] : ways) {
    TrainOptions o = quick();
    o.optimizer.kind = kind;
    o.learning_rate = rate;
    const Trained t = train(small_net(4, 3), nullptr, data, held_out, o, engine());
    EXPECT_LT(t.results.front().held_out.accuracy, 0.9);
    EXPECT_GT(t.results[t.best].held_out.accuracy, 0.97);
    EXPECT_LT(t.results.back().loss, 0.3);
    EXPECT_EQ(t.results.size(), 7u);
  }
}

TEST(Trainer, TeachesARecurrentNetBackThroughTime) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, Shape{1, 6, 6, 1}, nullptr});
  const ValueId rows = g.add(Reshape{}, {x, g.add_constant(Tensor::of<int64_t>({3}, {1, 6, 6}))});
  const NodeId layer =
      g.add({.def = &Lstm::def,
             .attrs = Attrs::of(Lstm{.hidden_size = 4, .batch_first = true}),
             .inputs = {rows, g.add_constant(noise({1, 16, 6}, 3, 0.4f)), g.add_constant(noise({1, 16, 4}, 4, 0.4f)),
                        g.add_constant(noise({1, 32}, 5, 0.1f))},
             .outputs = 2});
  const ValueId last = g.add(Reshape{}, {g.node(layer).outputs[1], g.add_constant(Tensor::of<int64_t>({2}, {1, 4}))});
  g.set_outputs({g.add(Softmax{}, {g.add(FullyConnected{}, {last, g.add_constant(noise({2, 4}, 6, 0.5f))})})});
  const Trained t = train(g, nullptr, stripes(96, 1), stripes(40, 1000), quick(), engine());
  EXPECT_GT(t.results[t.best].held_out.accuracy, 0.97);
  EXPECT_EQ(weights_of(g).size(), 4u);
}

/// Pixels of 0…255 want tiny weights in the first layer, which steps of one size for all would destroy.
TEST(Trainer, TakesInputsThatAreNotNormalized) {
  TrainingData data = stripes(96, 1), held_out = stripes(40, 1000);
  for (TrainingData* d : {&data, &held_out}) {
    const auto raw = d->samples.inputs;
    d->samples.inputs = [raw](size_t i) {
      Tensor t = raw(i)[0];
      for (float& v : t.mutable_data<float>()) v *= 255;
      return std::vector<Tensor>{t};
    };
  }
  Graph net = small_net(4, 3);
  const ValueId first = weights_of(net)[0];
  Tensor w = net.value(first).constant.clone();
  for (float& v : w.mutable_data<float>()) v /= 255;
  net.set_constant(first, w);
  const Trained t = train(net, nullptr, data, held_out, quick(), engine());
  EXPECT_GT(t.results[t.best].held_out.accuracy, 0.97);
}

TEST(Trainer, GivesTheSameBytesAtAnyNumberOfThreads) {
  const TrainingData data = stripes(32, 1), held_out = stripes(8, 1000);
  TrainOptions o = quick();
  o.epochs = 2;
  o.augments = parse_augments("flip,shift=1");
  const Graph net = small_net(4, 3);
  const Trained one = train(net, nullptr, data, held_out, o, engine(1));
  const Trained three = train(net, nullptr, data, held_out, o, engine(3));
  o.seed = 1;
  const Trained other = train(net, nullptr, data, held_out, o, engine(1));
  const auto values = weights_of(net);
  ASSERT_EQ(values.size(), 3u);
  bool differs = false;
  for (const ValueId v : values) {
    EXPECT_TRUE(identical(one.model.value(v).constant, three.model.value(v).constant)) << net.value(v).name;
    differs |= !identical(one.model.value(v).constant, other.model.value(v).constant);
  }
  EXPECT_TRUE(differs) << "the seed changes nothing";
}

TEST(Trainer, LearnsFromATeacherWithoutLabels) {
  const TrainingData labelled = stripes(96, 1), held_out = stripes(40, 1000);
  TrainOptions o = quick();
  const Trained teacher = train(small_net(8, 3), nullptr, labelled, held_out, o, engine());
  TrainingData unlabelled = labelled;
  unlabelled.labels.clear();
  o.objective = {.labels = 0, .teacher = 1, .temperature = 2};
  const Trained student = train(small_net(3, 11), &teacher.model, unlabelled, held_out, o, engine());
  EXPECT_GT(student.results[student.best].held_out.accuracy, 0.97);
  EXPECT_LT(student.results.back().held_out.loss, student.results.front().held_out.loss / 4);
}

TEST(Trainer, MakesAnyModelFollowATeacherByItsOutputs) {
  TrainingData data = stripes(64, 1), held_out = stripes(16, 1000);
  data.labels.clear();
  held_out.labels.clear();
  TrainOptions o = quick();
  o.objective = {.labels = 0, .teacher = 1, .is_classifier = false};
  const Graph teacher = small_net(4, 3);
  const Trained student = train(small_net(4, 5), &teacher, data, held_out, o, engine());
  EXPECT_TRUE(std::isnan(student.results.back().held_out.accuracy));
  EXPECT_LT(student.results[student.best].held_out.loss, student.results.front().held_out.loss / 3);
}

TEST(Trainer, TakesTheRightClassAndTheOthersApart) {
  const TrainingData data = stripes(96, 1), held_out = stripes(40, 1000);
  TrainOptions o = quick();
  const Trained teacher = train(small_net(8, 3), nullptr, data, held_out, o, engine());
  o.objective = {.labels = 0, .teacher = 1, .temperature = 2, .decoupled = 2};
  const Trained student = train(small_net(3, 11), &teacher.model, data, held_out, o, engine());
  EXPECT_GT(student.results[student.best].held_out.accuracy, 0.97);
  EXPECT_LT(student.results.back().held_out.loss, student.results.front().held_out.loss / 4);
  // Two classes: there are no others to stand apart, and as its own teacher a model has nothing to learn.
  const Trained same = train(teacher.model, &teacher.model, data, held_out, o, engine());
  EXPECT_NEAR(same.results.front().held_out.loss, 0, 1e-5);
  TrainingData unlabelled = data;
  unlabelled.labels.clear();
  EXPECT_THROW(train(small_net(3, 11), &teacher.model, unlabelled, held_out, o, engine()), Error);
}

TEST(Trainer, MakesValuesInsideFollowThoseOfTheTeacher) {
  TrainingData data = stripes(64, 1), held_out = stripes(16, 1000);
  data.labels.clear();
  held_out.labels.clear();
  TrainOptions o = quick();
  const Graph teacher = small_net(8, 3), student = small_net(4, 5);
  o.objective = {
      .labels = 0, .teacher = 1e-9, .is_classifier = false, .matches = {{"conv", "conv", noise({4, 8}, 9, 0.1f)}}};
  const Trained t = train(student, &teacher, data, held_out, o, engine());
  EXPECT_LT(t.results[t.best].held_out.loss, t.results.front().held_out.loss / 2);
  EXPECT_EQ(weights_of(t.model).size(), 3u) << "the projector does not stay";
  o.objective.matches[0].student = "con";
  try {
    train(student, &teacher, data, held_out, o, engine());
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("did you mean 'conv'"), std::string::npos) << e.what();
  }
  o.objective.matches[0].student = "averagepool";
  EXPECT_THROW(train(student, &teacher, data, held_out, o, engine()), Error) << "other sizes are taken";
}

TEST(Trainer, KeepsTheWeightsItCameWithWhereNothingIsBetter) {
  const TrainingData data = stripes(32, 1), held_out = stripes(16, 1000);
  TrainOptions o = quick();
  const Trained good = train(small_net(4, 3), nullptr, data, held_out, o, engine());
  o.learning_rate = 1e-12;
  o.epochs = 1;
  const Trained again = train(good.model, nullptr, data, held_out, o, engine());
  for (const ValueId v : weights_of(good.model))
    EXPECT_EQ(again.model.value(v).constant.dims(), good.model.value(v).constant.dims());
  EXPECT_TRUE(again.best == 0 || again.results[again.best].held_out.is_better_than(again.results[0].held_out));
}

TEST(Trainer, KeepsEqualWeightsApart) {
  Graph g;
  const ValueId x = g.add_input("x", {DType::kF32, Shape{1, 6, 6, 1}, nullptr});
  const ValueId flat = g.add(Reshape{}, {x, g.add_constant(Tensor::of<int64_t>({2}, {1, 36}))});
  ValueId y = flat;
  for (const int64_t inputs : {int64_t{36}, int64_t{2}})
    y = g.add(FullyConnected{},
              {y, g.add_constant(noise({2, inputs}, 5, 0.3f)), g.add_constant(Tensor::of<float>({2}, {0, 0}))});
  g.set_outputs({g.add(Softmax{}, {y})});
  const Trained t = train(g, nullptr, stripes(32, 1), stripes(16, 1000), quick(), engine());
  ASSERT_NE(t.best, 0u);
  const std::vector<ValueId> weights = weights_of(g);
  ASSERT_EQ(weights.size(), 4u);
  EXPECT_FALSE(identical(t.model.value(weights[1]).constant, t.model.value(weights[3]).constant));
  for (const ValueId w : weights) EXPECT_FALSE(identical(t.model.value(w).constant, g.value(w).constant));
}

/// The samples of `data`, times `factor` from the load `first` on.
TrainingData spoiled(const TrainingData& data, int first, float factor) {
  TrainingData out = data;
  const auto loads = std::make_shared<std::atomic<int>>(0);
  out.samples.inputs = [=, raw = data.samples.inputs](size_t i) {
    Tensor t = raw(i)[0];
    if ((*loads)++ >= first)
      for (float& v : t.mutable_data<float>()) v *= factor;
    return std::vector<Tensor>{t};
  };
  return out;
}

TEST(Trainer, KeepsTheBestModelSoFarWhenTheLossIsNoNumberAndNamesTheNode) {
  const TrainingData data = stripes(96, 1), held_out = stripes(40, 1000);
  // 96 samples an epoch: the third meets numbers whose sums leave the range of floats.
  const Trained t = train(small_net(4, 3), nullptr, spoiled(data, 200, 1e38f), held_out, quick(), engine());
  ASSERT_EQ(t.results.size(), 3u);
  EXPECT_GT(t.results[t.best].held_out.accuracy, t.results[0].held_out.accuracy);
  EXPECT_NE(t.stopped.find("made by node 'conv' (Conv)"), std::string::npos) << t.stopped;
  EXPECT_NE(t.stopped.find("of epoch 3"), std::string::npos) << t.stopped;
  EXPECT_FALSE(t.was_interrupted);
  for (const ValueId v : weights_of(t.model)) EXPECT_FALSE(has_bad_values(t.model.value(v).constant));
}

TEST(Trainer, SaysWhetherSamplesOrWeightsMadeALossThatIsNoNumber) {
  const TrainingData data = stripes(96, 1), held_out = stripes(40, 1000);
  const auto message = [&](const TrainingData& d, const TrainOptions& o) -> std::string {
    try {
      train(small_net(4, 3), nullptr, d, held_out, o, engine());
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_NE(message(spoiled(data, 0, INFINITY), quick()).find("in the samples"), std::string::npos);
  TrainOptions wild = quick();
  wild.learning_rate = 1e30;
  wild.optimizer = {.kind = Optimizer::kSgd, .clip = 0};
  const std::string found = message(data, wild);
  EXPECT_TRUE(found.find("in the weights of node '") != std::string::npos ||
              found.find("made by node '") != std::string::npos)
      << found;
}

TEST(Trainer, ResumesFromACheckpointToTheSameBytes) {
  const TrainingData data = stripes(48, 1), held_out = stripes(16, 1000);
  const std::string path = testing::TempDir() + "hone_train_test_checkpoint.npz";
  std::filesystem::remove(path);
  TrainOptions o = quick();
  o.epochs = 4;
  o.augments = parse_augments("flip,shift=1");
  o.optimizer.average = 0.9;
  const Graph net = small_net(4, 3);
  const Trained whole = train(net, nullptr, data, held_out, o, engine());
  o.checkpoint = path;
  // Six steps an epoch: it ends within the third.
  const TrainHooks hooks{.progress =
                             [](int64_t step, int64_t) {
                               if (step == 15) throw cancelled("enough");
                             },
                         .result = {}};
  const Trained part = train(net, nullptr, data, held_out, o, engine(), hooks);
  EXPECT_TRUE(part.was_interrupted);
  EXPECT_EQ(part.results.size(), 3u);
  o.resume = true;
  const Trained rest = train(net, nullptr, data, held_out, o, engine());
  ASSERT_EQ(rest.results.size(), whole.results.size());
  EXPECT_EQ(rest.best, whole.best);
  for (size_t i = 0; i < whole.results.size(); ++i) EXPECT_EQ(rest.results[i].loss, whole.results[i].loss);
  for (const ValueId v : weights_of(net))
    EXPECT_TRUE(identical(rest.model.value(v).constant, whole.model.value(v).constant)) << net.value(v).name;
  // Nothing is left to do, and the same comes out.
  const Trained again = train(net, nullptr, data, held_out, o, engine());
  EXPECT_EQ(again.results.size(), whole.results.size());
  o.seed = 5;
  EXPECT_THROW(train(net, nullptr, data, held_out, o, engine()), Error) << "a checkpoint of other flags is taken";
  std::filesystem::remove(path);
}

TEST(Trainer, TakesNoCheckpointWhoseArraysAreNotItsOwn) {
  const TrainingData data = stripes(16, 1), held_out = stripes(8, 1000);
  const std::string path = testing::TempDir() + "hone_train_test_damaged.npz";
  std::filesystem::remove(path);
  TrainOptions o = quick();
  o.epochs = 1;
  o.checkpoint = path;
  const Graph net = small_net(4, 3);
  train(net, nullptr, data, held_out, o, engine());
  o.resume = true;
  const auto arrays = read_npz(path);
  const auto resumed_with = [&](const std::string& name, const Tensor& other) {
    auto changed = arrays;
    for (auto& [own, tensor] : changed)
      if (own == name) tensor = other;
    write_npz(path, changed);
    try {
      train(net, nullptr, data, held_out, o, engine());
    } catch (const Error& e) {
      return std::string(e.message());
    }
    return std::string("taken");
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double epoch : {nan, 1e300, -1.0, 0.0, 2.0})
    EXPECT_NE(resumed_with("results", Tensor::of<double>({2, 4}, {0, 1, 1, 0, epoch, 1, 1, 0})).find("epoch"),
              std::string::npos)
        << epoch;
  EXPECT_NE(resumed_with("best_0", Tensor::of<float>({1}, {1})).find("of this model"), std::string::npos);
  EXPECT_NE(resumed_with("best_0", Tensor::of<int64_t>({1}, {1})).find("of this model"), std::string::npos);
  EXPECT_NE(resumed_with("state_0", Tensor::of<float>({1}, {1})), "taken");
  EXPECT_NE(resumed_with("results", Tensor::of<double>({0, 4}, {})).find("no checkpoint"), std::string::npos);
  std::filesystem::remove(path);
}

TEST(Trainer, LeavesWhatWasPrunedAtZero) {
  const TrainingData data = stripes(48, 1), held_out = stripes(16, 1000);
  Graph net = small_net(4, 3);
  const ValueId first = weights_of(net)[0];
  Tensor w = net.value(first).constant.clone();
  for (size_t i = 0; i < 36; ++i)
    if (i % 4 < 2) w.mutable_data<float>()[i] = 0;
  net.set_constant(first, w);
  TrainOptions o = quick();
  o.optimizer.average = 0.9;
  for (const bool keeps : {true, false}) {
    o.optimizer.keeps_zeros = keeps;
    const Trained t = train(net, nullptr, data, held_out, o, engine());
    ASSERT_NE(t.best, 0u);
    const auto v = t.model.value(first).constant.data<float>();
    EXPECT_EQ(std::count(v.begin(), v.end(), 0.0f), keeps ? 18 : 0);
  }
}

TEST(Trainer, KeepsAMovingAverageOfTheWeightsWhereItIsAskedTo) {
  const TrainingData data = stripes(96, 1), held_out = stripes(40, 1000);
  TrainOptions o = quick();
  o.optimizer.average = 0.8;
  const Trained smooth = train(small_net(4, 3), nullptr, data, held_out, o, engine());
  EXPECT_GT(smooth.results[smooth.best].held_out.accuracy, 0.97);
  o.optimizer.average = 0.9999999;
  const Trained still = train(small_net(4, 3), nullptr, data, held_out, o, engine());
  EXPECT_NEAR(still.results.back().held_out.loss, still.results.front().held_out.loss, 1e-3)
      << "an average that hardly moves is not what is judged";
}

TEST(Schedule, RisesThenFallsAsItsRowSays) {
  EXPECT_DOUBLE_EQ(rate_factor(find_schedule("cosine"), 0.2, 0, 10), 1.0 / 3);
  EXPECT_DOUBLE_EQ(rate_factor(find_schedule("cosine"), 0.2, 2, 10), 1);
  EXPECT_NEAR(rate_factor(find_schedule("cosine"), 0, 5, 10), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(rate_factor(find_schedule("step"), 0, 4, 10), 1);
  EXPECT_DOUBLE_EQ(rate_factor(find_schedule("step"), 0, 5, 10), 0.1);
  EXPECT_DOUBLE_EQ(rate_factor(find_schedule("step"), 0, 9, 10), 0.01);
  EXPECT_DOUBLE_EQ(rate_factor(find_schedule("constant"), 0, 9, 10), 1);
  EXPECT_THROW(find_schedule("linear"), Error);
}

TEST(Trainer, SaysWhatDoesNotFit) {
  const TrainingData data = stripes(32, 1), held_out = stripes(16, 1000);
  const auto message = [&](const TrainingData& d, const TrainOptions& o, const Graph& g) -> std::string {
    try {
      train(g, nullptr, d, held_out, o, engine());
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  };
  TrainingData wrong = data;
  wrong.labels[5] = 2;
  EXPECT_NE(message(wrong, quick(), small_net(4, 3)).find("label 2, the model tells 2 classes apart"),
            std::string::npos);
  wrong.labels.clear();
  EXPECT_NE(message(wrong, quick(), small_net(4, 3)).find("have no labels"), std::string::npos);
  TrainOptions large = quick();
  large.batch = 64;
  EXPECT_NE(message(data, large, small_net(4, 3)).find("32 training samples for batches of 64"), std::string::npos);
  TrainOptions wild = quick();
  wild.learning_rate = 1e30;
  wild.optimizer.clip = 0;
  EXPECT_NE(message(data, wild, small_net(4, 3)).find("the loss is"), std::string::npos);
  TrainOptions crazy = quick();
  crazy.augments = parse_augments("shift=99");
  EXPECT_NE(message(data, crazy, small_net(4, 3)).find("shift=99"), std::string::npos);
  Graph one;
  ValueId row = one.add_input("x", {DType::kF32, Shape{1, 6, 6, 1}, nullptr});
  row = one.add(Reshape{}, {row, one.add_constant(Tensor::of<int64_t>({1}, {36}))});
  row = one.add(Reshape{}, {row, one.add_constant(Tensor::of<int64_t>({2}, {1, 36}))});
  one.set_outputs({one.add(FullyConnected{}, {row, one.add_constant(noise({2, 36}, 5, 0.3f))})});
  EXPECT_NE(message(data, quick(), one).find("--batch 1"), std::string::npos) << message(data, quick(), one);
  Graph fixed;
  fixed.set_outputs({fixed.add(Softmax{}, {fixed.add_input("x", {DType::kF32, Shape{1, 6, 6, 1}, nullptr})})});
  EXPECT_NE(message(data, quick(), fixed).find("no float weights"), std::string::npos);
}

}  // namespace
}  // namespace hone
