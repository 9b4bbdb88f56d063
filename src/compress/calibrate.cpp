#include "compress/calibrate.h"

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

void check_finite(const Statistics& statistics) {
  for (const auto& [name, histogram] : statistics)
    if (histogram.not_finite() > 0)
      throw invalid_argument(
          cat("calibration saw ", histogram.not_finite(), " values that are not finite in '", name, "'"),
          "check the preprocessing: hone run MODEL --input FILE shows the outputs");
}

}  // namespace

Statistics collect_statistics(const Graph& graph, const SampleSource& samples, const Engine& engine,
                              const Progress& progress) {
  if (samples.count == 0)
    throw invalid_argument("no calibration samples", "pass a folder of representative data: --data DIR");
  Statistics statistics;
  PlanOptions options = engine.plan;
  options.refuses = hides_values;
  Runner runner(graph, engine.providers, options);
  for (size_t i = 0; i < samples.count; ++i) {
    const std::vector<Tensor> inputs = samples.inputs(i);
    Session& session = runner.session_for(inputs);
    const Plan& plan = session.plan();
    for (size_t k = 0; k < inputs.size(); ++k)
      if (inputs[k].dtype() == DType::kF32 && !inputs[k].quant())
        statistics[graph.value(graph.inputs()[k]).name].add(inputs[k].data<float>());
    session.set_observer([&](size_t step, double, std::span<const Tensor* const> outputs) {
      for (size_t o = 0; o < outputs.size(); ++o) {
        const Tensor& t = *outputs[o];
        if (!t.exists() || t.dtype() != DType::kF32) continue;
        statistics[plan.slots()[static_cast<size_t>(plan.steps()[step].outputs[o])].name].add(t.data<float>());
      }
    });
    session.run(inputs);
    session.set_observer({});
    if (progress) progress(static_cast<int64_t>(i) + 1, static_cast<int64_t>(samples.count));
  }
  check_finite(statistics);
  return statistics;
}

Ranges to_ranges(const Statistics& statistics, const Calibrator& calibrator) {
  Ranges ranges;
  for (const auto& [name, histogram] : statistics) ranges[name] = calibrator.range(histogram);
  return ranges;
}

}  // namespace hone
