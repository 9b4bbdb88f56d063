#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/annotations.h"
#include "data/dataset.h"
#include "data/masks.h"
#include "ir/graph.h"

namespace hone {

/// Where inputs come from, one sample at a time: only one is in memory.
struct SampleSource {
  size_t count = 0;
  std::function<std::vector<Tensor>(size_t i)> inputs;  ///< as Session::run takes them
};

/// The samples of `data` as a model with these specs takes them. Both must outlive the source.
SampleSource samples_of(const Dataset& data, const std::vector<InputSpec>& inputs);

/// Labels of the data, the names of its classes, and what annotations beside it say.
struct Labels {
  std::vector<int64_t> of_samples;             ///< empty when any sample has none
  std::vector<std::string> classes;            ///< by index; empty when labels are numbers only
  std::vector<std::vector<Annotation>> boxes;  ///< of samples; empty when there are none beside the data
  std::vector<std::string> masks;              ///< files of samples, as find_masks tells; empty when there are none
};
Labels labels_of(const Dataset& data);

/// The specs of every input of `graph`: preprocessing from its metadata and `over`.
std::vector<InputSpec> input_specs(const Graph& graph, const Preprocess& over = {}, const QuantPtr& stored = nullptr);

}  // namespace hone
