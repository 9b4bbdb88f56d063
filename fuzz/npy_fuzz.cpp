// Bytes as a .npy array.
#include "data/npy.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] { hone::parse_npy(hone::fuzz::bytes_of(data, size), nullptr); });
}
