#include <cmath>
#include <string>
#include <vector>

#include "capi/c_guard.h"
#include "hone/optimize.h"

using hone::capi::guarded;
using hone::capi::options_of;
using hone::capi::require;

struct hone_sample {
  const std::vector<hone::Port>& inputs;
  std::vector<hone::Tensor> values;
};

namespace {

std::string text_or(const char* text, const char* otherwise) { return text ? text : otherwise; }

/// The caller's function as a source of samples. What it returns instead of HONE_OK becomes an Error.
hone::Samples samples_of(const hone_samples* samples, const hone::Model& model) {
  if (samples == nullptr) return {};
  require(samples->fill, "samples: fill must not be null");
  const auto ports = std::make_shared<const std::vector<hone::Port>>(model.inputs());
  return {samples->count, [fill = samples->fill, context = samples->context, ports](size_t index) {
            hone_sample sample{*ports, std::vector<hone::Tensor>(ports->size())};
            if (fill(context, index, &sample) != HONE_OK) throw hone::cancelled("the caller's samples ended the work");
            for (const hone::Tensor& t : sample.values) require(t.exists(), "samples: an input was not set");
            return std::move(sample.values);
          }};
}

template <class Result>
void give(Result* to, Result from) {
  if (to == nullptr) return;
  const size_t size = to->size < sizeof(Result) ? to->size : sizeof(Result);
  from.size = to->size;
  std::memcpy(to, &from, size);
}

}  // namespace

extern "C" {

hone_status hone_sample_set_input(hone_sample* sample, size_t input, const int64_t* dims, int32_t rank,
                                  const void* data, size_t bytes) {
  return guarded([&] {
    require(sample && input < sample->inputs.size(), "hone_sample_set_input: no such input");
    require(rank >= 0 && rank <= 64 && (dims || rank == 0) && (data || bytes == 0),
            "hone_sample_set_input: dims or data missing");
    const hone::TensorType& type = sample->inputs[input].type;
    hone::Tensor t = hone::Tensor::empty(type.dtype, hone::Dims(dims, dims + rank), type.quant);
    require(static_cast<size_t>(t.byte_size()) == bytes, "hone_sample_set_input: bytes do not match dims");
    if (bytes > 0) std::memcpy(t.mutable_raw(), data, bytes);
    sample->values[input] = std::move(t);
  });
}

hone_status hone_quantize(const hone_model* model, const hone_samples* samples, const hone_quantize_options* options,
                          hone_model** quantized) {
  return guarded([&] {
    require(model && quantized, "hone_quantize: model and quantized must not be null");
    *quantized = nullptr;
    const hone_quantize_options o = options_of(options, hone_quantize_options{.size = sizeof(hone_quantize_options)});
    const hone::Model& source = hone_model_access::model(model);
    const std::string to = text_or(o.to, "int8");
    if (to == "dynamic") {
      *quantized = hone_model_access::make(hone::quantize_dynamic(source));
    } else if (to == "float16") {
      *quantized = hone_model_access::make(hone::quantize_float16(source));
    } else {
      require(to == "int8", "hone_quantize: to must be int8, dynamic or float16");
      require(samples, "hone_quantize: int8 needs samples");
      require(o.keep_float || o.keep_float_count == 0,
              "hone_quantize: keep_float must not be null where it has a count");
      const hone::Int8Options int8{.calibrator = text_or(o.calibrator, "mse"),
                                   .keep_float = {o.keep_float, o.keep_float + o.keep_float_count},
                                   .integer_io = o.integer_io != 0,
                                   .threads = o.threads};
      *quantized = hone_model_access::make(hone::quantize_int8(source, samples_of(samples, source), int8));
    }
  });
}

hone_status hone_model_save(const hone_model* model, const char* path) {
  return guarded([&] {
    require(model && path, "hone_model_save: model and path must not be null");
    hone_model_access::model(model).save(path);
  });
}

hone_optimize_options hone_optimize_defaults(void) {
  return {sizeof(hone_optimize_options), 1, std::nan(""), nullptr, nullptr, nullptr, nullptr, 0.5, 1, 0, nullptr};
}

hone_status hone_optimize(const hone_model* model, const hone_samples* calibration, const hone_samples* test,
                          const int64_t* labels, const hone_optimize_options* options, hone_model** optimized,
                          hone_optimize_result* result) {
  return guarded([&] {
    require(model && calibration && test, "hone_optimize: model and samples must not be null");
    require(!result || result->size >= sizeof result->size, "result: set size to sizeof the struct");
    if (optimized) *optimized = nullptr;
    const hone_optimize_options o = options_of(options, hone_optimize_defaults());
    const hone::Model& source = hone_model_access::model(model);
    hone::OptimizeOptions made{.max_drop = o.max_drop,
                               .bound = o.bound,
                               .metric = text_or(o.metric, ""),
                               .objective = text_or(o.objective, "latency")};
    made.mixed = o.no_mixed == 0;
    made.latency_seconds = o.latency_seconds;
    made.threads = o.threads;
    made.runtime = text_or(o.runtime, "hone");
    made.directory = text_or(o.directory, "");
    made.stem = text_or(o.stem, "model");
    const std::vector<int64_t> classes =
        labels ? std::vector<int64_t>(labels, labels + test->count) : std::vector<int64_t>();
    const hone::Optimized found =
        hone::optimize(source, samples_of(calibration, source), samples_of(test, source), classes, made);
    bool is_verified = true;
    for (const hone::OptimizedFile& f : found.files) is_verified &= f.bytes == 0 || f.is_verified;
    give(result,
         {0, found.is_better, is_verified, found.score_before, found.score_after, found.drop, found.drop_low,
          found.drop_high, found.latency_before_us, found.latency_after_us, found.bytes_before, found.bytes_after});
    if (optimized) *optimized = hone_model_access::make(found.model);
  });
}

}  // extern "C"
