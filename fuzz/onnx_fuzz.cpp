// Bytes as an ONNX model; what is read must be legal.
#include "formats/onnx/onnx.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] {
    const hone::Graph graph = hone::kOnnxFormat.read({"fuzz.onnx", hone::fuzz::bytes_of(data, size), nullptr});
    hone::verify(graph);
  });
}
