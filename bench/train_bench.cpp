// hone_train_bench MODEL [BATCH [THREADS [SECONDS]]]: samples a second of training steps (forward, backward, update) on
// noise, the median of all steps within the time, and which operators take how much of it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "compress/dequantize.h"
#include "formats/formats.h"
#include "passes/pipelines.h"
#include "providers/cpu/provider.h"
#include "runtime/session.h"
#include "train/random.h"
#include "train/training_graph.h"

namespace hone {
namespace {

Tensor noise(const TensorType& type, Random& random) {
  Tensor t = Tensor::empty(type.dtype, type.shape.dims());
  for (float& v : t.mutable_data<float>()) v = static_cast<float>(random.share());
  return t;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int run(const std::string& path, int64_t batch, int threads, double seconds) {
  Graph model = read_model(path);
  run_pipeline(model, standard_pipeline());
  model = with_float_weights(model);
  const Optimizer optimizer{.kind = Optimizer::kAdamW, .clip = 0};
  const TrainingGraph training = make_training_graph(model, batch, {}, &optimizer);
  const Graph& g = training.graph;
  Random random(1);
  std::vector<Tensor> inputs;
  for (const ValueId in : g.inputs()) inputs.push_back(noise(g.type(in), random));
  inputs.back() = Tensor::scalar<float>(1e-6f);
  const Provider* providers[] = {&cpu_provider()};
  Session session(Plan::compile(g, providers, {.threads = threads}));
  session.run(inputs);
  std::vector<double> times;
  for (const auto start = std::chrono::steady_clock::now(); times.size() < 3 || seconds_since(start) < seconds;) {
    const auto begin = std::chrono::steady_clock::now();
    session.run(inputs);
    times.push_back(seconds_since(begin));
  }
  std::nth_element(times.begin(), times.begin() + static_cast<int64_t>(times.size() / 2), times.end());
  const double median = times[times.size() / 2];
  std::printf("%.0f samples/s, %.2f ms a step of %ld, %d threads, %zu steps\n", static_cast<double>(batch) / median,
              1e3 * median, static_cast<long>(batch), threads, times.size());
  std::map<std::string, double> by_op;
  session.set_observer([&](size_t step, double us, std::span<const Tensor* const>) {
    const PlannedStep& planned = session.plan().steps()[step];
    by_op[std::string(planned.op) + " (" + std::string(planned.provider) + ")"] += us;
  });
  session.run(inputs);
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [op, us] : by_op) order.emplace_back(us, op);
  std::sort(order.rbegin(), order.rend());
  for (size_t i = 0; i < std::min<size_t>(order.size(), 8); ++i)
    std::printf("  %8.2f ms  %s\n", order[i].first / 1e3, order[i].second.c_str());
  return 0;
}

}  // namespace
}  // namespace hone

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: hone_train_bench MODEL [BATCH [THREADS [SECONDS]]]\n");
    return 2;
  }
  const auto number = [&](int i, double usual) { return argc > i ? std::atof(argv[i]) : usual; };
  try {
    return hone::run(argv[1], static_cast<int64_t>(number(2, 32)), static_cast<int>(number(3, 2)), number(4, 3));
  } catch (const hone::Error& e) {
    std::fprintf(stderr, "error: %s\n", e.what());
    return 1;
  }
}
