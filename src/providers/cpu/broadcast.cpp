#include "providers/cpu/broadcast.h"

namespace hone::cpu {

BroadcastRows BroadcastRows::of(const Dims& a, const Dims& b, const Dims& out) {
  const Dims a_all = broadcast_strides(a, out);
  const Dims b_all = broadcast_strides(b, out);
  // Neighbouring dims merge where both inputs step through them as through one.
  Dims dims, as, bs;
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == 1) continue;
    if (!dims.empty() && as.back() == a_all[i] * out[i] && bs.back() == b_all[i] * out[i]) {
      dims.back() *= out[i];
      as.back() = a_all[i];
      bs.back() = b_all[i];
      continue;
    }
    dims.push_back(out[i]);
    as.push_back(a_all[i]);
    bs.push_back(b_all[i]);
  }
  BroadcastRows r;
  if (!dims.empty()) {
    r.inner = dims.back();
    r.a_moves = as.back() != 0;
    r.b_moves = bs.back() != 0;
    dims.pop_back();
    as.pop_back();
    bs.pop_back();
  }
  for (int64_t d : dims) r.rows *= d;
  r.outer = std::move(dims);
  r.a_strides = std::move(as);
  r.b_strides = std::move(bs);
  return r;
}

}  // namespace hone::cpu
