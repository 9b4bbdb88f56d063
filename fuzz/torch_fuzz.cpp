// Bytes as a TorchScript archive.
#include "formats/source.h"
#include "formats/torch/torch.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return hone::fuzz::expect_error_at_most([&] {
    const hone::ModelSource source = hone::source_of("fuzz.pt", {hone::fuzz::bytes_of(data, size), nullptr});
    if (hone::kTorchFormat.sniff(source)) hone::kTorchFormat.read({source, {.shapes = {{"x", {1, 2, 5, 6}}}}});
  });
}
