// An ONNX model, changed in its structure, and everything hone does with it: life.h.
#include "formats/onnx/onnx.h"
#include "life.h"
#include "sweep/onnx_mutator.h"

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  return hone::fuzz::mutate(data, size, max_size, seed, hone::sweep::mutated_onnx);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::must_live([&] {
    return hone::kOnnxFormat.read({"fuzz.onnx", hone::fuzz::bytes_of(data, size), nullptr});
  });
}
