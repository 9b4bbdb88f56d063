#include "train/loader.h"

#include <cstring>

#include "base/error.h"
#include "base/text.h"

namespace hone {
namespace {

void put(const Tensor& sample, Tensor& batch, int64_t k) {
  const int64_t bytes = batch.byte_size() / batch.dim(0);
  if (sample.dtype() != batch.dtype() || sample.byte_size() != bytes)
    throw invalid_argument(cat("a sample is ", to_text(sample.type()), ", the model takes ", to_text(batch.type()),
                               " for ", batch.dim(0), " samples"));
  std::memcpy(static_cast<std::byte*>(batch.mutable_raw()) + k * bytes, sample.raw(), static_cast<size_t>(bytes));
}

}  // namespace

Batch Loader::load(const TrainingData& data, std::span<const size_t> which, std::optional<uint64_t> epoch) const {
  Batch batch;
  for (const TensorType& type : types_) batch.inputs.push_back(Tensor::empty(type.dtype, type.shape.dims()));
  parallel_samples(static_cast<int64_t>(which.size()), threads_, {}, [&](int64_t k, int) {
    const size_t i = which[static_cast<size_t>(k)];
    std::vector<Tensor> sample = data.samples.inputs(i);
    if (epoch && !options_.augments.empty()) {
      Random random = Random::of(options_.seed, *epoch, i);
      for (Tensor& t : sample) {
        t = t.clone();
        augment(t, options_.has_planes, options_.augments, random);
      }
    }
    for (size_t j = 0; j < sample.size(); ++j) put(sample[j], batch.inputs[j], k);
  });
  for (const size_t i : which) batch.labels.push_back(data.labels.empty() ? -1 : data.labels[i]);
  return batch;
}

}  // namespace hone
