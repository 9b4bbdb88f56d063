#include "hone/quantize.h"

#include "base/error.h"
#include "base/text.h"
#include "compress/dequantize.h"
#include "compress/layer_names.h"
#include "compress/quantize.h"
#include "providers/cpu/provider.h"

namespace hone {

Model quantize_int8(const Model& model, const Samples& samples, const Int8Options& options) {
  const Graph graph = with_float_weights(model.simplified().graph());
  const Engine engine{.providers = {&cpu::portable_provider()}, .plan = {.threads = options.threads}};
  const Statistics statistics = collect_statistics(graph, {samples.count, samples.inputs}, engine);
  const Ranges ranges = to_ranges(statistics, find_calibrator(options.calibrator));
  QuantizeOptions quantize_options;
  quantize_options.quantize_io = options.integer_io;
  const std::vector<std::string> layers = quantizable_layers(graph, ranges);
  for (const std::string& name : options.keep_float) {
    const std::string layer = find_layer(name, model.graph(), graph, layers);
    if (layer.empty()) throw not_found(cat("keep_float '", name, "': no such layer that int8 would take"));
    quantize_options.keep_float.insert(layer);
  }
  return Model(quantize_static(graph, ranges, quantize_options));
}

Model quantize_dynamic(const Model& model) {
  return Model(quantize_dynamic_range(with_float_weights(model.simplified().graph())));
}
Model quantize_float16(const Model& model) { return Model(to_float16(with_float_weights(model.simplified().graph()))); }

}  // namespace hone
