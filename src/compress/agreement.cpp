#include "compress/agreement.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace hone {

namespace {

std::vector<int32_t> decide_along_last_axis(const Tensor& scores) {
  const std::vector<double> values = to_doubles(scores);
  const size_t classes = scores.rank() == 0 ? 1 : static_cast<size_t>(scores.dims().back());
  std::vector<int32_t> decisions;
  for (size_t at = 0; classes > 0 && at + classes <= values.size(); at += classes) {
    const auto begin = values.begin() + static_cast<int64_t>(at);
    decisions.push_back(static_cast<int32_t>(std::max_element(begin, begin + static_cast<int64_t>(classes)) - begin));
  }
  return decisions;
}

}  // namespace

AgreementReference::Decisions AgreementReference::decide_all(const Graph& graph, const Engine& engine, size_t output,
                                                             const Dataset& data, const std::vector<InputSpec>& inputs,
                                                             const Progress& progress) {
  if (output >= graph.outputs().size())
    throw invalid_argument(cat("output ", output, " does not exist, the model has ", graph.outputs().size()));
  Runner runner = engine.runner(graph);
  Decisions all(data.size());
  for (size_t i = 0; i < data.size(); ++i) {
    all[i] = decide_along_last_axis(runner.run(data.load(i, inputs))[output]);
    if (progress) progress(static_cast<int64_t>(i) + 1, static_cast<int64_t>(data.size()));
  }
  return all;
}

Agreement AgreementReference::learn(const Graph& graph, const Engine& engine, size_t output, const Dataset& data,
                                    const std::vector<InputSpec>& inputs, const Progress& progress) {
  expected_ = decide_all(graph, engine, output, data, inputs, progress);
  return count(expected_);
}

Agreement AgreementReference::compare(const Graph& graph, const Engine& engine, size_t output, const Dataset& data,
                                      const std::vector<InputSpec>& inputs, const Progress& progress) const {
  return count(decide_all(graph, engine, output, data, inputs, progress));
}

Agreement AgreementReference::count(const Decisions& actual) const {
  Agreement a;
  for (size_t i = 0; i < expected_.size() && i < actual.size(); ++i) {
    const size_t count = std::min(expected_[i].size(), actual[i].size());
    int64_t agreeing = 0;
    for (size_t k = 0; k < count; ++k) agreeing += expected_[i][k] == actual[i][k];
    a.right.push_back(count > 0 ? static_cast<float>(agreeing) / static_cast<float>(count) : 1.0f);
    a.decisions += static_cast<int64_t>(count);
    a.agreeing += agreeing;
  }
  a.share = a.decisions ? static_cast<double>(a.agreeing) / static_cast<double>(a.decisions) : 0;
  a.interval = wilson_interval(a.agreeing, a.decisions);
  return a;
}

}  // namespace hone
