#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/npy.h"
#include "formats/tflite/tflite.h"
#include "support/test_data.h"

namespace hone {

/// A real model with inputs and the original runtime's answers.
struct GoldenModel {
  const char* path;  ///< in the test data
  const char* name;  ///< folder of its goldens
  bool is_float;
};

inline constexpr GoldenModel kGoldenModels[] = {
    {"mlperf_tiny/ic/pretrainedResnet.tflite", "pretrainedResnet", true},
    {"mlperf_tiny/ic/pretrainedResnet_quant.tflite", "pretrainedResnet_quant", false},
    {"mlperf_tiny/ic/pretrainedResnet_large_float.tflite", "pretrainedResnet_large_float", true},
    {"mlperf_tiny/ic/pretrainedResnet_large_int8.tflite", "pretrainedResnet_large_int8", false},
    {"mlperf_tiny/kws/kws_ref_model_float32.tflite", "kws_ref_model_float32", true},
    {"mlperf_tiny/kws/kws_ref_model.tflite", "kws_ref_model", false},
    {"mlperf_tiny/vww/vww_96_float.tflite", "vww_96_float", true},
    {"mlperf_tiny/vww/vww_96_int8.tflite", "vww_96_int8", false},
    {"imagenet/mobilenet_v1_0.25_128_quant.tflite", "mobilenet_v1_0.25_128_quant", false},
    {"imagenet/mobilenet_v2_1.0_224_quant.tflite", "mobilenet_v2_1.0_224_quant", false},
};

inline Graph read_mapped(const std::string& path) {
  const auto file = MappedFile::open(path);
  return read_tflite(file->bytes(), file);
}

/// Reads a copy of bytes that were just written.
inline Graph read_bytes(const std::vector<std::byte>& bytes) {
  const auto owner = std::make_shared<std::vector<std::byte>>(bytes);
  return read_tflite(*owner, owner);
}

/// Array `part` ("in0", "out0") of golden number k, or none.
inline std::optional<Tensor> golden(const GoldenModel& model, int k, const std::string& part) {
  const auto path = test_data("golden/" + std::string(model.name) + "/" + std::to_string(k) + "." + part + ".npy");
  if (!path) return std::nullopt;
  return read_npy(*path);
}

}  // namespace hone
