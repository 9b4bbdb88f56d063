#include "compress/pixels.h"

#include "data/dataset.h"

namespace hone {

void keep_pixels(const Graph& integer, Graph& real) {
  if (integer.inputs().empty() || real.metadata.count(std::string(kPreprocessKey)) != 0) return;
  const ValueId in = integer.inputs().front();
  if (!integer.type(in).quant) return;
  const InputSpec spec = make_input_spec(integer.value(in).name, integer.type(in), {});
  if (!spec.preprocess.color.empty()) real.metadata[std::string(kPreprocessKey)] = to_json(spec.preprocess);
}

}  // namespace hone
