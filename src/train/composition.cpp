#include "train/composition.h"

#include "train/gradient.h"

namespace hone {

void give_by_composition(Backward& b,
                         const std::function<std::vector<ValueId>(std::span<const ValueId> inputs)>& forward) {
  std::vector<ValueId> inputs, values;
  for (size_t i = 0; i < b.node().inputs.size(); ++i) {
    // A value of its own: inputs may depend on each other.
    inputs.push_back(b.wants(i) ? b.apply(Identity{}, {b.x(i)}) : b.x(i));
    if (b.wants(i)) values.push_back(inputs.back());
  }
  const std::vector<ValueId> outputs = forward(inputs);
  std::vector<Slope> ends;
  for (size_t k = 0; k < outputs.size(); ++k)
    if (b.dy(k).exists()) ends.push_back({outputs[k], b.dy(k)});
  const std::vector<ValueId> slopes = add_gradients(b.graph(), ends, values);
  for (size_t i = 0, k = 0; i < inputs.size(); ++i)
    if (b.wants(i)) b.give(i, slopes[k++]);
}

}  // namespace hone
