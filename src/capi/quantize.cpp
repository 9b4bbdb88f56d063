#include "hone/quantize.h"

#include <set>

#include "compress/dequantize.h"
#include "compress/quantize.h"
#include "providers/cpu/provider.h"

namespace hone {

Model quantize_int8(const Model& model, const Samples& samples, const Int8Options& options) {
  const Graph graph = with_float_weights(model.simplified().graph());
  const Engine engine{.providers = {&cpu::portable_provider()}, .plan = {.threads = options.threads}};
  const Statistics statistics = collect_statistics(graph, {samples.count, samples.inputs}, engine);
  QuantizeOptions quantize_options;
  quantize_options.keep_float = std::set<std::string>(options.keep_float.begin(), options.keep_float.end());
  quantize_options.quantize_io = options.integer_io;
  const Ranges ranges = to_ranges(statistics, find_calibrator(options.calibrator));
  return Model(quantize_static(graph, ranges, quantize_options));
}

Model quantize_dynamic(const Model& model) {
  return Model(quantize_dynamic_range(with_float_weights(model.simplified().graph())));
}
Model quantize_float16(const Model& model) { return Model(to_float16(with_float_weights(model.simplified().graph()))); }

}  // namespace hone
