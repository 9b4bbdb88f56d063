#pragma once

#include <map>
#include <string>
#include <vector>

#include "container/json.h"
#include "formats/keras/layer.h"

namespace hone::keras {

/// Builds the graph of a model's configuration: {"class_name": "Functional" or "Sequential", "config": …}.
class ModelReader {
 public:
  ModelReader(const Weights& weights, int64_t version) : weights_(weights), version_(version) {}
  Graph read(const Json& model);

 private:
  using Values = std::vector<ValueId>;
  /// The model's own inputs where `inputs` is null.
  Values run_model(const Json& model, const Values* inputs, const WeightPlace& place);
  Values run_sequential(const Json& model, const Values* inputs, const WeightPlace& place);
  Values run_functional(const Json& model, const Values* inputs, const WeightPlace& place);
  Values run_layer(const Json& layer, Values inputs, std::map<std::string, ValueId> named, const WeightPlace& place);
  ValueId add_input(const Json& layer);

  const Weights& weights_;
  int64_t version_;
  Graph graph_;
  int depth_ = 0;
};

}  // namespace hone::keras
