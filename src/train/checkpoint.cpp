#include "train/checkpoint.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/text.h"
#include "data/npz.h"

namespace hone {
namespace {

Tensor bytes_of(const std::string& text) {
  Tensor t = Tensor::empty(DType::kU8, {static_cast<int64_t>(text.size())});
  std::copy(text.begin(), text.end(), t.mutable_data<uint8_t>().begin());
  return t;
}

/// [results, 4]: epoch, loss, held-out loss and accuracy.
Tensor table_of(const std::vector<EpochResult>& results) {
  Tensor t = Tensor::empty(DType::kF64, {static_cast<int64_t>(results.size()), 4});
  double* out = t.mutable_data<double>().data();
  for (const EpochResult& r : results)
    for (const double v : {static_cast<double>(r.epoch), r.loss, r.held_out.loss, r.held_out.accuracy}) *out++ = v;
  return t;
}

/// Epochs are numbered from 0 without a gap.
std::vector<EpochResult> results_of(const Tensor& table) {
  std::vector<EpochResult> out;
  const auto v = table.data<double>();
  for (size_t i = 0; i + 4 <= v.size(); i += 4) {
    const auto epoch = static_cast<int64_t>(out.size());
    if (v[i] != static_cast<double>(epoch))
      throw invalid_argument(cat("a checkpoint with epoch ", v[i], " in the place of ", epoch));
    out.push_back({epoch, v[i + 1], {.loss = v[i + 2], .accuracy = v[i + 3]}});
  }
  return out;
}

}  // namespace

void write_checkpoint(const std::string& path, const std::string& identity, const Checkpoint& c) {
  std::vector<NamedTensor> arrays{{"identity", bytes_of(identity)}, {"results", table_of(c.results)}};
  for (size_t i = 0; i < c.states.size(); ++i) arrays.emplace_back(cat("state_", i), c.states[i]);
  for (size_t i = 0; i < c.best.size(); ++i) arrays.emplace_back(cat("best_", i), c.best[i]);
  write_npz(path, arrays);
}

Checkpoint read_checkpoint(const std::string& path, const std::string& identity) {
  Checkpoint out;
  Tensor found, results;
  for (auto& [name, tensor] : read_npz(path)) {
    if (name == "identity") found = tensor;
    if (name == "results") results = tensor;
    if (name.starts_with("state_")) out.states.push_back(tensor);
    if (name.starts_with("best_")) out.best.push_back(tensor);
  }
  if (!found.exists() || found.dtype() != DType::kU8 || !results.exists() || results.dtype() != DType::kF64 ||
      results.rank() != 2 || results.dim(0) == 0 || results.dim(1) != 4)
    throw invalid_argument(cat("'", path, "' is no checkpoint of training"));
  const auto bytes = found.data<uint8_t>();
  if (!std::equal(bytes.begin(), bytes.end(), identity.begin(), identity.end()))
    throw invalid_argument(cat("checkpoint '", path, "' is of another model, other data or other flags"),
                           "go on with the flags that it began with, or give another --checkpoint");
  out.results = results_of(results);
  return out;
}

}  // namespace hone
