#include "train/first_bad.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace hone {

bool has_bad_values(const Tensor& t) {
  if (!t.exists() || t.dtype() != DType::kF32) return false;
  const auto values = t.data<float>();
  return std::any_of(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
}

std::string first_bad_node(Session& session, std::span<const Tensor> inputs) {
  std::string found;
  const Plan& plan = session.plan_for(inputs);
  session.set_observer([&](size_t step, double, std::span<const Tensor* const> outputs) {
    if (!found.empty()) return;
    if (std::any_of(outputs.begin(), outputs.end(), [](const Tensor* t) { return has_bad_values(*t); }))
      found = cat("'", plan.steps()[step].name, "' (", plan.steps()[step].op, ")");
  });
  session.run(inputs);
  session.set_observer({});
  return found;
}

}  // namespace hone
