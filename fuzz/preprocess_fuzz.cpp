// Bytes as a preprocessing file, applied to a small picture when it parses.
#include "data/preprocess.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] {
    const hone::Preprocess over = hone::parse_preprocess(hone::fuzz::text_of(data, size));
    const hone::TensorType type{hone::DType::kF32, hone::Shape{1, 8, 8, 3}, nullptr};
    const hone::Preprocess preprocess = hone::resolve_preprocess(type, {}, over);
    const hone::Tensor picture = hone::Tensor::zeros(hone::DType::kU8, {12, 10, hone::image_channels(preprocess)});
    hone::preprocess_image(picture, preprocess, type);
  });
}
