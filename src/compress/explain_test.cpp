// Models are sabotaged in one place each; the place and what is wrong with it must come first.
#include "compress/explain.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "compress/quantize.h"
#include "compress/simulate.h"
#include "compress/weights.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/interpreter.h"

namespace hone {
namespace {

constexpr std::string_view kNet = R"(graph "net" {
  input %x: f32[1,8,8,3]
  const %w1: f32[16,3,3,3] = random(1)
  const %b1: f32[16] = random(2)
  const %w2: f32[16,1,1,16] = random(3)
  const %w3: f32[8,1,1,16] = random(4)
  const %w4: f32[12,1,1,24] = random(5)
  const %b4: f32[12] = random(6)
  const %wf: f32[10,12] = random(7)
  const %bf: f32[10] = random(8)
  const %axes: i64[2] = {1, 2}
  %c1 = Conv(%x, %w1, %b1) {act_min=0}
  %c2 = Conv(%c1, %w2) {act_min=0}
  %c3 = Conv(%c1, %w3) {act_min=0}
  %j = Concat(%c2, %c3) {axis=3}
  %c4 = Conv(%j, %w4, %b4) {act_min=0}
  %p = ReduceMean(%c4, %axes) {keepdims=false}
  %l = FullyConnected(%p, %wf, %bf)
  output %l
})";

Tensor random_input(uint64_t seed) {
  Tensor x = Tensor::empty(DType::kF32, {1, 8, 8, 3});
  for (float& v : x.mutable_data<float>()) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<float>(static_cast<double>(seed >> 11) * 0x1p-52 - 1);
  }
  return x;
}

Evidence evidence() {
  return {{16, [](size_t i) { return std::vector<Tensor>{random_input(i + 1)}; }},
          {.providers = {&reference_provider()}}};
}

ValueId value_named(const Graph& graph, const std::string& name) {
  for (size_t i = 0; i < graph.value_capacity(); ++i)
    if (graph.value({static_cast<int32_t>(i)}).name == name) return {static_cast<int32_t>(i)};
  return {};
}

template <class T, class F>
void edit(Graph& graph, const std::string& name, const F& change) {
  const ValueId id = value_named(graph, name);
  Tensor t = graph.value(id).constant.clone();
  auto data = t.mutable_data<T>();
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<T>(change(i, data[i]));
  graph.set_constant(id, t);
}

/// A float model and its quantized form, with one fault between them.
struct Case {
  Graph real = parse_graph(kNet, all_ops());
  Ranges ranges;
  Graph rounded;

  void calibrate() {
    const Evidence data = evidence();
    ranges = to_ranges(data.statistics("", real), find_calibrator("minmax"));
  }
  void quantize(QuantizeOptions options = {}) { rounded = quantize_static(real, ranges, options); }
};

struct Fault {
  const char* name;
  void (*make)(Case&);
  const char* node;
  Mechanism mechanism;
};

const Fault kFaults[] = {
    {"a range that clips",
     [](Case& c) {
       c.calibrate();
       c.ranges["c4"].max *= 0.2f;
       c.quantize();
     },
     "c4", Mechanism::kClippedRange},
    {"a range far too wide",
     [](Case& c) {
       c.calibrate();
       c.ranges["c1"].max *= 60;
       c.quantize();
     },
     "c1", Mechanism::kWideRange},
    {"an input scaled for other numbers",
     [](Case& c) {
       c.calibrate();
       c.ranges["x"] = {0, 255};
       c.quantize();
     },
     "x", Mechanism::kInputRange},
    {"one channel of an activation a hundred times the others",
     [](Case& c) {
       edit<float>(c.real, "w1", [](size_t i, float v) { return i / 27 == 3 ? v * 100 : v; });
       edit<float>(c.real, "b1", [](size_t i, float v) { return i == 3 ? v * 100 : v; });
       edit<float>(c.real, "w2", [](size_t i, float v) { return i % 16 == 3 ? v / 100 : v; });
       edit<float>(c.real, "w3", [](size_t i, float v) { return i % 16 == 3 ? v / 100 : v; });
       c.calibrate();
       c.quantize();
     },
     "c1", Mechanism::kOutlierChannel},
    {"joined parts of unlike range",
     [](Case& c) {
       edit<float>(c.real, "w3", [](size_t, float v) { return v / 200; });
       edit<float>(c.real, "w4", [](size_t i, float v) { return i % 24 >= 16 ? v * 200 : v; });
       c.calibrate();
       c.quantize();
     },
     "j", Mechanism::kMergedScales},
    {"one stray weight that sets the step of all channels",
     [](Case& c) {
       // It reads a channel that is always zero.
       edit<float>(c.real, "w3", [](size_t i, float v) { return i / 16 == 4 ? 0 : v; });
       edit<float>(c.real, "w4", [](size_t i, float v) { return i == 3 * 24 + 20 ? 40 : v; });
       c.calibrate();
       c.quantize();
       c.rounded.set_constant(value_named(c.rounded, "w4"),
                              quantize_weights(c.real.value(value_named(c.real, "w4")).constant, -1));
     },
     "c4", Mechanism::kUnlikeWeights},
    {"weights of another training",
     [](Case& c) {
       c.calibrate();
       c.quantize();
       edit<int8_t>(c.rounded, "w2", [](size_t i, int8_t v) { return i % 3 == 0 ? -v : v; });
     },
     "c2", Mechanism::kOtherWeights},
    {"weights cut at half of their range",
     [](Case& c) {
       c.calibrate();
       c.quantize();
       const ValueId w = value_named(c.rounded, "w4");
       const QuantPtr quant = c.rounded.type(w).quant;
       std::vector<float> halves = quant->scales;
       for (float& s : halves) s /= 2;
       Tensor cut = quantize(c.real.value(value_named(c.real, "w4")).constant, DType::kI8,
                             QuantParams::per_channel(halves, quant->zero_points, 0));
       c.rounded.set_constant(w, cut);
     },
     "c4", Mechanism::kClippedWeights},
    {"a bias that was lost",
     [](Case& c) {
       c.calibrate();
       c.quantize();
       edit<int32_t>(c.rounded, "b4", [](size_t, int32_t) { return 0; });
     },
     "c4", Mechanism::kOtherBias},
    {"an output of unlike units",
     [](Case& c) {
       edit<float>(c.real, "wf", [](size_t i, float v) { return i / 12 < 2 ? v * 1000 : v; });
       c.calibrate();
       c.quantize();
       c.rounded.set_constant(value_named(c.rounded, "wf"),
                              quantize_weights(c.real.value(value_named(c.real, "wf")).constant, 0));
     },
     "l", Mechanism::kMixedUnits},
};

TEST(Explain, NamesThePlaceAndTheMechanismOfEveryFaultFirst) {
  for (const Fault& fault : kFaults) {
    Case c;
    fault.make(c);
    const Explanation found = explain(c.real, c.rounded, evidence());
    ASSERT_FALSE(found.culprits.empty()) << fault.name;
    EXPECT_EQ(found.unmatched, 0);
    const Culprit& first = found.culprits.front();
    EXPECT_EQ(first.node, fault.node) << fault.name << ": " << first.evidence;
    EXPECT_EQ(to_string(first.mechanism), to_string(fault.mechanism)) << fault.name << ": " << first.evidence;
    EXPECT_GT(first.gain_db, 0.5) << fault.name;
    EXPECT_FALSE(first.evidence.empty());
  }
}

TEST(Explain, TheRecipeThatItProposesWinsWhatItSays) {
  for (const Fault& fault : kFaults) {
    if (fault.mechanism != Mechanism::kOutlierChannel && fault.mechanism != Mechanism::kMergedScales) continue;
    Case c;
    fault.make(c);
    const Explanation found = explain(c.real, c.rounded, evidence());
    const Recipe recipe = fixed_recipe(found, c.real, "minmax");
    const Explanation after = explain(c.real, apply(recipe, c.real, evidence()), evidence());
    EXPECT_GT(after.sqnr_db, found.sqnr_db + 3) << fault.name << ": " << to_text(recipe);
  }
}

TEST(Explain, SimulatesTheIntegersClosely) {
  Case c;
  c.calibrate();
  c.quantize();
  const Graph simulated = simulate(c.rounded);
  verify(simulated);
  for (uint64_t seed = 50; seed < 60; ++seed) {
    const std::vector<Tensor> inputs = {random_input(seed)};
    const auto a = to_doubles(evaluate(c.rounded, inputs)[0]), b = to_doubles(evaluate(simulated, inputs)[0]);
    const double step = c.rounded.type(value_named(c.rounded, "l_stored")).quant->scale();
    for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i], b[i], 3 * step);
  }
}

TEST(Explain, RefusesModelsThatHaveNothingInCommon) {
  Case c;
  EXPECT_THROW(explain(c.real, c.real, evidence()), Error);
  EXPECT_THROW(explain(c.real, c.real, Evidence()), Error);
}

}  // namespace
}  // namespace hone
