#include "measure/metric.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "base/error.h"
#include "measure/budget.h"

namespace hone {
namespace {

using Outputs = std::vector<Numbers>;

/// A data set of given outputs: what the model as given says of each sample, and the inputs where a metric needs them.
struct Exam {
  std::string metric;
  std::vector<Outputs> inputs, expected;
  std::vector<int64_t> labels;
  Budget budget;
  std::vector<std::vector<Annotation>> boxes = {};
  std::vector<Mask> masks = {};
};

OutputFacts facts_of(const Exam& exam, size_t output) {
  OutputFacts facts{.name = "out" + std::to_string(output), .dims = exam.expected[0][output].dims};
  facts.sums_to_one_last = facts.sums_to_one_second = false;
  for (const Outputs& sample : exam.expected)
    for (const double v : sample[output].values) {
      facts.low = std::min(facts.low, v);
      facts.high = std::max(facts.high, v);
    }
  return facts;
}

Task task_of(const Exam& exam) {
  Task task{
      .labels = exam.labels, .samples = static_cast<int64_t>(exam.expected.size()), .has_masks = !exam.masks.empty()};
  if (!exam.boxes.empty()) task.box_classes = 2;
  if (!exam.inputs.empty()) task.inputs.push_back(exam.inputs[0][0].dims);
  for (size_t o = 0; o < exam.expected[0].size(); ++o) task.outputs.push_back(facts_of(exam, o));
  return task;
}

Score score_of(const Exam& exam, const Metric& metric, const std::vector<Outputs>& actual) {
  Score score;
  for (size_t i = 0; i < actual.size(); ++i) {
    const Outputs none;
    const Exhibit e{exam.inputs.empty() ? none : exam.inputs[i],
                    exam.expected[i],
                    actual[i],
                    exam.labels.empty() ? -1 : exam.labels[i],
                    exam.boxes.empty() ? std::span<const Annotation>() : exam.boxes[i],
                    exam.masks.empty() ? nullptr : &exam.masks[i]};
    const std::vector<double> tally = metric.row->tally(metric, e);
    score.tallies.width = tally.size();
    score.tallies.numbers.insert(score.tallies.numbers.end(), tally.begin(), tally.end());
  }
  score.value = metric.value(score.tallies);
  score.interval = metric.interval(score.tallies);
  return score;
}

/// `sabotage` applied to what the model as given says.
std::vector<Outputs> broken(const Exam& exam, const std::function<void(Numbers&, size_t sample)>& sabotage) {
  std::vector<Outputs> actual = exam.expected;
  for (size_t i = 0; i < actual.size(); ++i)
    for (Numbers& n : actual[i]) sabotage(n, i);
  return actual;
}

std::mt19937& dice() {
  static std::mt19937 engine(7);
  return engine;
}
double normal(double deviation = 1) { return std::normal_distribution<double>(0, deviation)(dice()); }
double uniform() { return std::uniform_real_distribution<double>(0, 1)(dice()); }

/// Every metric passes the model itself and one that is hardly different, and rejects zeros, numbers in another order,
/// noise, and the answers to other samples.
void expect_that_only_the_sound_pass(const Exam& exam) {
  const Task task = task_of(exam);
  const Metric metric = find_metric(exam.metric, task);
  const Score own = score_of(exam, metric, exam.expected);
  ASSERT_EQ(exam.budget.undefined(metric, own), "") << exam.metric;
  const auto passes = [&](const std::vector<Outputs>& actual) {
    return exam.budget.allows(metric, score_of(exam, metric, actual), own).is_allowed;
  };
  EXPECT_TRUE(passes(exam.expected)) << exam.metric;
  const auto nearly = broken(exam, [](Numbers& n, size_t) {
    for (double& v : n.values) v *= 1 + 1e-4;
  });
  EXPECT_TRUE(passes(nearly)) << exam.metric << " rejects a rounding error";
  const auto zeros = broken(exam, [](Numbers& n, size_t) { std::fill(n.values.begin(), n.values.end(), 0.0); });
  EXPECT_FALSE(passes(zeros)) << exam.metric << " accepts zeros";
  const auto noise = broken(exam, [&](Numbers& n, size_t) {
    for (double& v : n.values) v = uniform();
  });
  EXPECT_FALSE(passes(noise)) << exam.metric << " accepts noise";
  std::vector<Outputs> others = exam.expected;
  std::rotate(others.begin(), others.begin() + static_cast<int64_t>(others.size() / 2 + 1), others.end());
  EXPECT_FALSE(passes(others)) << exam.metric << " accepts the answers to other samples";
  const auto nans = broken(exam, [](Numbers& n, size_t) { std::fill(n.values.begin(), n.values.end(), NAN); });
  EXPECT_FALSE(passes(nans)) << exam.metric << " accepts NaN";
}

/// Numbers of one output in another order.
std::vector<Outputs> reversed(const Exam& exam) {
  return broken(exam, [](Numbers& n, size_t) { std::reverse(n.values.begin(), n.values.end()); });
}

bool passes(const Exam& exam, const std::vector<Outputs>& actual) {
  const Metric metric = find_metric(exam.metric, task_of(exam));
  return exam.budget.allows(metric, score_of(exam, metric, actual), score_of(exam, metric, exam.expected)).is_allowed;
}

/// A classifier of 10 classes that is right on nine samples in ten.
Exam classifier(bool has_labels) {
  Exam exam{.metric = has_labels ? "top1" : "agreement"};
  for (int64_t i = 0; i < 200; ++i) {
    Numbers scores{{1, 10}, std::vector<double>(10, 0.02)};
    scores.values[static_cast<size_t>(i * 7 % 10)] = 0.82;
    exam.expected.push_back({scores});
    if (has_labels) exam.labels.push_back(i % 10 == 3 ? 0 : i * 7 % 10);
  }
  return exam;
}

TEST(Sabotage, TopOneRejectsWhatAnswersAtRandom) {
  const Exam exam = classifier(true);
  expect_that_only_the_sound_pass(exam);
  EXPECT_FALSE(passes(exam, reversed(exam)));
}

TEST(Sabotage, TopFiveCountsTheFiveLargest) {
  Exam exam = classifier(true);
  exam.metric = "top5";
  const Metric metric = find_metric("top5", task_of(exam));
  EXPECT_EQ(metric.title, "top-5 accuracy");
  EXPECT_FALSE(passes(exam, broken(exam, [](Numbers& n, size_t) {
                        for (double& v : n.values) v = -v;
                      })));
}

TEST(Sabotage, AgreementRejectsOtherDecisions) {
  const Exam exam = classifier(false);
  expect_that_only_the_sound_pass(exam);
  EXPECT_FALSE(passes(exam, reversed(exam)));
}

TEST(Sabotage, BinaryRejectsAScoreThatSaysNothing) {
  Exam exam{.metric = "binary"};
  for (int64_t i = 0; i < 200; ++i) {
    exam.labels.push_back(i / 100);
    exam.expected.push_back({{{1, 1}, {i / 100 == (i % 20 == 0) ? 0.1 : 0.9}}});
  }
  expect_that_only_the_sound_pass(exam);
}

Exam numbers(const std::string& metric, double mean = 0) {
  Exam exam{.metric = metric};
  for (int i = 0; i < 20; ++i) {
    Outputs outputs;
    for (const int64_t size : {1, 64}) {
      Numbers n{{1, size}, {}};
      for (int64_t k = 0; k < size; ++k) n.values.push_back(mean + normal());
      outputs.push_back(n);
    }
    exam.expected.push_back(outputs);
  }
  return exam;
}

TEST(Sabotage, SqnrRejectsNoiseInAnyOutput) {
  const Exam exam = numbers("sqnr");
  expect_that_only_the_sound_pass(exam);
  EXPECT_FALSE(passes(exam, reversed(exam)));
  std::vector<Outputs> second = exam.expected;
  for (Outputs& sample : second) std::fill(sample[1].values.begin(), sample[1].values.end(), 0.0);
  EXPECT_FALSE(passes(exam, second)) << "a broken second output passes";
  std::vector<Outputs> first = exam.expected;
  for (Outputs& sample : first) sample[0].values[0] = 0.4;
  EXPECT_FALSE(passes(exam, first)) << "one broken value among 65 passes";
}

TEST(Sabotage, MaeRejectsLargeErrorsAndNeedsABound) {
  Exam exam = numbers("mae");
  const Metric metric = find_metric("mae", task_of(exam));
  EXPECT_NE(exam.budget.undefined(metric, score_of(exam, metric, exam.expected)), "");
  exam.budget.bound = 0.05;
  expect_that_only_the_sound_pass(exam);
  EXPECT_FALSE(passes(exam, reversed(exam)));
}

TEST(Sabotage, CosineRejectsOtherDirections) {
  const Exam exam = numbers("cosine");
  expect_that_only_the_sound_pass(exam);
  EXPECT_FALSE(passes(exam, reversed(exam)));
}

TEST(Sabotage, MapsRejectOtherClasses) {
  for (const char* name : {"miou", "pixels"}) {
    Exam exam{.metric = name};
    for (int i = 0; i < 12; ++i) {
      Numbers map{{1, 16, 16, 4}, std::vector<double>(16 * 16 * 4, 0.1)};
      for (size_t p = 0; p < 256; ++p) map.values[4 * p + ((p / 16 + static_cast<size_t>(i)) / 4) % 4] = 0.7;
      exam.expected.push_back({map});
    }
    expect_that_only_the_sound_pass(exam);
    EXPECT_FALSE(passes(exam, reversed(exam))) << name;
  }
}

/// Four bands of 16 rows, each of another class, which the model finds up to one row; masks of twice the size, the last
/// row void.
Exam masked() {
  Exam exam{.metric = "masks"};
  for (size_t i = 0; i < 12; ++i) {
    Numbers map{{1, 16, 16, 4}, std::vector<double>(16 * 16 * 4, 0.1)};
    Mask mask{32, 32, {}};
    const auto band = [&](size_t row) { return (row + i) / 4 % 4; };
    for (size_t p = 0; p < 256; ++p) map.values[4 * p + band(p / 16)] = 0.7;
    for (size_t p = 0; p < 1024; ++p)
      mask.classes.push_back(p / 64 == 15 ? Mask::kVoid : static_cast<uint8_t>(band(p / 64 == 3 ? 4 : p / 64)));
    exam.expected.push_back({map});
    exam.masks.push_back(mask);
  }
  return exam;
}

TEST(Sabotage, MasksRejectOtherClasses) {
  const Exam exam = masked();
  expect_that_only_the_sound_pass(exam);
  EXPECT_FALSE(passes(exam, reversed(exam)));
  EXPECT_FALSE(passes(exam, broken(exam, [](Numbers& n, size_t) {
                        for (size_t p = 0; p < n.values.size(); p += 4) std::swap(n.values[p], n.values[p + 1]);
                      })));
}

TEST(Metric, PixelsOutsideOfMasksCountForNothing) {
  const Exam exam = masked();
  const Metric metric = find_metric("masks", task_of(exam));
  const Score own = score_of(exam, metric, exam.expected);
  EXPECT_LT(own.value, 1);
  const auto last_row_wrong = broken(exam, [](Numbers& n, size_t) {
    for (size_t p = 15 * 16 * 4; p < n.values.size(); ++p) n.values[p] = p % 4 == 0 ? 1 : 0;
  });
  EXPECT_DOUBLE_EQ(score_of(exam, metric, last_row_wrong).value, own.value);
}

TEST(Metric, SaysThatMasksOfOtherClassesMeasureNothing) {
  Exam exam = masked();
  const Metric metric = find_metric("masks", task_of(exam));
  for (Mask& mask : exam.masks)
    for (uint8_t& c : mask.classes) c = c == Mask::kVoid ? c : 3 - c;
  const std::string reason = exam.budget.undefined(metric, score_of(exam, metric, exam.expected));
  EXPECT_NE(reason.find("what the masks say"), std::string::npos) << reason;
  exam.masks[0].classes[33] = 9;
  EXPECT_THROW(score_of(exam, metric, exam.expected), Error);
}

TEST(Sabotage, BoxesRejectWhatStandsElsewhere) {
  Exam exam{.metric = "boxes"};
  for (int i = 0; i < 12; ++i) {
    Numbers boxes{{1, 20, 4}, {}}, scores{{1, 20, 2}, {}};
    for (int k = 0; k < 20; ++k) {
      const double x = uniform() * 0.8, y = uniform() * 0.8;
      boxes.values.insert(boxes.values.end(), {x, y, x + 0.1, y + 0.15});
      const double score = k < 3 ? 0.9 : 0.05;
      scores.values.insert(scores.values.end(), {1 - score, score});
    }
    exam.expected.push_back({boxes, scores});
  }
  exam.inputs.assign(12, Outputs{{{1, 320, 320, 3}, {}}});
  expect_that_only_the_sound_pass(exam);
  std::vector<Outputs> moved = exam.expected;
  for (Outputs& sample : moved)
    for (double& v : sample[0].values) v += 0.2;
  EXPECT_FALSE(passes(exam, moved));
  std::vector<Outputs> silent = exam.expected;
  for (Outputs& sample : silent)
    for (double& v : sample[1].values) v = 0.1;
  EXPECT_FALSE(passes(exam, silent));
}

/// Three objects of class 1 on each of a dozen pictures, found a little beside where they are.
Exam annotated(const std::string& metric) {
  Exam exam{.metric = metric};
  for (int i = 0; i < 12; ++i) {
    Numbers boxes{{1, 20, 4}, {}}, scores{{1, 20, 2}, {}};
    std::vector<Annotation> truth;
    for (int k = 0; k < 20; ++k) {
      const double x = 0.15 * (k % 5) + 0.05 * uniform(), y = 0.2 * (k / 5) + 0.05 * uniform();
      boxes.values.insert(boxes.values.end(), {x, y, x + 0.1, y + 0.15});
      const bool is_object = k % 5 == i % 5 && k < 15;
      scores.values.insert(scores.values.end(), {0.001, is_object ? 0.9 - 0.01 * k : 0.05});
      if (is_object) truth.push_back({x + 0.005, y, x + 0.105, y + 0.15, 1, false});
    }
    exam.expected.push_back({boxes, scores});
    exam.boxes.push_back(truth);
  }
  exam.inputs.assign(12, Outputs{{{1, 320, 320, 3}, {}}});
  return exam;
}

TEST(Sabotage, PrecisionRejectsBoxesThatNobodySaw) {
  for (const char* name : {"map", "map50"}) {
    const Exam exam = annotated(name);
    expect_that_only_the_sound_pass(exam);
    std::vector<Outputs> moved = exam.expected;
    for (Outputs& sample : moved)
      for (double& v : sample[0].values) v += 0.07;
    EXPECT_FALSE(passes(exam, moved));
    std::vector<Outputs> of_another_class = exam.expected;
    for (Outputs& sample : of_another_class)
      for (size_t k = 0; k < 40; k += 2) std::swap(sample[1].values[k], sample[1].values[k + 1]);
    EXPECT_FALSE(passes(exam, of_another_class));
  }
}

TEST(Metric, AveragesPrecisionAsCocoDoes) {
  Exam exam = annotated("map50");
  const Metric strict = find_metric("map50", task_of(exam));
  EXPECT_DOUBLE_EQ(score_of(exam, strict, exam.expected).value, 1);
  // Half of what there is was never found: precision is 1 up to a recall of one half, at 51 of 101 places.
  for (std::vector<Annotation>& list : exam.boxes)
    for (size_t k = 0; k < 3; ++k) list.push_back({0.9, 0.9, 0.95, 0.95, 1, false});
  EXPECT_DOUBLE_EQ(score_of(exam, strict, exam.expected).value, 51.0 / 101);
  // What is unsure counts for nothing.
  for (std::vector<Annotation>& list : exam.boxes)
    for (size_t k = 3; k < 6; ++k) list[k].is_unsure = true;
  EXPECT_DOUBLE_EQ(score_of(exam, strict, exam.expected).value, 1);
}

TEST(Metric, SaysThatAModelOfOtherClassesIsNotMeasured) {
  Exam exam = annotated("map");
  for (std::vector<Annotation>& list : exam.boxes)
    for (Annotation& a : list) a.label = 0;
  const Metric metric = find_metric("map", task_of(exam));
  const std::string reason = exam.budget.undefined(metric, score_of(exam, metric, exam.expected));
  EXPECT_NE(reason.find("--labels names them"), std::string::npos) << reason;
}

Exam anomaly(const std::string& metric) {
  Exam exam{.metric = metric};
  for (int64_t i = 0; i < 100; ++i) {
    Numbers in{{1, 32}, {}}, out{{1, 32}, {}};
    const bool is_odd = i % 2 == 1;
    for (int k = 0; k < 32; ++k) {
      in.values.push_back(normal());
      out.values.push_back(in.values.back() + normal(0.1 + 0.004 * static_cast<double>(i) + (is_odd ? 0.5 : 0)));
    }
    exam.inputs.push_back({in});
    exam.expected.push_back({out});
    if (metric == "auc") exam.labels.push_back(is_odd);
  }
  return exam;
}

TEST(Sabotage, AnomalyScoresRejectReconstructionsOfNothing) {
  for (const char* name : {"auc", "rank"}) expect_that_only_the_sound_pass(anomaly(name));
}

TEST(Metric, SaysUndefinedWhereABrokenModelWouldPass) {
  const auto reason = [](const Exam& exam) {
    const Metric metric = find_metric(exam.metric, task_of(exam));
    return exam.budget.undefined(metric, score_of(exam, metric, exam.expected));
  };
  Exam one_class = classifier(true);
  std::fill(one_class.labels.begin(), one_class.labels.end(), 0);
  EXPECT_NE(reason(one_class).find("one class"), std::string::npos);
  Exam guessing = classifier(true);
  for (Outputs& sample : guessing.expected) sample[0].values.assign(10, 0.1);
  EXPECT_NE(reason(guessing).find("is right on"), std::string::npos);
  Exam constant = classifier(false);
  for (Outputs& sample : constant.expected) sample = constant.expected[0];
  EXPECT_NE(reason(constant), "");
  EXPECT_NE(reason(numbers("sqnr", 100)).find("hardly changes"), std::string::npos);
  EXPECT_NE(reason(numbers("cosine", 100)).find("hardly changes"), std::string::npos);
}

TEST(Metric, FollowsTheTaskWhenNobodySaysHow) {
  const auto first = [](Task task) { return default_metrics(task).front().name; };
  OutputFacts probabilities{.name = "p", .dims = {1, 10}, .low = 0, .high = 1};
  EXPECT_EQ(first({.outputs = {probabilities}, .labels = {0, 1}}), "top1");
  EXPECT_EQ(first({.outputs = {probabilities}}), "agreement");
  OutputFacts row{.name = "r", .dims = {1, 640}, .low = -3, .high = 9, .sums_to_one_last = false};
  EXPECT_EQ(first({.inputs = {{1, 640}}, .outputs = {row}}), "sqnr");
  EXPECT_EQ(first({.inputs = {{1, 640}}, .outputs = {row}, .labels = {0, 1}}), "auc");
  OutputFacts one{.name = "o", .dims = {1, 1}, .low = 0, .high = 1, .sums_to_one_last = false};
  EXPECT_EQ(first({.outputs = {one}}), "sqnr");
  EXPECT_EQ(first({.outputs = {one}, .labels = {0, 1}}), "binary");
  OutputFacts map{.name = "m", .dims = {1, 32, 32, 5}, .low = 0, .high = 1};
  EXPECT_EQ(first({.outputs = {map}}), "miou");
}

TEST(Metric, NamesThatDoNotExistListThoseThatDo) {
  try {
    find_metric("sqrn", {.outputs = {{.name = "y", .dims = {1, 3}}}});
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(e.message().find("topk"), std::string::npos);
    EXPECT_NE(std::string(e.what()).find("sqnr"), std::string::npos);
  }
}

TEST(Budget, ANumberThatIsNotFiniteIsNeverAllowed) {
  const Exam exam = classifier(true);
  const Metric metric = find_metric("top1", task_of(exam));
  const Score own = score_of(exam, metric, exam.expected);
  Score other = own;
  other.non_finite = 1;
  EXPECT_FALSE(exam.budget.allows(metric, other, own).is_allowed);
  other = own;
  other.other_db = 3;
  other.other_output = "boxes";
  const Verdict v = exam.budget.allows(metric, other, own);
  EXPECT_FALSE(v.is_allowed);
  EXPECT_NE(v.reason.find("output 'boxes' reaches 3 dB"), std::string::npos) << v.reason;
}

TEST(Budget, TwoSamplesWithoutADifferenceAreNoCertainty) {
  Exam exam = classifier(true);
  exam.expected.resize(2);
  exam.labels = {0, 7};
  const Metric metric = find_metric("top1", task_of(exam));
  const Score own = score_of(exam, metric, exam.expected);
  const Verdict v = exam.budget.allows(metric, own, own);
  EXPECT_TRUE(v.is_allowed);
  EXPECT_FALSE(v.is_certain);
  EXPECT_GT(v.drop_interval.high, 20);
  EXPECT_LT(v.drop_interval.low, -20);
}

TEST(Budget, BoxesOfTwoPhotosWithoutADifferenceAreNoCertainty) {
  const MetricRow* row = nullptr;
  for (const MetricRow* r : all_metrics())
    if (r->name == "boxes") row = r;
  ASSERT_NE(row, nullptr);
  const Metric metric{.row = row, .name = "boxes"};
  const Tallies same{.width = 3, .numbers = {4, 4, 4, 2, 2, 2}};
  EXPECT_GT(metric.drop_interval(same, same).high, 20);
}

}  // namespace
}  // namespace hone
