#include "ops/permute.h"

#include <cstring>

namespace hone {

Tensor permuted(const Tensor& x, const std::vector<int64_t>& perm) {
  Dims dims(perm.size());
  std::vector<int64_t> steps(perm.size(), 1), index(perm.size(), 0);
  for (size_t i = 0; i < perm.size(); ++i) {
    dims[i] = x.dim(perm[i]);
    for (int64_t k = perm[i] + 1; k < x.rank(); ++k) steps[i] *= x.dim(k);
  }
  Tensor out = Tensor::empty(x.dtype(), dims);
  const auto width = static_cast<size_t>(size_of(x.dtype()));
  const auto* from = static_cast<const char*>(x.raw());
  auto* to = static_cast<char*>(out.mutable_raw());
  int64_t at = 0;
  for (int64_t n = 0; n < out.elements(); ++n, to += width) {
    std::memcpy(to, from + static_cast<size_t>(at) * width, width);
    for (size_t i = perm.size(); i-- > 0;) {
      at += steps[i];
      if (++index[i] < dims[i]) break;
      at -= steps[i] * dims[i];
      index[i] = 0;
    }
  }
  return out;
}

}  // namespace hone
