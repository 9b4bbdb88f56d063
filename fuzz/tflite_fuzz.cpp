// Bytes as a .tflite model; what can be read is written back.
#include "formats/tflite/tflite.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most(
      [&] { hone::write_tflite(hone::read_tflite(hone::fuzz::bytes_of(data, size), nullptr)); });
}
