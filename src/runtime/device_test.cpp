// A provider for a device that is not there: memory of its own, a queue that nothing leaves before wait(), and failures
// on demand. What a plan does for such a provider is proven against the interpreter.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/text.h"
#include "ir/text.h"
#include "ops/all.h"
#include "ops/binary.h"
#include "ops/interpreter.h"
#include "ops/unary.h"
#include "runtime/session.h"

namespace hone {
namespace {

class FakeDevice {
 public:
  int fails_at = -1;  ///< the queued job that fails, counted from the last wait
  bool is_full = false;
  int waits = 0, uploads = 0, downloads = 0, fused = 0;
  bool claims = true;    ///< offers Add and Neg as one step
  bool revokes = false;  ///< and then does not make it

  std::shared_ptr<void> allocate(int64_t bytes) {
    if (is_full) throw resource_error("the device is full");
    const auto size = static_cast<size_t>(bytes + 64);
    auto* start = static_cast<std::byte*>(std::aligned_alloc(64, (size + 63) / 64 * 64));
    blocks_[start] = size;
    return std::shared_ptr<void>(start, [this](void* p) {
      blocks_.erase(static_cast<std::byte*>(p));
      std::free(p);
    });
  }

  bool owns(const void* p) const {
    const auto* at = static_cast<const std::byte*>(p);
    auto block = blocks_.upper_bound(at);
    return block != blocks_.begin() && at < std::prev(block)->first + std::prev(block)->second;
  }

  void queue(std::function<void()> job) { jobs_.push_back(std::move(job)); }
  bool is_idle() const { return jobs_.empty(); }

  void wait() {
    ++waits;
    std::vector<std::function<void()>> jobs;
    std::swap(jobs, jobs_);
    for (size_t i = 0; i < jobs.size(); ++i) {
      if (static_cast<int>(i) == fails_at) throw resource_error("the device fell off the bus");
      jobs[i]();
    }
  }

 private:
  std::map<const std::byte*, size_t> blocks_;
  std::vector<std::function<void()>> jobs_;
};

FakeDevice& device_of(void* self) { return *static_cast<FakeDevice*>(self); }

std::shared_ptr<void> allocate(void* self, int64_t bytes) { return device_of(self).allocate(bytes); }

void upload(void* self, void* to, const void* from, int64_t bytes) {
  FakeDevice& device = device_of(self);
  EXPECT_TRUE(device.owns(to));
  EXPECT_FALSE(device.owns(from));
  ++device.uploads;
  const auto* first = static_cast<const std::byte*>(from);
  device.queue(
      [to, copy = std::vector<std::byte>(first, first + bytes)] { std::memcpy(to, copy.data(), copy.size()); });
}

void download(void* self, void* to, const void* from, int64_t bytes) {
  FakeDevice& device = device_of(self);
  EXPECT_TRUE(device.owns(from));
  EXPECT_FALSE(device.owns(to));
  ++device.downloads;
  std::memset(to, 0xff, static_cast<size_t>(bytes));  // whoever reads before the wait reads NaN
  device.queue([=] { std::memcpy(to, from, static_cast<size_t>(bytes)); });
}

void wait(void* self) { device_of(self).wait(); }

/// One value at a time, on the device: f(x, y) of its inputs' elements.
class DeviceStep : public Step {
 public:
  DeviceStep(FakeDevice& device, float (*f)(float, float)) : device_(device), f_(f) {}

  void run(RunContext& context) const override {
    const Tensor& x = *context.inputs[0];
    const Tensor& y = *context.inputs[context.inputs.size() > 1 ? 1 : 0];
    Tensor& out = *context.outputs[0];
    for (const Tensor* t : {&x, &y, static_cast<const Tensor*>(&out)}) EXPECT_TRUE(device_.owns(t->raw()));
    const auto *a = static_cast<const float*>(x.raw()), *b = static_cast<const float*>(y.raw());
    auto* to = static_cast<float*>(out.mutable_raw());
    device_.queue([=, n = out.elements(), f = f_] {
      for (int64_t i = 0; i < n; ++i) to[i] = f(a[i], b[i]);
    });
  }

 private:
  FakeDevice& device_;
  float (*f_)(float, float);
};

bool is_equal_shape(const KernelRequest& r) {
  for (size_t i = 0; i < r.node().inputs.size(); ++i)
    if (r.input(i).shape != r.output().shape || r.constant(i).exists()) return false;
  return true;
}

template <class Op>
std::unique_ptr<Step> make(const KernelRequest& r) {
  constexpr bool kIsAdd = std::is_same_v<Op, Add>;
  if (!is_equal_shape(r)) return nullptr;
  return std::make_unique<DeviceStep>(device_of(r.self), [](float a, float b) { return kIsAdd ? a + b : -a; });
}

std::vector<Claim> claim_negated_sums(const ClaimRequest& request) {
  FakeDevice& device = device_of(request.self);
  std::vector<Claim> claims;
  for (const NodeId id : request.graph.order()) {
    const Node& node = request.graph.node(id);
    const Node* sum = node.is<Neg>() ? request.graph.producer(node.inputs[0]) : nullptr;
    if (!device.claims || !sum || !sum->is<Add>()) continue;
    claims.push_back({.nodes = {request.graph.value(node.inputs[0]).producer, id},
                      .inputs = sum->inputs,
                      .outputs = node.outputs,
                      .op = "Add+Neg",
                      .kernel = "fused",
                      .make = [&device]() -> std::unique_ptr<Step> {
                        if (device.revokes) return nullptr;
                        ++device.fused;
                        return std::make_unique<DeviceStep>(device, [](float a, float b) { return -(a + b); });
                      }});
  }
  return claims;
}

/// A device with its provider; each test has its own.
struct Fake {
  FakeDevice device;
  MemoryKind memory{"fake memory", &device, allocate, upload, download, wait};
  static constexpr Kernel kAdd[] = {{"add", make<Add>}};
  static constexpr Kernel kNeg[] = {{"neg", make<Neg>}};
  static constexpr KernelRow kRows[] = {{&Add::def, kAdd}, {&Neg::def, kNeg}};
  Provider provider{"fake", "a device that is not there", kRows, claim_negated_sums, &memory, &device};

  std::shared_ptr<const Plan> compile(const Graph& graph, const PlanOptions& options = {}) const {
    const Provider* providers[] = {&provider};
    return Plan::compile(graph, providers, options);
  }
};

std::string steps_of(const Plan& plan) {
  std::string text;
  for (const PlannedStep& step : plan.steps()) text += cat(text.empty() ? "" : " ", step.op, step.memory ? "@" : "");
  return text;
}

/// The device computes %a, %b and %y, the host %h between them.
constexpr std::string_view kMixed = R"(graph "mixed" {
  input %x: f32[3]
  %a: f32[3] = Neg(%x)
  %b: f32[3] = Add(%a, %x)
  %h: f32[3] = Exp(%b)
  %y: f32[3] = Add(%h, %a)
  output %y, %h
})";

std::vector<Tensor> three(float a, float b, float c) { return {Tensor::of<float>({3}, {a, b, c})}; }

void expect_as_interpreted(Session& session, const Graph& graph, const std::vector<Tensor>& inputs) {
  const std::vector<Tensor> expected = evaluate(graph, inputs);
  const std::vector<Tensor>& actual = session.run(inputs);
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_TRUE(identical(actual[i], expected[i])) << i;
}

TEST(Device, ValuesAreCopiedOnceWhereTheyCrossAndWaitedForBeforeTheHostReads) {
  Fake fake;
  const Graph graph = parse_graph(kMixed, all_ops());
  const auto plan = fake.compile(graph);
  EXPECT_EQ(steps_of(*plan), "Copy@ Neg@ Add@ Copy Wait Exp Copy@ Add@ Copy Wait");
  ASSERT_EQ(plan->device_arenas().size(), 1u);
  EXPECT_GT(plan->device_arenas()[0].bytes, 0);
  Session session(plan);
  for (int run = 0; run < 3; ++run) expect_as_interpreted(session, graph, three(1, -2, 0.5f + static_cast<float>(run)));
  EXPECT_EQ(fake.device.uploads, 6);
  EXPECT_EQ(fake.device.downloads, 6);
}

constexpr std::string_view kFusible = R"(graph "fusible" {
  input %x: f32[3]
  %s: f32[3] = Add(%x, %x)
  %y: f32[3] = Neg(%s)
  output %y
})";

TEST(Device, AClaimOfTwoNodesIsOneStep) {
  Fake fake;
  const Graph graph = parse_graph(kFusible, all_ops());
  EXPECT_EQ(steps_of(*fake.compile(graph)), "Copy@ Add+Neg@ Copy Wait");
  Session session(fake.compile(graph));
  expect_as_interpreted(session, graph, three(1, 2, 3));
}

TEST(Device, AClaimThatIsRevokedLeavesItsNodesToTheRows) {
  Fake fake;
  fake.device.revokes = true;
  const Graph graph = parse_graph(kFusible, all_ops());
  EXPECT_EQ(steps_of(*fake.compile(graph)), "Copy@ Add@ Neg@ Copy Wait");
}

TEST(Device, AClaimThatHidesWhatOthersReadIsNotTaken) {
  Fake fake;
  const Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[3]
    %s: f32[3] = Add(%x, %x)
    %y: f32[3] = Neg(%s)
    output %y, %s
  })",
                                  all_ops());
  EXPECT_EQ(steps_of(*fake.compile(graph)), "Copy@ Add@ Neg@ Copy Copy Wait");
  EXPECT_EQ(fake.device.fused, 0);
}

TEST(Device, ObserversOfValuesRefuseIt) {
  Fake fake;
  const Graph graph = parse_graph(kFusible, all_ops());
  EXPECT_EQ(steps_of(*fake.compile(graph, {.refuses = hides_values})), "Add Neg");
}

TEST(Device, AFailureReachesTheCallerAndTheSessionRunsOn) {
  Fake fake;
  const Graph graph = parse_graph(kMixed, all_ops());
  Session session(fake.compile(graph));
  for (const int job : {0, 1, 2, 3}) {
    fake.device.fails_at = job;
    EXPECT_THROW(session.run(three(1, 2, 3)), Error) << job;
    EXPECT_TRUE(fake.device.is_idle());
    fake.device.fails_at = -1;
    expect_as_interpreted(session, graph, three(3, 2, 1));
  }
}

TEST(Device, AHostStepThatFailsLeavesNothingQueued) {
  Fake fake;
  const Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[3]
    input %i: i64[1]
    %a: f32[3] = Neg(%x)
    %b: f32[1] = Gather(%x, %i) {axis=0}
    output %a, %b
  })",
                                  all_ops());
  Session session(fake.compile(graph));
  std::vector<Tensor> inputs = three(1, 2, 3);
  inputs.push_back(Tensor::of<int64_t>({1}, {7}));
  EXPECT_THROW(session.run(inputs), Error);
  EXPECT_TRUE(fake.device.is_idle());
}

TEST(Device, AFullDeviceIsAnErrorOfTheSession) {
  Fake fake;
  fake.device.is_full = true;
  const auto plan = fake.compile(parse_graph(kMixed, all_ops()));
  try {
    const Session session(plan);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kResource);
  }
}

TEST(Device, StatesComeHomeAfterEveryRun) {
  Fake fake;
  const Graph graph = parse_graph(R"(graph "g" {
    input %x: f32[3]
    state %s: f32[3] = {0, 0, 0}
    %t: f32[3] = Add(%x, %s)
    output %t
    next %s = %t
  })",
                                  all_ops());
  Session session(fake.compile(graph));
  for (const double expected : {1, 2, 3}) EXPECT_EQ(to_doubles(session.run(three(1, 1, 1))[0])[0], expected);
}

TEST(Device, WhatItDeclinesGoesToTheNextProviderThenToTheReference) {
  Fake fake;
  Fake other;
  other.provider.name = "other";
  const Graph graph = parse_graph(kFusible, all_ops());
  fake.device.claims = false;
  Provider negations = fake.provider;
  negations.rows = std::span(Fake::kRows).subspan(1);
  const Provider* providers[] = {&negations, &other.provider};
  const auto plan = Plan::compile(graph, providers);
  EXPECT_EQ(steps_of(*plan), "Copy@ Add@ Copy Wait Copy@ Neg@ Copy Wait");
  EXPECT_EQ(plan->steps()[1].provider, "other");
  EXPECT_EQ(plan->steps()[5].provider, "fake");
  Session session(plan);
  expect_as_interpreted(session, graph, three(1, 2, 3));
}

}  // namespace
}  // namespace hone
