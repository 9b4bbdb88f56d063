// Bytes as a PNG, JPEG or BMP picture.
#include "data/image.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] { hone::decode_image(hone::fuzz::bytes_of(data, size)); });
}
